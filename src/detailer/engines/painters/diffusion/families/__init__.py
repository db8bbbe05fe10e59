"""Families: for each kind of model what the loop needs to know of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from detailer.engines.painters.diffusion.families.chroma import Chroma
from detailer.engines.painters.diffusion.families.family import Family
from detailer.engines.painters.diffusion.families.flux import Flux
from detailer.engines.painters.diffusion.families.qwen_image import QwenImage
from detailer.engines.painters.diffusion.families.sd3 import StableDiffusion3
from detailer.engines.painters.diffusion.families.sdxl import StableDiffusionXL
from detailer.engines.painters.diffusion.families.sdxl_refiner import SDXLRefiner
from detailer.engines.painters.diffusion.families.stable_diffusion import StableDiffusion
from detailer.engines.painters.diffusion.families.texts import Vectors, no_vectors
from detailer.engines.painters.diffusion.families.z_image import ZImage
from detailer.engines.painters.diffusion.loading import Loaded
from detailer.errors import EngineError

__all__ = ["FAMILIES", "Family", "family_of"]

FAMILIES: Mapping[str, Callable[[Loaded, Vectors], Family]] = MappingProxyType(
    {
        "sd15": StableDiffusion,
        "sd2": StableDiffusion,
        "sdxl": StableDiffusionXL,
        "sdxl_refiner": SDXLRefiner,
        "sd3": StableDiffusion3,
        "flux": Flux,
        "chroma": Chroma,
        "qwen_image": QwenImage,
        "z_image": ZImage,
    }
)
"""The adapters by the names that cards call their families."""


def family_of(loaded: Loaded, vectors: Vectors = no_vectors) -> Family:
    """The adapter of a loaded model.

    Args:
        loaded: The model.
        vectors: Where `embedding:name` in a prompt is found, such as an Inversion's vectors.

    Raises:
        EngineError: If there is none: only diffusers' own pipeline can run such a model.
    """
    make = FAMILIES.get(loaded.card.family)
    if make is None:
        kind = type(loaded.pipe).__name__
        raise EngineError(f"{kind} has no adapter; those that have: {', '.join(FAMILIES)}")
    return make(loaded, vectors)
