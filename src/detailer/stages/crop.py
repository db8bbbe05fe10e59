"""Crop: where a region is cut from the picture, and at which size it is painted."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, Self, TypeAlias

from pydantic import Field, model_validator

from detailer.core.adaptive import optimal_size
from detailer.core.canvas import Canvas
from detailer.core.context import crop_region, mask_bounds, padded
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

    context: Literal["auto", "factor", "padding", "picture"] = Field(
        "auto",
        description="What the window shows. factor: crop_factor times the box; padding: so much"
        " around the mask; picture: all of it; auto: by padding where that is above 0.",
    )
    crop_factor: float = Field(3.0, ge=1, le=100, description="Context: window side by box side.")
    padding: int = Field(
        0, ge=0, le=16384, description="Context beyond the mask on every side, px; 0: crop_factor."
    )
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
    skip_sharp: float = Field(
        0.0,
        ge=0,
        le=2,
        description="Skip regions at least this sharp: 0.66 is a sharp photograph, and restore's"
        " default; enlarged twice it is 0.6, four times 0.4; 0: paint them all.",
    )
    skip_defocused: bool = Field(
        False,
        description="Skip regions that are out of focus beside sharp ones of their label; restore"
        " does.",
    )
    painted_width: int = Field(
        0,
        ge=0,
        le=16384,
        description="Paint at this width, px, and at painted_height, whatever guide_size and"
        " max_size say; 0: by them.",
    )
    painted_height: int = Field(0, ge=0, le=16384, description="Paint at this height, px.")
    match_box: Literal["off", "free", "strict"] = Field(
        "off",
        description="Bring painted_width and painted_height to the box's aspect. free: the longer"
        " one stays; strict: to a size that SDXL was trained at.",
    )
    multiple: int = Field(8, ge=1, le=256, description="Painted sides are multiples of this, px.")
    sizes: Literal["exact", "buckets", "source"] = Field(
        "exact",
        description="Painted sizes: exact: as the region asks; buckets: one of few, so that more"
        " regions are painted at once; source, restore's: the picture's own, and windows above"
        " max_size are skipped.",
    )
    upright: bool = Field(False, description="Turn the window so that a tilted face is upright.")
    compatible: bool = Field(
        False,
        description="The nodes' bare numbers: sides truncated, axes stretched apart, and"
        " a forced region painted at its own size however large.",
    )

    @model_validator(mode="after")
    def _both_sides_or_none(self) -> Self:
        width, height = self.painted_width, self.painted_height
        if bool(width) != bool(height):
            raise ValueError(
                f"painted_width={width} and painted_height={height} go together; set both, or none"
            )
        if self.match_box != "off" and not width:
            raise ValueError(
                f"match_box={self.match_box} changes painted_width and painted_height; set them"
            )
        return self

    @property
    def by(self) -> Literal["factor", "padding", "picture"]:
        """What "auto" means: what the window is measured by."""
        if self.context != "auto":
            return self.context
        return "padding" if self.padding else "factor"

    def painted(self, box: Size | Box) -> Size | None:
        """The size that a box is painted at if it is set, on multiples; None where it is not."""
        if not self.painted_width:
            return None
        size, shape = (
            Size(self.painted_width, self.painted_height),
            Box(0, 0, box.width, box.height),
        )
        if not shape.empty:
            size = optimal_size(size, shape, self.match_box)
        sides = (
            max(1, round(s / self.multiple)) * self.multiple for s in (size.width, size.height)
        )
        return Size(*sides)


@dataclass(frozen=True, slots=True)
class Enlargement:
    """The nodes' decision: painted size before rounding, and the factor that led there."""

    size: Size
    scale: float
    forced: bool = False


def enlargement(window: Size, box: Size | Box, crop: Crop) -> Enlargement | str:
    """How large a window is painted, or the reason why not: the nodes' rules.

    Args:
        window: The crop region's size.
        box: The found box (its sides may be fractional).
        crop: Its sizes, guide_size_for, force_inpaint and compatible are used.
    """
    if min(_guide(window, box, crop)) <= 0 or window.area == 0:
        return "zero size"
    size = crop.painted(box)
    if size is not None:
        return _set(window, size, crop)
    large = box.width >= crop.guide_size and box.height >= crop.guide_size
    if large and not crop.force_inpaint:
        return f"large already: {box.width:g}×{box.height:g} px, guide_size={crop.guide_size:g}"
    return _unscaled(window, crop) if crop.sizes == "source" else _guided(window, box, crop)


def _guide(window: Size, box: Size | Box, crop: Crop) -> tuple[float, float]:
    guided = box if crop.guide_size_for == "bbox" else window
    return guided.width, guided.height


def _guided(window: Size, box: Size | Box, crop: Crop) -> Enlargement | str:
    scale = crop.guide_size / min(_guide(window, box, crop))
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


def _unscaled(window: Size, crop: Crop) -> Enlargement | str:
    """The same where it is painted at the picture's own size."""
    if max(window.width, window.height) > crop.max_size:
        return f"too large: a window of {window}, max_size={crop.max_size:g}"
    return Enlargement(window, 1.0)


def _set(window: Size, size: Size, crop: Crop) -> Enlargement | str:
    """The same where the painted size is set."""
    scale = min(size.width / window.width, size.height / window.height)
    if scale <= 1 and not crop.force_inpaint:
        return f"no enlargement: factor {scale:.3g} is not above 1"
    return Enlargement(size, scale, forced=scale <= 1)


def _truncated(size: Size, scale: float) -> Size:
    return Size(int(size.width * scale), int(size.height * scale))


def surroundings(region: Region, picture: Size, crop: Crop) -> Box:
    """What should be seen of a region and around it: whole pixels inside the picture.

    By padding it is the bounds of the mask and so much on every side, cut at the picture's edge,
    as A1111's "only masked" has it. A given crop goes before all.
    """
    if region.crop is not None:
        return region.crop.clipped(picture.box)
    if crop.by == "picture":
        return picture.box
    if crop.by == "factor":
        return crop_region(region.box, picture, crop.crop_factor, crop.crop_min_size)
    return padded(mask_bounds(region, picture), picture, crop.padding, crop.crop_min_size)


def frame(region: Region, picture: Size, crop: Crop) -> Window | str:
    """The window that a region is painted through, or the reason why it is not painted.

    It holds the region's box (its mask, where that is what the window is measured by), lies inside
    the picture where a window of its size does, and its painted sides are multiples of
    crop.multiple.
    """
    by_mask = crop.by == "padding" and region.crop is None
    around = surroundings(region, picture, crop)
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
    held = region.box.clipped(picture.box).whole().clipped(picture.box)
    wish = Wish(
        around,
        mask_bounds(region, picture) if by_mask else held,
        decided.scale,
        angle if abs(angle) >= _WORTH_TURNING else 0.0,
        size=decided.size if crop.painted_width else None,
    )
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
