"""Hints: points that tell a segmenter where something is, and where it is not."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np

from detailer.core.geometry import Box, Point, Size
from detailer.core.matte import Matte
from detailer.core.region import Region

Hint: TypeAlias = Literal[
    "center-1",
    "horizontal-2",
    "vertical-2",
    "rect-4",
    "diamond-4",
    "mask-area",
    "mask-points",
    "mask-point-bbox",
    "none",
]
"""Where points lie, by the nodes' names. rect-4 is a cross and diamond-4 a rectangle, as there."""

Negative: TypeAlias = Literal["False", "Small", "Outter"]
"""Where it is told that nothing is, by the nodes' names: nowhere, where the mask is not, or all
around."""

_MARGIN = 10
_SMALL = 10
_SHARE = 20
_LEAST_STEP = 3


@dataclass(frozen=True)
class Hints:
    """Points (x, y) in pixels of the picture, and of each whether it lies in the thing."""

    points: tuple[Point, ...] = ()
    positive: tuple[bool, ...] = ()

    @classmethod
    def at(cls, points: Iterable[Point], positive: bool = True) -> Hints:
        """Points that all lie in the thing, or all beside it."""
        placed = tuple(points)
        return cls(placed, (positive,) * len(placed))

    def __add__(self, other: Hints) -> Hints:
        return Hints(self.points + other.points, self.positive + other.positive)


@dataclass(frozen=True, slots=True)
class Pointing:
    """How points are placed.

    `threshold` is of mask-area: mask values above it are pointed at. `compatible` mistakes the
    picture's width for its height where negatives lie all around, as the nodes do.
    """

    hint: Hint = "center-1"
    threshold: float = 0.7
    negative: Negative = "False"
    compatible: bool = False


def point_at(region: Region, shown: Box, picture: Size, how: Pointing) -> Hints:
    """The points for one region; mask-points has none of its own, being for all regions at once.

    Args:
        region: Its box gives the centre, its mask mask-area, its crop what is kept of the mask.
        shown: The box that the segmenter is shown, which may be larger than the region's.
        picture: Where negatives lie all around.
        how: Which points.
    """
    room = region.crop or region.mask.box.joined(shown.whole().clipped(picture.box))
    if how.hint == "mask-area":
        mask = region.mask.over(room)
        hints = in_mask(mask, how.threshold, negative=how.negative == "Small")
    else:
        hints = Hints.at(_placed(how.hint, region.box.centre, shown))
    if how.negative == "Outter":
        hints += around(room, picture, how.compatible)
    return hints


def _placed(hint: Hint, centre: Point, box: Box) -> list[Point]:
    """The nodes' points: the centre of the region, and the thirds of the box that is shown."""
    x, y = centre
    across, down = box.width / 3, box.height / 3
    left, right = box.left + across, box.left + 2 * across
    top, bottom = box.top + down, box.top + 2 * down
    places: dict[str, list[Point]] = {
        "center-1": [(x, y)],
        "mask-point-bbox": [(x, y)],
        "horizontal-2": [(left, y), (right, y)],
        "vertical-2": [(x, top), (x, bottom)],
        "rect-4": [(left, y), (right, y), (x, top), (x, bottom)],
        "diamond-4": [(left, top), (right, top), (left, bottom), (right, bottom)],
    }
    return places.get(hint, [])


def all_centres(boxes: Sequence[Box], small: bool = False) -> Hints:
    """The centres of all boxes; with `small` those of boxes below 10 px in width are negative."""
    return Hints(
        tuple(box.centre for box in boxes),
        tuple(not (small and box.width < _SMALL) for box in boxes),
    )


def own_centre(boxes: Sequence[Box], index: int, small: bool = False) -> Hints:
    """The centre of one box; with `small` those of other boxes below 10 px are negative."""
    others = [box for number, box in enumerate(boxes) if number != index]
    beside = [box.centre for box in others if small and box.width < _SMALL]
    return Hints.at([boxes[index].centre]) + Hints.at(beside, positive=False)


def in_mask(mask: Matte, threshold: float, negative: bool = False) -> Hints:
    """A grid of points where a mask is above a threshold, row by row from its box's corner.

    A side has about 20 of them, 3 pixels apart at least. With `negative` those where the mask
    is 0 say that the thing is not there.
    """
    down, across = (_step(side) for side in mask.alpha.shape)
    seen = mask.alpha[::down, ::across]
    inside = seen > threshold
    kept = inside | ((seen == 0) & negative)
    rows, columns = np.nonzero(kept)
    x, y = columns * across + int(mask.box.left), rows * down + int(mask.box.top)
    points = zip(x.tolist(), y.tolist(), strict=True)
    return Hints(tuple(points), tuple(inside[kept].tolist()))


def around(kept: Box, picture: Size, compatible: bool = False) -> Hints:
    """A grid of negative points all over the picture, but for a box and 10 pixels around it.

    It starts 10 pixels from the border; a side has about 20 of them, 3 pixels apart at least.
    `compatible` ends it by the other side of the picture, as the nodes do: beyond the border of
    one that is not square, and short of it.
    """
    width, height = picture.width, picture.height
    across, down = _step(width), _step(height)
    if compatible:
        width, height = height, width
    near = kept.grown(_MARGIN)
    return Hints.at(
        (
            (x, y)
            for y in range(_MARGIN, height - _MARGIN, down)
            for x in range(_MARGIN, width - _MARGIN, across)
            if not (near.left <= x <= near.right and near.top <= y <= near.bottom)
        ),
        positive=False,
    )


def _step(side: int) -> int:
    return max(_LEAST_STEP, side // _SHARE)
