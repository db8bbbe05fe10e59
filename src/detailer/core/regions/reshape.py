"""Verbs that change what regions mean: grow, blur, fill, invert, move, box them in."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np

from detailer.core import alpha as verbs
from detailer.core.geometry import Box, Size
from detailer.core.matte import Matte
from detailer.core.region import Region

if TYPE_CHECKING:
    from detailer.core.regions.collection import Regions

Within: TypeAlias = Literal["picture", "crop"]
"""How far a mask may reach: anywhere in the picture, or as SEGS do, inside its crop (or, where
there is none, inside the box it is stored over)."""


def grow(
    regions: Regions, amount: int, within: Within = "picture", lopsided: bool = False
) -> Regions:
    """Masks grown, or shrunk if negative, by half an amount of pixels on every side.

    Nothing shrinks away from the border of the picture. Masks grow outward, and close the holes
    that are no wider than the amount; a larger hole stays as it is. `lopsided` takes a square of
    that very side into holes too, as OpenCV does for the nodes and ADetailer: 10 reaches 4 pixels
    to the left and up, 5 to the right and down.
    """
    # A square with an odd side has a middle: 10 and 11 both reach 5 pixels.
    side = amount if lopsided or amount % 2 else amount + (1 if amount > 0 else -1)
    if amount == 0:
        return regions

    def grown(region: Region) -> Region:
        reach = abs(side) // 2 + 1
        if side > 0 and region.mask.solid:
            return region.with_mask(
                _grown_whole(region.mask, side, _extent(region, regions.size, within, reach))
            )
        room = _room(region, regions.size, within, reach)
        larger = verbs.dilate(room.alpha, side)
        if side > 0 and not lopsided:
            larger = verbs.with_holes(larger, room.alpha)
        return region.with_mask(Matte(larger, room.box).trimmed())

    return regions.map(grown)


def blur(regions: Regions, radius: int, sigma: float = 10.0, within: Within = "picture") -> Regions:
    """Masks blurred by a Gaussian of sigma pixels, cut off at a radius, mirrored at the border.

    Within the crop it is the nodes' blur with their rule for small masks.
    """
    verb = verbs.gaussian if within == "crop" else verbs.blur

    def blurred(region: Region) -> Region:
        room = _room(region, regions.size, within, radius + 1)
        return region.with_mask(room.map(verb, radius, sigma))

    return regions.map(blurred)


def fill_holes(regions: Regions) -> Regions:
    """Everything that a mask encloses is meant too."""
    return regions.map(lambda region: region.with_mask(region.mask.map(verbs.fill_holes)))


def invert(regions: Regions, within: Within = "picture") -> Regions:
    """What each mask leaves of its box is meant instead of it; within the crop, of its crop.

    What lies outside all regions is `merge_and_invert`.
    """

    def inverted(region: Region) -> Region:
        extent = region.crop if within == "crop" and region.crop else region.box.whole()
        box = extent.clipped(regions.size.box)
        return region.with_mask(Matte(1 - region.mask.within(box), box))

    return regions.map(inverted)


def high_pass(regions: Regions, threshold: float) -> Regions:
    """Values below a threshold become 0."""
    return regions.map(lambda region: region.with_mask(region.mask.map(verbs.high_pass, threshold)))


def fill_boxes(regions: Regions, compatible: bool = False) -> Regions:
    """Masks raised to 1 over their boxes.

    `compatible` measures the box from the corner of the region's crop, as the nodes do by mistake
    where a combined mask is filled.
    """

    def filled(region: Region) -> Region:
        box = region.box.whole()
        if compatible and region.crop is not None:
            box = box.shifted(region.crop.left, region.crop.top).clipped(region.crop)
        room = region.mask.over(region.mask.box.joined(box).clipped(regions.size.box))
        alpha = np.array(room.alpha)
        alpha[box.clipped(room.box).shifted(-room.box.left, -room.box.top).slices] = 1
        return region.with_mask(Matte(alpha, room.box))

    return regions.map(filled)


def shape(regions: Regions, kind: Literal["found", "box", "ellipse", "face"]) -> Regions:
    """Masks replaced by the box as found, or by the ellipse in it.

    "face" is the ellipse for regions labeled face whose mask is a whole box; others stay.
    """
    if kind == "found":
        return regions

    def shaped(region: Region) -> Region:
        if kind == "face" and not (region.label == "face" and region.mask.solid):
            return region
        box = region.box.whole().clipped(regions.size.box)
        if kind == "box":
            return region.with_mask(Matte.filled(box))
        inner = region.box.shifted(-box.left, -box.top)
        return region.with_mask(Matte(verbs.ellipse(box.size.shape, inner), box))

    return regions.map(shaped)


def scale_boxes(regions: Regions, factor: float, compatible: bool = False) -> Regions:
    """Boxes scaled about their middle, in the picture; masks are cut to them.

    `compatible` cuts half the growth toward 0 and lets a box leave the picture, as the nodes do,
    and loses the last row and column of a crop that such a box covers.
    """

    def scaled(region: Region) -> Region:
        x, y = (side * (factor - 1) / 2 for side in (region.box.width, region.box.height))
        box = region.box.grown(x, y).clipped(regions.size.box)
        keep = box.whole()
        if compatible:
            box = region.box.grown(math.trunc(x), math.trunc(y))
            keep = _short_of_the_edge(box, region.crop or region.mask.box)
        kept = region.mask.box.clipped(keep)
        return replace(region, box=box, mask=region.mask.over(kept).over(region.mask.box))

    return regions.map(scaled)


def assign_labels(regions: Regions, labels: Sequence[str]) -> Regions:
    """Labels given by position, without spaces around them; regions beyond the last keep theirs."""
    pairs = zip(regions, labels, strict=False)
    named = [replace(region, label=label.strip()) for region, label in pairs]
    return regions.holding([*named, *regions.items[len(named) :]])


def _room(region: Region, picture: Size, within: Within, reach: int) -> Matte:
    return region.mask.over(_extent(region, picture, within, reach))


def _extent(region: Region, picture: Size, within: Within, reach: int) -> Box:
    if within == "crop":
        return region.crop or region.mask.box
    return region.mask.box.grown(reach).clipped(picture.box)


def _grown_whole(mask: Matte, side: int, room: Box) -> Matte:
    """A mask that is all ones, grown by a square: another one, which costs no array either."""
    box = mask.box.clipped(room)
    if not box.empty:
        # As the square of `verbs.dilate` lies: of an even side the longer part to the right.
        less, more = (side - 1) // 2, side // 2
        box = Box(box.left - less, box.top - less, box.right + more, box.bottom + more)
    return Matte.filled(box.clipped(room))


def _short_of_the_edge(box: Box, crop: Box) -> Box:
    last = Box(crop.left, crop.top, crop.right - 1, crop.bottom - 1)
    return box.whole().clipped(last)
