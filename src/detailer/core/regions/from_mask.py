"""Regions read off a mask picture: one for each outline, or one for all of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from detailer.core.arithmetic import mask_levels, unit
from detailer.core.geometry import Box, Size
from detailer.core.matte import Matte
from detailer.core.pixels import Alpha
from detailer.core.region import LeftOut, Region
from detailer.core.regions.occupied import bounds, islands
from detailer.core.regions.parts import MaskPicture, Meant, as_numbers, masked_from, parts
from detailer.core.settings import Settings
from detailer.errors import InputError


class Trace(Settings):
    """How regions are read off a mask: MASK to SEGS, in the nodes' words."""

    combined: bool = Field(False, description="One region of all that is masked.")
    contour_fill: bool = Field(
        False, description="Fill every outline with 1; off: holes and grey values stay."
    )
    bbox_fill: bool = Field(False, description="Mean the whole box of each region.")
    drop_size: int = Field(
        10, ge=0, le=16384, description="Drop regions unless both sides are above this, px."
    )
    mask_threshold: float = Field(
        0.0,
        ge=0,
        le=1,
        description="Leave out parts that nowhere reach this; others keep all their soft values.",
    )
    mask_min_area: int = Field(0, ge=0, description="Leave out parts that cover less, px.")
    label: str = Field("A", description="Label of every region.")
    compatible: bool = Field(
        False,
        description="As the nodes: values below 0 count as well; combined, all but 0 counts, the"
        " box is a pixel short and drop_size is ignored.",
    )


@dataclass(frozen=True)
class Traced:
    """The regions read off a mask, and the parts of it that are left out, each with the reason."""

    regions: tuple[Region, ...]
    left_out: tuple[LeftOut, ...] = ()


def trace(planes: Sequence[MaskPicture], how: Trace | None = None) -> Traced:
    """The regions of the planes of a mask, each with its own part of it.

    A pixel is masked from 1/255 up: where uint8(mask·255) is not 0. Outlines come from the
    bottom up, as the nodes have them; one inside a hole of another belongs to that one. Planes
    are traced one after the other. Memory grows with the regions, not with the picture.

    Args:
        planes: Each (h, w), as `planes_of` gives them.
        how: Separate outlines with their holes, unless told otherwise.

    Raises:
        InputError: If a value is NaN.
    """
    how = Trace() if how is None else how
    finder = _combined if how.combined else _separate
    meant = Meant(how.mask_threshold, how.mask_min_area, how.label)
    sifted = [parts(plane, meant) for plane in planes]
    return Traced(
        tuple(region for each in sifted for region in finder(each.mask, how)),
        tuple(out for each in sifted for out in each.left_out),
    )


def planes_of(mask: MaskPicture) -> list[MaskPicture]:
    """The planes of a mask, (h, w) each; one of (h, w, 1) is a picture of one channel.

    Raises:
        InputError: If the mask's shape or dtype cannot be one.
    """
    mask_levels(mask.dtype)
    if mask.ndim == 3 and mask.shape[2] == 1:
        mask = mask[..., 0]
    if mask.ndim not in (2, 3) or (mask.ndim == 3 and len(mask) == 0):
        raise InputError(f"a mask of shape {mask.shape}; give (h, w), (h, w, 1) or (planes, h, w)")
    if mask.ndim == 3 and mask.shape[2] in (2, 3, 4) and min(mask.shape[:2]) > 4:
        raise InputError(
            f"a mask of shape {mask.shape} has colours; give one channel of it, (h, w)"
        )
    return [mask] if mask.ndim == 2 else list(mask)


def recut(region: Region, mask: MaskPicture) -> Region:
    """The region with its mask taken anew from a mask (h, w), over its crop or else its box.

    For frames of one scene: trace the maximum over all of them, then recut from each.
    """
    picture = Size(mask.shape[1], mask.shape[0]).box
    box = (region.crop or region.box.whole()).clipped(picture)
    return region.with_mask(Matte(unit(mask[box.slices]), box))


def _combined(mask: MaskPicture, how: Trace) -> list[Region]:
    if how.compatible:
        return _combined_a_pixel_short(mask, how)
    box = bounds(_comparable(mask, how), masked_from(mask.dtype))
    if min(box.width, box.height) <= how.drop_size:
        return []
    alpha = np.ones(box.size.shape, np.float32) if how.bbox_fill else unit(mask[box.slices])
    return [Region(box, Matte(alpha, box), label=how.label)]


def _combined_a_pixel_short(mask: MaskPicture, how: Trace) -> list[Region]:
    box = bounds(_comparable(mask, how), np.nextafter(np.float32(0), np.float32(1)))
    short = Box(box.left, box.top, max(box.left, box.right - 1), max(box.top, box.bottom - 1))
    if short.empty:
        return []
    alpha = unit(mask[box.slices])
    if how.bbox_fill:
        alpha[:-1, :-1] = 1
    return [Region(short, Matte(alpha, box), label=how.label)]


def _separate(mask: MaskPicture, how: Trace) -> list[Region]:
    comparable, threshold = _comparable(mask, how), masked_from(mask.dtype)
    outlines = [
        outline
        for island in islands(comparable, threshold)
        for outline in _outlines(comparable[island.slices] >= threshold, island)
    ]
    # Each starts at its highest, then leftmost pixel; the nodes' finder ends with the first.
    outlines.sort(key=lambda outline: (outline[0, 0, 1], outline[0, 0, 0]), reverse=True)
    found = (_region(mask, outline, how) for outline in outlines)
    return [region for region in found if min(region.box.size.shape) > how.drop_size]


def _outlines(part: NDArray[np.bool_], island: Box) -> list[NDArray[np.int32]]:
    outlines, _ = cv2.findContours(
        part.view(np.uint8),
        cv2.RETR_EXTERNAL,
        cv2.CHAIN_APPROX_SIMPLE,
        offset=(int(island.left), int(island.top)),
    )
    return [np.asarray(outline, np.int32) for outline in outlines]


def _region(mask: MaskPicture, outline: NDArray[np.int32], how: Trace) -> Region:
    left, top, width, height = cv2.boundingRect(outline)
    box = Box(left, top, left + width, top + height)
    return Region(box, Matte(_inside(mask, outline, box, how), box), label=how.label)


def _inside(mask: MaskPicture, outline: NDArray[np.int32], box: Box, how: Trace) -> Alpha:
    if how.bbox_fill:
        return np.ones(box.size.shape, np.float32)
    filled = np.zeros(box.size.shape, np.float32)
    corner = (-int(box.left), -int(box.top))
    cv2.drawContours(filled, [outline], 0, 1.0, cv2.FILLED, offset=corner)
    return filled if how.contour_fill else filled * unit(mask[box.slices])


def _comparable(mask: MaskPicture, how: Trace) -> MaskPicture:
    if how.compatible and mask.size and mask.dtype != np.bool_ and mask.min() < 0:
        return np.abs(mask)
    return as_numbers(mask)
