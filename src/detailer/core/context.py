"""Context: what is seen around a region, inside the picture."""

from __future__ import annotations

from detailer.core.geometry import Box, Size
from detailer.core.region import Region


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


def mask_bounds(region: Region, picture: Size) -> Box:
    """The whole pixels inside the picture that a region's mask covers; empty where it is."""
    return region.mask.trimmed().box.clipped(picture.box)


def padded(bounds: Box, picture: Size, padding: int, crop_min_size: int = 0) -> Box:
    """The bounds with so many pixels more on every side, as A1111 pads what it inpaints.

    Cut at the picture's edge; then, if a side is below the least one, grown about its middle.
    """
    if bounds.empty:
        return bounds
    return crop_region(bounds.grown(padding).clipped(picture.box), picture, 1, crop_min_size)
