"""Fit: whether a LoRA's file is for a pipeline, found out before the pipeline is touched."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from diffusers.models.model_loading_utils import load_state_dict
from diffusers.utils.state_dict_utils import (
    convert_state_dict_to_diffusers,
    convert_state_dict_to_peft,
    convert_unet_state_dict_to_peft,
)
from torch import Tensor

from detailer.engines.painters.diffusion.loading.faults import as_engine_error
from detailer.engines.painters.diffusion.loading.headers import read_header
from detailer.engines.painters.diffusion.loading.quiet import quiet
from detailer.errors import EngineError

_DOWN, _UP = ".lora_A.weight", ".lora_B.weight"
_LYCORIS = (".hada_w1", ".lokr_w", ".oft_", ".boft_", ".glora_")
_WIDTHS = {
    768: "Stable Diffusion 1",
    1024: "Stable Diffusion 2",
    1280: "the SDXL refiner",
    2048: "SDXL",
}
_MARKS = (
    ("distilled_guidance_layer", "Chroma"),
    ("single_transformer_blocks", "Flux"),
    ("double_blocks", "Flux"),
    ("joint_blocks", "Stable Diffusion 3"),
    ("img_mlp", "Qwen-Image"),
    ("context_refiner", "Z-Image"),
    ("lora_te2_", "SDXL"),
    ("text_encoder_2", "SDXL"),
    ("add_k_proj", "Stable Diffusion 3"),
)


@dataclass(frozen=True)
class _Change:
    """One change to one layer: what goes in or what comes out of it."""

    part: str
    layer: str
    goes_in: bool
    size: int

    def __str__(self) -> str:
        way = "takes" if self.goes_in else "gives"
        return f"{self.part}.{self.layer} {way} {self.size} numbers in it"


def check_fit(pipe: Any, path: Path) -> None:
    """Passes where a LoRA's layers are layers of the pipeline, of the same sizes.

    Raises:
        EngineError: If the file is cut short or broken, is of a kind that diffusers does not
            convert, or was made for another family, which it names where that can be told.
    """
    if path.suffix.lower() == ".safetensors":
        read_header(path)
    with quiet(), as_engine_error(path):
        raw = load_state_dict(path)
    made_for = _family(raw)
    try:
        with quiet(), as_engine_error(path, made_for and f"it was made for {made_for}"):
            changes = list(_changes(pipe, raw))
    except EngineError as error:
        raise _with_kind(error, raw, path) from error
    sizes = {each: _size(pipe, each) for each in changes}
    for change, size in sizes.items():
        if size not in (None, change.size):
            raise EngineError(
                f"{path} is not for this model: {change}, here {size}{_hint(made_for)}"
            )
    known = sum(size is not None for size in sizes.values())
    if known * 2 <= len(sizes):
        said = f"{len(sizes) - known} of its {len(sizes)} changes are to layers that are not in it"
        said = said if sizes else "nothing in it is the name of a LoRA's layer"
        stranger = EngineError(f"{path} is not for this model: {said}{_hint(made_for)}")
        raise _with_kind(stranger, raw, path)


def _changes(pipe: Any, raw: Mapping[str, Tensor]) -> Iterator[_Change]:
    """What diffusers would change, by its own names."""
    # The block numbers of kohya's files for SDXL are told apart by the UNet's configuration.
    is_sdxl = hasattr(pipe, "unet") and hasattr(pipe, "text_encoder_2")
    options = {"unet_config": pipe.unet.config} if is_sdxl else {}
    said = pipe.lora_state_dict(dict(raw), **options)
    converted = said[0] if isinstance(said, tuple) else said
    for part in pipe._lora_loadable_modules:  # noqa: SLF001  # diffusers names them nowhere else
        own = {
            name.removeprefix(f"{part}."): tensor
            for name, tensor in converted.items()
            if name.startswith(f"{part}.")
        }
        for name, tensor in _by_layer(part, own).items():
            layer = name.removesuffix(_DOWN).removesuffix(_UP)
            if name.endswith(_DOWN):
                yield _Change(part, layer, True, tensor.shape[1])
            elif name.endswith(_UP):
                yield _Change(part, layer, False, tensor.shape[0])


def _by_layer(part: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """Named layer.lora_A.weight, whichever of diffusers' formats it was."""
    if not tensors:
        return {}
    if part.startswith("text_encoder"):
        alike = convert_state_dict_to_diffusers(tensors)
        return dict(convert_state_dict_to_peft(alike))
    if any(_DOWN in name for name in tensors):
        return tensors
    return dict(convert_unet_state_dict_to_peft(tensors))


def _size(pipe: Any, change: _Change) -> int | None:
    """What goes into the layer or comes out; None for a layer that is not there."""
    layer = getattr(pipe, change.part, None)
    if layer is None:
        # A part that was left out takes no harm, and diffusers skips it.
        return change.size
    name = (
        change.layer if hasattr(layer, "text_model") else change.layer.removeprefix("text_model.")
    )
    for word in name.split("."):
        layer = getattr(layer, word, None)
    layer = getattr(layer, "base_layer", layer)
    names = ("in_features", "in_channels") if change.goes_in else ("out_features", "out_channels")
    return next((getattr(layer, each) for each in names if hasattr(layer, each)), None)


def _family(raw: Mapping[str, Tensor]) -> str:
    """What the file seems to be made for; empty if nothing tells."""
    for mark, family in _MARKS:
        if any(mark in name for name in raw):
            return family
    for name, tensor in raw.items():
        reads_text = "attn2" in name and "to_k" in name and ("down" in name or "lora_A" in name)
        if reads_text and tensor.ndim == 2:
            return _WIDTHS.get(tensor.shape[1], "")
    return ""


def _hint(family: str) -> str:
    return f"; it was made for {family}" if family else ""


def _with_kind(error: EngineError, raw: Mapping[str, Tensor], path: Path) -> EngineError:
    """The same, or that the file is of a kind nobody here reads."""
    if any(mark in name for name in raw for mark in _LYCORIS):
        return EngineError(
            f"{path} is a LyCORIS file (LoHa, LoKr or OFT); diffusers reads LoRA only"
        )
    return error
