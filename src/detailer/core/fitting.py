"""Fitting a window: painted sides a model accepts, the region inside, the picture not left."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from detailer.core.geometry import Box, Size
from detailer.core.window import Window

_NEARLY = 1e-6
_ASPECTS = (1, 3 / 4, 1 / 2)
_STEP = math.sqrt(2)


@dataclass(frozen=True, slots=True)
class Grid:
    """Painted sides are multiples of `multiple` and no longer than `longest`, px."""

    multiple: int
    longest: float

    @property
    def top(self) -> int:
        """The longest side on the grid."""
        return max(1, int(self.longest // self.multiple)) * self.multiple

    def nearest(self, length: float) -> int:
        """The nearest side on the grid."""
        return min(max(1, round(length / self.multiple)) * self.multiple, self.top)

    def buckets(self) -> Iterator[Size]:
        """Few sizes for all shapes: from 1:2 to 2:1, the longer side by powers of √2 below the top.

        Their areas halve from one length to the next.
        """
        longer = float(self.top)
        while longer >= self.multiple:
            for aspect in _ASPECTS:
                long, short = self.nearest(longer), self.nearest(longer * aspect)
                yield Size(long, short)
                if short != long:
                    yield Size(short, long)
            longer /= _STEP

    def above(self, length: float) -> int:
        """The shortest side on the grid that is not below."""
        return min(max(1, math.ceil(length / self.multiple - _NEARLY)) * self.multiple, self.top)


@dataclass(frozen=True, slots=True)
class Wish:
    """What a window should show: `around` with its context, `held` whatever happens.

    Both are whole boxes inside the picture. `scale` is painted px for each px of the picture;
    where `size` is set it is painted at just that, and the scale follows from it.
    """

    around: Box
    held: Box
    scale: float
    angle: float = 0.0
    size: Size | None = None


def fitted(wish: Wish, picture: Size, grid: Grid, bucketed: bool = False) -> Window:
    """The window for a wish: its extent is the painted size ÷ scale, so nothing is stretched.

    `bucketed`: its size is one of the grid's buckets, unless none of them holds the region inside
    the picture.
    """
    size, scale = _decided(wish, picture, grid, bucketed)
    centre, held = wish.around.centre, wish.held
    left = _start(centre[0], size.width / scale, (held.left, held.right), picture.width)
    top = _start(centre[1], size.height / scale, (held.top, held.bottom), picture.height)
    window = Window(left, top, size, scale)
    return turned(window, wish, picture) if wish.angle else window


def _decided(wish: Wish, picture: Size, grid: Grid, bucketed: bool) -> tuple[Size, float]:
    if wish.size is not None:
        return wish.size, _showing(wish.size, wish, picture)
    bucket = _bucket(wish, picture, grid) if bucketed else None
    return bucket or _exact(wish, picture, grid)


def _showing(size: Size, wish: Wish, picture: Size) -> float:
    """The scale at which a size shows all that is wished, as far as the picture reaches."""
    least, most = _scales(size, wish, picture)
    wished = min(size.width / wish.around.width, size.height / wish.around.height)
    return min(max(wished, least), most)


def _scales(size: Size, wish: Wish, picture: Size) -> tuple[float, float]:
    """From where on a size lies inside the picture, and up to where it holds the region."""
    least = max(size.width / picture.width, size.height / picture.height)
    # Of a box beyond the picture's edge nothing may be left to hold.
    most = min(size.width / max(wish.held.width, 1), size.height / max(wish.held.height, 1))
    return least, most


def _exact(wish: Wish, picture: Size, grid: Grid) -> tuple[Size, float]:
    scale = _reachable_scale(wish, grid)
    size = Size(
        _side(wish.around.width, wish.held.width, picture.width, (scale, grid)),
        _side(wish.around.height, wish.held.height, picture.height, (scale, grid)),
    )
    return size, scale


def _bucket(wish: Wish, picture: Size, grid: Grid) -> tuple[Size, float] | None:
    """The bucket that departs least from the wish, and its scale; None where none can be had."""
    nearest: tuple[float, Size, float] | None = None
    for size in grid.buckets():
        least, most = _scales(size, wish, picture)
        if least > most:
            continue
        scale = min(max(math.sqrt(size.area / wish.around.size.area), least), most)
        changes = (
            size.width / scale / wish.around.width,
            size.height / scale / wish.around.height,
            scale / wish.scale,
        )
        departure = sum(abs(math.log(change)) for change in changes)
        if nearest is None or departure < nearest[0] - _NEARLY:
            nearest = departure, size, scale
    return nearest and nearest[1:]


def _reachable_scale(wish: Wish, grid: Grid) -> float:
    # Where even the longest painted side would not hold the region, it is enlarged less.
    return min(wish.scale, grid.top / max(wish.held.width, wish.held.height, 1))


def _side(around: float, held: float, picture: int, painted: tuple[float, Grid]) -> int:
    """The painted side: nearest to the wish that holds the region and fits the picture."""
    scale, grid = painted
    nearest = grid.nearest(around * scale)
    if nearest / scale > picture:
        nearest = max(nearest - grid.multiple, grid.multiple)
    return max(nearest, grid.above(held * scale))


def _start(centre: float, extent: float, held: tuple[float, float], picture: int) -> int:
    """Where the window starts: whole, holding the region, inside the picture if it can be."""
    start = round(centre - extent / 2)
    # An extent that is made of a length may come out a hair longer or shorter than that.
    if extent <= picture + _NEARLY:
        start = min(max(start, 0), math.floor(picture - extent + _NEARLY))
    else:
        start = math.floor((picture - extent) / 2)
    return int(min(max(start, math.ceil(held[1] - extent - _NEARLY)), held[0]))


def turned(window: Window, wish: Wish, picture: Size) -> Window:
    """The window turned about its centre, still holding the region and inside where it can be."""
    angle = math.radians(wish.angle)
    cosine, sine = abs(math.cos(angle)), abs(math.sin(angle))
    across = cosine * wish.held.width + sine * wish.held.height
    along = sine * wish.held.width + cosine * wish.held.height
    scale = min(window.scale, window.size.width / across, window.size.height / along)
    extent = np.array([window.size.width, window.size.height]) / scale
    centre = np.array(wish.around.centre)
    upright = replace(window, scale=scale, angle=wish.angle)
    bounds = np.array([[cosine, sine], [sine, cosine]]) @ extent / 2
    limits = np.array([picture.width, picture.height])
    margin = np.minimum(bounds, limits / 2)
    inside = np.clip(centre, margin, limits - margin)
    for middle in (inside, centre, np.array(wish.held.centre)):
        left, top = middle - extent / 2
        candidate = replace(upright, left=float(left), top=float(top))
        if candidate.holds(wish.held):
            return candidate
    return candidate
