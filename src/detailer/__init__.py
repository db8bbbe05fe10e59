"""detailer finds parts of an image worth a closer look, repaints them, stitches them back."""

from detailer.core.canvas import Canvas
from detailer.core.colour import Colour
from detailer.core.geometry import Box, Size
from detailer.core.matte import Matte
from detailer.core.plan import Control, Cutout, Failed, Painted, Patch, Plan, Progress, Skipped
from detailer.core.region import Region
from detailer.core.regions import Regions
from detailer.core.window import Window
from detailer.errors import (
    CanvasError,
    DetailerError,
    EngineError,
    InputError,
    MissingEngineError,
    OutputError,
)
from detailer.flow import Detailer, Finished, Planned, Step
from detailer.load import load
from detailer.recipe import Recipe
from detailer.stages.blend import Blend
from detailer.stages.crop import Crop, Upscaler
from detailer.stages.detect import Detect, Detector
from detailer.stages.mask import Mask
from detailer.stages.paint import Paint, Painter, each

__version__ = "0.1.0"

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
