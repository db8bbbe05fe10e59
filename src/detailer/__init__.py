"""detailer finds parts of an image worth a closer look, repaints them, stitches them back."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from detailer.core.canvas import Canvas
    from detailer.core.colour import Colour
    from detailer.core.geometry import Box, Size
    from detailer.core.matte import Matte
    from detailer.core.paint import Control
    from detailer.core.plan import Cutout, Failed, Painted, Patch, Plan, Progress, Skipped
    from detailer.core.region import Region
    from detailer.core.regions import Regions
    from detailer.core.window import Window
    from detailer.engines.painters.diffusion.options import Options
    from detailer.errors import (
        CanvasError,
        DetailerError,
        EngineError,
        InputError,
        MissingEngineError,
        OutputError,
    )
    from detailer.flow import Detailer, Finished, Planned, Step
    from detailer.loading import load
    from detailer.recipe import Recipe
    from detailer.stages.blend import Blend
    from detailer.stages.crop import Crop, Upscaler
    from detailer.stages.detect import Detect, Detector
    from detailer.stages.mask import Mask
    from detailer.stages.paint import Paint, Painter, each

__version__ = "0.1.0"

# A name is imported when it is first asked for: `detailer --help` needs none of them.
_HOMES = {
    "Blend": "stages.blend",
    "Box": "core.geometry",
    "Canvas": "core.canvas",
    "CanvasError": "errors",
    "Colour": "core.colour",
    "Control": "core.paint",
    "Crop": "stages.crop",
    "Cutout": "core.plan",
    "Detailer": "flow",
    "DetailerError": "errors",
    "Detect": "stages.detect",
    "Detector": "stages.detect",
    "EngineError": "errors",
    "Failed": "core.plan",
    "Finished": "flow",
    "InputError": "errors",
    "Mask": "stages.mask",
    "Matte": "core.matte",
    "MissingEngineError": "errors",
    "OutputError": "errors",
    "Options": "engines.painters.diffusion.options",
    "Paint": "stages.paint",
    "Painted": "core.plan",
    "Painter": "stages.paint",
    "Patch": "core.plan",
    "Plan": "core.plan",
    "Planned": "flow",
    "Progress": "core.plan",
    "Recipe": "recipe",
    "Region": "core.region",
    "Regions": "core.regions",
    "Size": "core.geometry",
    "Skipped": "core.plan",
    "Step": "flow",
    "Upscaler": "stages.crop",
    "Window": "core.window",
    "each": "stages.paint",
    "load": "loading",
}

__all__ = [
    "Blend",
    "Box",
    "Canvas",
    "CanvasError",
    "Colour",
    "Control",
    "Crop",
    "Cutout",
    "Detailer",
    "DetailerError",
    "Detect",
    "Detector",
    "EngineError",
    "Failed",
    "Finished",
    "InputError",
    "Mask",
    "Matte",
    "MissingEngineError",
    "Options",
    "OutputError",
    "Paint",
    "Painted",
    "Painter",
    "Patch",
    "Plan",
    "Planned",
    "Progress",
    "Recipe",
    "Region",
    "Regions",
    "Size",
    "Skipped",
    "Step",
    "Upscaler",
    "Window",
    "each",
    "load",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'detailer' has no attribute {name!r}")
    value = getattr(import_module(f"detailer.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return [*globals(), *__all__]
