"""Crop: where a region is cut from the picture, and at which size it is painted."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeAlias

from pydantic import Field

from detailer.core.canvas import Canvas
from detailer.core.fitting import Grid, Wish, fitted
from detailer.core.geometry import Box, Size
from detailer.core.pixels import Pixels, size_of
from detailer.core.plan import Cutout, Patch
from detailer.core.region import Region
from detailer.core.settings import Settings
from detailer.core.window import Window

Upscaler: TypeAlias = Callable[[Pixels, Size], Pixels]
"""Pixels (h, w, 3) float32 sRGB 0..1 brought to another size."""

_WORTH_TURNING = 5.0


class Crop(Settings):
    """How much context a region gets, and how large it is painted."""

    crop_factor: float = Field(3.0, ge=1, le=100, description="Context: window side by box side.")
    crop_min_size: int = Field(0, ge=0, le=16384, description="Least side of the window, px.")
    guide_size: float = Field(
        512, ge=8, le=16384, description="The shorter side is enlarged to this, px."
    )
    guide_size_for: Literal["bbox", "crop_region"] = Field(
        "bbox", description="Whose shorter side: the found box's or the whole window's."
    )
    max_size: float = Field(
        1024, ge=8, le=16384, description="Longest side that is painted at most, px."
    )
    force_inpaint: bool = Field(
        True, description="Paint regions that are large already; off: skip them."
    )
    multiple: int = Field(8, ge=1, le=256, description="Painted sides are multiples of this, px.")
    sizes: Literal["exact", "buckets"] = Field(
        "exact",
        description="Painted sizes: exact: as the region asks; buckets: one of few, so that more "
        "regions are painted at once.",
    )
    upright: bool = Field(False, description="Turn the window so that a tilted face is upright.")
    compatible: bool = Field(
        False,
        description="The nodes' bare numbers: sides truncated, axes stretched apart, and"
        " a forced region painted at its own size however large.",
    )


@dataclass(frozen=True, slots=True)
class Enlargement:
    """The nodes' decision: painted size before rounding, and the factor that led there."""

    size: Size
    scale: float
    forced: bool = False


def crop_region(box: Box, picture: Size, crop_factor: float, crop_min_size: int = 0) -> Box:
    """The nodes' crop: the box times the factor about its centre, moved inside the picture.

    Whole pixels, cut toward zero; smaller than asked only where the picture is smaller.
    """
    width = max(box.width * crop_factor, crop_min_size)
    height = max(box.height * crop_factor, crop_min_size)
    centre_x, centre_y = box.left + box.width / 2, box.top + box.height / 2
    left, right = moved_inside(picture.width, int(centre_x - width / 2), width)
    top, bottom = moved_inside(picture.height, int(centre_y - height / 2), height)
    return Box(left, top, right, bottom)


def moved_inside(limit: int, start: float, length: float) -> tuple[int, int]:
    """A stretch moved, not cut, to lie in 0..limit; cut only where it is longer than that."""
    if start < 0:
        return 0, int(min(limit, length))
    if start + length > limit:
        return int(max(0, limit - length)), limit
    return int(start), int(min(limit, start + length))


def enlargement(window: Size, box: Size | Box, crop: Crop) -> Enlargement | str:
    """How large a window is painted, or the reason why not: the nodes' rules.

    Args:
        window: The crop region's size.
        box: The found box (its sides may be fractional).
        crop: guide_size, guide_size_for, max_size, force_inpaint and compatible are used.
    """
    guided = box if crop.guide_size_for == "bbox" else window
    if min(guided.width, guided.height) <= 0 or window.area == 0:
        return "zero size"
    large = box.width >= crop.guide_size and box.height >= crop.guide_size
    if large and not crop.force_inpaint:
        return f"large already: {box.width:g}×{box.height:g} px, guide_size={crop.guide_size:g}"
    scale = crop.guide_size / min(guided.width, guided.height)
    size = _truncated(window, scale)
    if max(size.width, size.height) > crop.max_size:
        scale *= crop.max_size / max(size.width, size.height)
        size = _truncated(window, scale)
    if scale > 1 and size.area > 0:
        return Enlargement(size, scale)
    if not crop.force_inpaint:
        return "zero size" if scale > 1 else f"no enlargement: factor {scale:.3g} is not above 1"
    if crop.compatible or max(window.width, window.height) <= crop.max_size:
        return Enlargement(window, 1.0, forced=True)
    scale = crop.max_size / max(window.width, window.height)
    return Enlargement(_truncated(window, scale), scale, forced=True)


def _truncated(size: Size, scale: float) -> Size:
    return Size(int(size.width * scale), int(size.height * scale))


def frame(region: Region, picture: Size, crop: Crop) -> Window | str:
    """The window that a region is painted through, or the reason why it is not painted.

    It holds the region's box, lies inside the picture where a window of its size does, and its
    painted sides are multiples of crop.multiple.
    """
    box = region.box.clipped(picture.box)
    around = crop_region(region.box, picture, crop.crop_factor, crop.crop_min_size)
    if region.crop is not None:
        around = region.crop.clipped(picture.box)
    decided = enlargement(around.size, region.box, crop)
    if isinstance(decided, str):
        return decided
    if crop.compatible:
        return Window(
            around.left,
            around.top,
            decided.size,
            decided.size.width / around.width,
            scale_y=decided.size.height / around.height,
        )
    angle = roll(region) if crop.upright else 0.0
    held = box.whole().clipped(picture.box)
    wish = Wish(around, held, decided.scale, angle if abs(angle) >= _WORTH_TURNING else 0.0)
    grid = Grid(crop.multiple, crop.max_size)
    return fitted(wish, picture, grid, bucketed=crop.sizes == "buckets")


def roll(region: Region) -> float:
    """Degrees clockwise that a face is tilted, from its eyes; 0 where they are not known."""
    if len(region.landmarks) < 2:
        return 0.0
    (left, top), (right, bottom) = region.landmarks[:2]
    return math.degrees(math.atan2(bottom - top, right - left))


def cut(canvas: Canvas, patch: Patch, upscaler: Upscaler | None = None) -> Cutout:
    """A patch's pixels as the canvas has them now.

    An upscaler enlarges them before they are fitted to the painted size; without one, cubic.
    """
    window = patch.window
    part = canvas.read(window.footprint)
    if upscaler is not None and window.scale > 1:
        part = upscaler(part, _truncated(size_of(part), window.scale))
    return Cutout(patch, part, canvas.size, canvas.bounded)
