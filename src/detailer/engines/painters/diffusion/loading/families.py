"""Families: which kind of model a source is, found without torch and without its weights."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np

from detailer.engines.painters.diffusion.loading.card import FAMILIES, Card, Part, Prediction
from detailer.engines.painters.diffusion.loading.folders import card_of_folder
from detailer.engines.painters.diffusion.loading.headers import Header, Weight, read_header
from detailer.engines.painters.diffusion.loading.hub import cached_folder
from detailer.engines.painters.diffusion.loading.source import Source
from detailer.engines.painters.diffusion.loading.telling import (
    DENOISER,
    VAE,
    channels_of,
    denoiser_of,
    family_of,
)
from detailer.errors import EngineError

_FLOWS = ("sd3", "flux", "chroma", "qwen_image", "z_image")
# A layer by which Stable Diffusion 2's two kinds differ: trained on velocity, its values are wide.
_V_BIAS = f"{DENOISER}output_blocks.11.1.transformer_blocks.0.norm1.bias"
_V_WIDTH = 0.09


def recognised(source: Source, variant: str = "") -> Card:
    """What a source is.

    Args:
        source: A folder, a safetensors file, or a Hub name that is in the local cache.
        variant: Of a folder's files, such as fp16.

    Raises:
        EngineError: If the files are broken, or a single file is nothing known.
    """
    if source.kind == "file":
        if source.is_pickle:
            raise EngineError(f"{source.path} is a pickle: what it is shows when it is loaded")
        return card_of_file(read_header(source.path))
    folder = source.path if source.kind == "folder" else cached_folder(source)
    if folder is None:
        raise EngineError(f"{source.text} is not in the Hub's cache yet: run it once, or fetch it")
    return card_of_folder(folder, variant)


def card_of_file(header: Header) -> Card:
    """What a single file is.

    Raises:
        EngineError: If it is nothing known; the message says which tensors were seen.
    """
    family = family_of(header.weights, header.path)
    inner = denoiser_of(header.weights)
    guided = any(name.startswith(("guidance_in.", "time_text_embed.guidance_")) for name in inner)
    channels = channels_of(inner)
    return Card(
        family,
        tuple(_parts(family, header.weights)),
        prediction=_prediction(family, header),
        channels=channels,
        guided=guided,
        zero_snr="ztsnr" in header.weights,
        few_steps=_is_distilled(family, inner, header.path),
        version=_version(family, inner),
        pipeline=FAMILIES[family].pipeline,
    )


def _parts(family: str, weights: Mapping[str, Weight]) -> Iterable[Part]:
    build = FAMILIES[family]
    beginnings = {DENOISER: build.denoiser, **dict.fromkeys(VAE, "vae"), **build.texts}
    if not any(name.startswith(DENOISER) for name in weights):
        yield _part(build.denoiser, weights.values())
        return
    for name in dict.fromkeys(beginnings.values()):
        own = tuple(begin for begin, part in beginnings.items() if part == name)
        held = [each for key, each in weights.items() if key.startswith(own)]
        if held:
            yield _part(name, held)


def _part(name: str, weights: Iterable[Weight]) -> Part:
    held = list(weights)
    return Part(name, sum(each.numbers for each in held), sum(each.bytes for each in held))


def _prediction(family: str, header: Header) -> Prediction:
    if family in _FLOWS:
        return "flow"
    if any(mark in header.weights for mark in ("edm_mean", "edm_vpred.sigma_max")):
        return "edm"
    noted = header.notes.get("modelspec.prediction_type", "").lower()
    if "v_pred" in header.weights or noted in ("v", "v_prediction"):
        return "v_prediction"
    if family == "sd2" and _V_BIAS in header.weights and _is_wide(header):
        return "v_prediction"
    return "epsilon"


def _is_wide(header: Header) -> bool:
    weight = header.weights[_V_BIAS]
    kinds = {"F16": "<f2", "F32": "<f4"}
    if weight.dtype not in kinds:
        return False
    with header.path.open("rb") as file:
        file.seek(weight.start)
        values = np.frombuffer(file.read(weight.bytes), kinds[weight.dtype])
    return bool(values.astype(np.float64).std() > _V_WIDTH)


def _is_distilled(family: str, inner: Mapping[str, Weight], path: Path) -> bool:
    if family == "flux":
        return not any(name.startswith(("guidance_in.", "time_text_embed.guid")) for name in inner)
    # Nothing inside the files of these tells; their makers all put it into the name.
    words = path.stem.lower()
    return any(word in words for word in ("turbo", "lightning", "hyper", "lcm", "schnell"))


def _version(family: str, inner: Mapping[str, Weight]) -> str:
    if family != "sd3":
        return ""
    if any(name.startswith(("joint_blocks.37.", "transformer_blocks.37.")) for name in inner):
        return "sd35_large"
    both = (".x_block.attn2.", ".attn2.to_q.")
    return "sd35_medium" if any(each in name for name in inner for each in both) else "sd3_medium"
