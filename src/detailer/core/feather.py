"""Feather: a mask's edge made soft, as far as the mask is thick there."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from detailer.core.alpha import enclosed
from detailer.core.geometry import Box
from detailer.core.matte import Matte
from detailer.core.pixels import Alpha

Side: TypeAlias = Literal["inside", "outside", "both"]
Solid: TypeAlias = NDArray[np.bool_]

_START = {"outside": 0.0, "both": 0.5, "inside": 1.0}
"""How much of the fade lies inside the edge."""
# A thick mask's reach is found on a grid of at most so many cells: it changes slowly.
_CELLS = 512
# OpenCV's distances are exact to 2 %, and two of them count.
_SURELY = 0.96
# A corner of a disc lies within so many of its radii: those of a square.
_NEAR = math.sqrt(2) + 1e-4
_FINER = math.sqrt(2)
# What a resampled mask has of its top and of nothing.
_TOP, _NOTHING = 0.95, 0.04
_GRAYS = (0.75, 0.5, 0.25)


@dataclass(frozen=True, slots=True)
class Feather:
    """How far a mask's edge fades: the rule of `feather_ratio` and `noise_mask_feather`.

    The fade is as wide as `share` of the mask's local thickness, and `reach` pixels at most. The
    local thickness is the diameter of the largest disc in the mask about there: a stroke of 12 px
    has 12, however large its box. `side` says where the fade lies: outside the mask, which then is
    whole; inside, where nothing outside changes; or half on each side.

    A hole that the mask encloses stays as it is on every side: there the fade lies inside the
    mask, no wider than that share of the hole either. Inside a mask a fade takes at most half of
    its thickness, so that a thin one still has its full strength in the middle.
    """

    reach: float
    share: float
    side: Side = "outside"

    @property
    def inward(self) -> Feather:
        """The same for a fade that lies inside."""
        return Feather(self.reach, min(self.share, 0.5), "inside")

    def width(self, thickness: float) -> float:
        """How wide the fade is where the mask is so thick, px."""
        return min(self.reach, self.share * thickness)


def feather(mask: Matte, area: Box, how: Feather) -> Alpha:
    """The mask over an area of whole pixels with its edge soft, (h, w) float32 0..1.

    Nothing changes further from the mask than `how.width` of its local thickness, and outside it
    the strength is below its own. The area's edge is no edge of the mask: there is no fade towards
    it.
    """
    if mask.solid and not area.clipped(mask.box).empty:
        return _box(mask.box, area, how)
    return feather_alpha(mask.within(area), how)


def feather_alpha(alpha: Alpha, how: Feather) -> Alpha:
    """`feather` for an array, (h, w) float32 0..1: gray values fade from where they are."""
    top = float(alpha.max(initial=0))
    if top <= 0 or how.reach < 1 or how.share <= 0:
        return alpha
    nothing = np.asarray(alpha <= _NOTHING * top)
    holes = enclosed(nothing)
    around = nothing & ~holes if holes.any() else nothing
    soft = np.array(alpha)
    if how.side != "inside" and around.any():
        for solid, level in _levels(alpha, top):
            faded = _fade(_distance(solid) / _reach(solid, how) + np.float32(_START[how.side]))
            faded[solid | holes] = 0
            np.maximum(soft, np.float32(level) * faded, out=soft)
    solid = np.asarray(alpha >= _TOP * top)
    if how.side != "outside" and around.any():
        wide = how if how.side == "both" else how.inward
        _fade_inside(soft, around, _reach(solid, wide), _START[how.side])
    if holes.any():
        width = np.minimum(_reach(solid, how.inward), _reach(holes, how.inward))
        _fade_inside(soft, holes, np.asarray(width), 1)
    return soft


def thickness(mask: Matte) -> float:
    """The diameter of the largest disc in a mask, px; of a box its shorter side."""
    if mask.solid:
        return min(mask.box.width, mask.box.height)
    return max(0.0, 2 * float(_depth(mask.alpha > 0).max(initial=0)) - 1)


def _fade_inside(soft: Alpha, beyond: Solid, width: Alpha, start: float) -> None:
    """Weaker near what lies beyond the mask; that itself stays as it is."""
    widest = math.ceil(float(width.max(initial=0))) + 1
    where = _stretch(np.any(beyond, axis=1), widest), _stretch(np.any(beyond, axis=0), widest)
    part, near = soft[where], beyond[where]
    fade = _fade(np.float32(start) - _distance(near) / width[where])
    fade *= soft.max(initial=0)
    fade[near] = 1
    np.minimum(part, fade, out=part)


def _stretch(some: Any, more: int) -> slice:
    """From the first to the last of them, and so many more."""
    at = np.flatnonzero(some)
    return slice(max(0, int(at[0]) - more), int(at[-1]) + 1 + more)


def _levels(alpha: Alpha, top: float) -> Iterator[tuple[Solid, float]]:
    """The parts of a mask that are at least so strong, and how strong they fade."""
    solid = np.asarray(alpha >= _TOP * top)
    yield solid, top
    for gray in _GRAYS:
        more = np.asarray(alpha >= gray * top)
        if np.count_nonzero(more) == np.count_nonzero(solid):
            continue
        # An edge that is soft over a pixel or two is no gray part of its own.
        if (more & (cv2.dilate(solid.view(np.uint8), np.ones((5, 5), np.uint8)) == 0)).any():
            yield more, gray * top
        solid = more


def _box(box: Box, area: Box, how: Feather) -> Alpha:
    """A box that is wholly masked, faded."""
    start = _START[how.side]
    width = how.width(min(box.width, box.height))
    if how.side == "inside":
        width = how.inward.width(min(box.width, box.height))
    (dx, inner_x), (dy, inner_y) = (
        _along(box.left, box.right, area.left, area.right),
        _along(box.top, box.bottom, area.top, area.bottom),
    )
    if width < 1:
        return np.asarray((dy[:, None] == 0) & (dx == 0), np.float32)
    ramp = np.sqrt(dy[:, None] ** 2 + dx**2) * np.float32(1 / width)
    if how.side != "outside":
        depth = np.minimum(inner_y[:, None], inner_x) * np.float32(1 / width)
        ramp = np.where(ramp > 0, ramp, -depth) + np.float32(start)
    return _fade(ramp)


def _along(first: float, end: float, start: float, stop: float) -> tuple[Any, Any]:
    """Along one axis: how far each pixel is outside a stretch, and how deep inside it."""
    at = np.arange(start, stop, dtype=np.float32)
    before = at - first + 1 if first > start else np.full(at.shape, np.inf, np.float32)
    after = end - at if end < stop else np.full(at.shape, np.inf, np.float32)
    return np.maximum(np.maximum(first - at, at - (end - 1)), 0), np.minimum(before, after)


def _reach(solid: Solid, how: Feather) -> Alpha:
    """How wide the fade is at each pixel, also outside the mask: as at the mask nearest to it.

    For each of some radii, falling by √2: what lies near the discs of that radius in the mask has
    their reach. It falls by a pixel for each that one goes away from them beside going away from
    the mask, so that it is continuous, and what is near a thin part never fades as near a thick
    one.
    """
    smaller = -(-max(solid.shape) // _CELLS)
    cells = _shrunk(solid, smaller)
    depth = _depth(cells)
    beyond, whole = _distance(cells), np.count_nonzero(cells)
    reach = np.zeros(cells.shape, np.float32)
    # Discs beyond what `how.reach` allows have nothing to add.
    radius = min(float(depth.max(initial=0)), (how.reach / smaller / how.share + 1) / 2)
    while (width := min(how.reach / smaller, how.share * (2 * radius - 1))) * smaller >= 1:
        near = _near(cells, _distance(depth >= radius), radius)
        if np.count_nonzero(near) == whole:
            reach = np.maximum(reach, np.float32(width))
            break
        reach = np.maximum(reach, width - np.maximum(_distance(near) - beyond, 0))
        radius /= _FINER
    reach = np.asarray(np.maximum(_SURELY * smaller * reach, 1e-3), np.float32)
    if smaller == 1:
        return reach
    size = (solid.shape[1], solid.shape[0])
    return np.asarray(cv2.resize(reach, size, interpolation=cv2.INTER_LINEAR), np.float32)


def _near(cells: Solid, distance: Alpha, radius: float) -> Solid:
    """The discs of a radius in the mask, by the distance from their middles, and their corners.

    A corner is what hangs on the discs and ends near them: a square is all of its disc, a stick
    that leads away from one is no part of it.
    """
    discs = cells & (distance < radius)
    rest = cells & ~discs
    if not rest.any():
        return cells
    count, labels = cv2.connectedComponents(rest.view(np.uint8), connectivity=8)
    touching = cv2.dilate(discs.view(np.uint8), np.ones((3, 3), np.uint8)) > 0
    corner = np.zeros(count, bool)
    corner[labels[touching & rest]] = True
    corner[labels[rest & (distance >= _NEAR * radius)]] = False
    return np.asarray(discs | (corner[labels] & rest))


def _shrunk(solid: Solid, smaller: int) -> Solid:
    """On a coarser grid: the cells that are masked all over."""
    if smaller == 1:
        return solid
    height, width = solid.shape
    size = (-(-width // smaller), -(-height // smaller))
    share = cv2.resize(solid.astype(np.uint8) * 255, size, interpolation=cv2.INTER_AREA)
    return np.asarray(share == 255)


def _distance(solid: Solid) -> Alpha:
    """How far each pixel is from the nearest one that is masked; far where there is none."""
    if not solid.any():
        return np.full(solid.shape, np.float32(1e9))
    return np.asarray(cv2.distanceTransform((~solid).view(np.uint8), cv2.DIST_L2, 5), np.float32)


def _depth(solid: Solid) -> Alpha:
    """How far each pixel is from the nearest one that is not masked; beyond the array none is."""
    padded = np.pad(solid.view(np.uint8), 1)
    return np.asarray(cv2.distanceTransform(padded, cv2.DIST_L2, 5)[1:-1, 1:-1], np.float32)


def _fade(ramp: Alpha) -> Alpha:
    """From 1 where the ramp is 0 to 0 where it is 1, smoothly."""
    left = np.clip(1 - ramp, 0, 1)
    smooth = 3 - 2 * left
    smooth *= left
    smooth *= left
    return np.asarray(smooth, np.float32)
