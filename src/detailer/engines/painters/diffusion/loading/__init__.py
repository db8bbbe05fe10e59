"""Loading: from a folder, a single file or a Hub name to a diffusers pipeline."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from detailer.engines.painters.diffusion.loading.pipeline import Loaded, open_pipeline
    from detailer.engines.painters.diffusion.loading.source import Source

__all__ = ["Loaded", "Source", "open_pipeline"]

_PLACES = {"Loaded": "pipeline", "Source": "source", "open_pipeline": "pipeline"}


def __getattr__(name: str) -> Any:
    # What reads headers only must not load torch, and it lives in this package too.
    if name in _PLACES:
        return getattr(import_module(f"{__name__}.{_PLACES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
