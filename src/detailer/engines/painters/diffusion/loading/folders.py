"""Folders: what a folder of diffusers holds, from its configuration and headers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from detailer.engines.painters.diffusion.loading.card import Card, Part, Prediction
from detailer.engines.painters.diffusion.loading.shards import read_json, read_part
from detailer.engines.painters.diffusion.loading.source import INDEX
from detailer.errors import EngineError

LEFT_OUT = ("safety_checker", "feature_extractor")
"""Parts that are never loaded."""

_SD = ("StableDiffusion", "StableDiffusionImg2Img", "StableDiffusionInpaint",
       "StableDiffusionControlNet", "StableDiffusionControlNetImg2Img",
       "StableDiffusionControlNetInpaint")  # fmt: skip
_FAMILY = {
    **dict.fromkeys(_SD, "sd"),
    **{name.replace("StableDiffusion", "StableDiffusionXL"): "sdxl" for name in _SD},
    **dict.fromkeys(
        ("StableDiffusion3", "StableDiffusion3Img2Img", "StableDiffusion3Inpaint"), "sd3"
    ),
    **dict.fromkeys(("Flux", "FluxImg2Img", "FluxInpaint", "FluxFill", "FluxKontext"), "flux"),
    **dict.fromkeys(("Chroma", "ChromaImg2Img", "ChromaInpaint"), "chroma"),
    **dict.fromkeys(("QwenImage", "QwenImageImg2Img", "QwenImageInpaint"), "qwen_image"),
    **dict.fromkeys(("ZImage", "ZImageImg2Img", "ZImageInpaint"), "z_image"),
}
_CHANNELS = {
    "sd15": (4, 9), "sd2": (4, 9), "sdxl": (4, 9), "sdxl_refiner": (4,), "sd3": (16,),
    "flux": (64, 384), "chroma": (64,), "qwen_image": (64,), "z_image": (16,),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Index:
    """The list at the top of a folder: the pipeline's class, and each part's library and class."""

    folder: Path
    pipeline: str
    parts: Mapping[str, tuple[str, str]]
    settings: Mapping[str, Any]

    def config(self, part: str) -> dict[str, Any]:
        """The configuration of a part; empty where it has none."""
        for name in ("config.json", "scheduler_config.json"):
            if (self.folder / part / name).is_file():
                return read_json(self.folder / part / name)
        return {}


def read_index(folder: Path) -> Index:
    """The list of a folder's parts, without those that are never loaded.

    Raises:
        EngineError: If the list cannot be understood.
    """
    listed = read_json(folder / INDEX)
    name = listed.get("_class_name")
    if not isinstance(name, str):
        raise EngineError(f"{folder / INDEX} names no pipeline; fetch it again")
    parts = {
        part: (str(value[0]), str(value[1]))
        for part, value in listed.items()
        # A name with dots or slashes would lead out of the folder.
        if part.isidentifier() and isinstance(value, list) and len(value) == 2 and value[0]
    }
    parts = {part: value for part, value in parts.items() if part not in LEFT_OUT}
    settings = {key: value for key, value in listed.items() if not isinstance(value, list)}
    return Index(folder, name, parts, settings)


def card_of_folder(folder: Path, variant: str = "") -> Card:
    """What a folder of diffusers is; family "other" where no adapter is known for it.

    Raises:
        EngineError: If its files are broken.
    """
    index = read_index(folder)
    denoiser = index.config("unet") or index.config("transformer")
    channels = int(denoiser.get("in_channels") or 0)
    prediction = _prediction(index)
    return Card(
        _family(index, denoiser, channels),
        tuple(_parts(index, variant)),
        prediction=prediction,
        channels=channels,
        guided=bool(denoiser.get("guidance_embeds")),
        zero_snr=bool(index.config("scheduler").get("rescale_betas_zero_snr")),
        few_steps=_is_distilled(index, denoiser),
        version=_version(denoiser),
        pipeline=index.pipeline,
    )


def _family(index: Index, denoiser: Mapping[str, Any], channels: int) -> str:
    family = _FAMILY.get(index.pipeline.removesuffix("Pipeline"), "other")
    if family == "sd":
        family = "sd2" if denoiser.get("cross_attention_dim") == 1024 else "sd15"
    if family == "sdxl" and index.settings.get("requires_aesthetics_score"):
        family = "sdxl_refiner"
    return family if channels in _CHANNELS.get(family, ()) else "other"


def _prediction(index: Index) -> Prediction:
    config = index.config("scheduler")
    name = str(config.get("_class_name", ""))
    if "FlowMatch" in name:
        return "flow"
    if name.startswith("EDM"):
        return "edm"
    told = config.get("prediction_type", "epsilon")
    if told in ("v_prediction", "sample"):
        return told  # type: ignore[no-any-return]
    return "flow" if told == "flow_prediction" else "epsilon"


def _parts(index: Index, variant: str) -> Iterable[Part]:
    for name in index.parts:
        header = read_part(index.folder / name, variant)
        if header is not None:
            held = header.weights.values()
            numbers = sum(each.numbers for each in held)
            yield Part(name, numbers, sum(each.bytes for each in held))


def _is_distilled(index: Index, denoiser: Mapping[str, Any]) -> bool:
    if index.pipeline.startswith("Flux"):
        return not denoiser.get("guidance_embeds")
    # Distilled models of the other families are recognised by how their makers set the schedule.
    scheduler = index.config("scheduler")
    trailing = scheduler.get("timestep_spacing") == "trailing"
    few = scheduler.get("_class_name") in ("LCMScheduler", "FlowMatchLCMScheduler")
    words = str(index.settings.get("_name_or_path", "")) + index.folder.name
    return few or (trailing and "turbo" in words.lower()) or "z-image-turbo" in words.lower()


def _version(denoiser: Mapping[str, Any]) -> str:
    if denoiser.get("_class_name") != "SD3Transformer2DModel":
        return ""
    if denoiser.get("num_layers", 0) >= 38:
        return "sd35_large"
    return "sd35_medium" if denoiser.get("dual_attention_layers") else "sd3_medium"
