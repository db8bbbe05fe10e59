"""Defaults: what a family decides where nobody has said otherwise."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, TypeAlias

from detailer.engines.painters.diffusion.loading.card import Card
from detailer.engines.painters.diffusion.loading.families import recognised
from detailer.engines.painters.diffusion.loading.hub import is_here
from detailer.engines.painters.diffusion.loading.source import Source

Defaults: TypeAlias = Mapping[str, Mapping[str, Any]]


def _paint(steps: int, cfg: float, sampler_name: str, scheduler: str) -> dict[str, Any]:
    return {"steps": steps, "cfg": cfg, "sampler_name": sampler_name, "scheduler": scheduler}


def _crop(guide_size: int, max_size: int, multiple: int) -> dict[str, Any]:
    return {"guide_size": guide_size, "max_size": max_size, "multiple": multiple}


# Steps and cfg are those of the makers' own examples, or of ComfyUI's where they give none.
_PAINT: Final[Mapping[str, dict[str, Any]]] = {
    "sd15": _paint(20, 8.0, "euler", "normal"),
    "sd2": _paint(20, 8.0, "euler", "normal"),
    "sdxl": _paint(20, 7.0, "euler", "normal"),
    "sdxl_refiner": _paint(20, 7.0, "euler", "normal"),
    "sd3": _paint(28, 4.5, "euler", "sgm_uniform"),
    "flux": _paint(20, 1.0, "euler", "simple"),
    "chroma": _paint(26, 4.0, "euler", "simple"),
    "qwen_image": _paint(20, 4.0, "euler", "simple"),
    "z_image": _paint(28, 4.0, "euler", "simple"),
}
_FEW: Final[Mapping[str, dict[str, Any]]] = {
    "sd3": _paint(4, 1.0, "euler", "sgm_uniform"),
    "flux": _paint(4, 1.0, "euler", "simple"),
    "z_image": _paint(8, 1.0, "euler", "simple"),
}
_FEW_ELSE: Final = _paint(8, 1.0, "euler", "sgm_uniform")
_CROP: Final[Mapping[str, dict[str, Any]]] = {
    "sd15": _crop(512, 1024, 8),
    "sd2": _crop(512, 1024, 8),
    "sdxl": _crop(1024, 1024, 8),
    "sdxl_refiner": _crop(1024, 1024, 8),
    "sd3": _crop(1024, 1024, 16),
    "flux": _crop(1024, 1024, 16),
    "chroma": _crop(1024, 1024, 16),
    "qwen_image": _crop(1024, 1328, 16),
    "z_image": _crop(1024, 1024, 16),
}
_WIDE: Final = _crop(768, 1024, 8)
# What its makers give Flux Fill; other models with guidance built in are at Paint's own 3.5.
_FILL_GUIDANCE: Final = 30.0


def defaults_of(path: str, variant: str = "", revision: str = "") -> Defaults:
    """The defaults for a model, as settings of paint and crop; empty where nothing is known.

    Only headers and configurations are read, and nothing is looked up: nothing is known of a
    name on the Hub that is not in the local cache, nor of a pickle.

    Args:
        path: A folder, a single file or a Hub name.
        variant: Of a folder's files, such as fp16.
        revision: Of a Hub name.

    Raises:
        InputError, MissingEngineError, EngineError: If the path is no model, or a broken one.
    """
    source = Source.parse(path).at(revision)
    if source.is_pickle or not is_here(source):
        return {}
    return defaults_for(recognised(source, variant))


def defaults_for(card: Card) -> Defaults:
    """The defaults for what a card describes."""
    if card.family not in _PAINT:
        return {}
    paint = _PAINT[card.family]
    if card.few_steps:
        paint = _FEW.get(card.family, _FEW_ELSE)
    if card.guided and card.inpaint:
        paint = {**paint, "guidance": _FILL_GUIDANCE}
    crop = _CROP[card.family]
    if card.family == "sd2" and card.prediction == "v_prediction":
        # The one of the two that was trained on velocity was trained at 768 px.
        crop = _WIDE
    return {"paint": paint, "crop": crop}
