"""Masks: those of a YOLO network, from its prototypes to pixels of the picture."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from detailer.core.geometry import Box
from detailer.core.matte import Matte
from detailer.core.pixels import Alpha
from detailer.core.regions import unletterboxed
from detailer.core.regions.occupied import bounds
from detailer.engines.detectors.yolo.frame import Frame

Logits: TypeAlias = NDArray[np.float32]
Places: TypeAlias = NDArray[np.float64]

# Rows of the result that are worked on together: they stay in the processor's cache.
_BLOCK = 1 << 16
_NOTHING = Matte(np.zeros((0, 0), np.float32), Box(0, 0, 0, 0))


def cut_mask(weights: Logits, prototypes: NDArray[Any], box: Box, frame: Frame) -> Matte:
    """The mask of one box, cut off at the box.

    A pixel of the picture is in where its middle is in the box and has a logit above 0. Logits, a
    weighted sum of the prototypes (Bolya et al., YOLACT, 2019), are read linearly, at the place
    where the picture lay when the network saw it: nothing is rounded to pixels of the frame or
    of the prototypes on the way. What it made of the grey around the picture counts nowhere.

    Args:
        weights: (masks,) float32, one for each prototype.
        prototypes: (masks, h, w) over all of the frame.
        box: In pixels of the picture.
        frame: What the network saw.
    """
    inside = _with_middle_in(box).clipped(frame.picture.box)
    if inside.empty:
        return _NOTHING
    grid = _Grid(frame, prototypes.shape[2], prototypes.shape[1])
    near = grid.around(inside)
    part = prototypes[(slice(None), *near.slices)].astype(np.float32, copy=False)
    logits = np.tensordot(weights, part, axes=1)
    positive = bounds(logits > 0, threshold=True).shifted(near.left, near.top)
    seen = grid.reach(positive).clipped(inside)
    if positive.empty or seen.empty:
        return _NOTHING
    columns, rows = grid.places(seen)
    return Matte(_above_zero(logits, columns - near.left, rows - near.top), seen)


@dataclass(frozen=True)
class _Grid:
    """The prototypes' own pixels, and where they lie in the picture."""

    frame: Frame
    width: int
    height: int

    @property
    def scale(self) -> tuple[float, float]:
        return self.width / self.frame.size.width, self.height / self.frame.size.height

    def around(self, box: Box) -> Box:
        """All that is read for the pixels of a box in the picture, and none of the grey."""
        read = self.frame.in_frame(box).scaled(*self.scale).grown(1)
        content = self.frame.content.scaled(*self.scale)
        seen = _with_middle_in(content)
        # Of a picture thinner than a pixel of the grid no middle may be left.
        return read.whole().clipped(content.whole() if seen.empty else seen)

    def reach(self, box: Box) -> Box:
        """All pixels of the picture that read anything of a box in the grid."""
        x, y = self.scale
        sides = np.array([tuple(box.grown(1).scaled(1 / x, 1 / y))])
        return Box(*self.frame.in_picture(sides)[0].tolist()).whole()

    def places(self, box: Box) -> tuple[Places, Places]:
        """Where the middles of a box's columns and rows lie between those of the grid."""
        (x, y), (across, down) = self.scale, self.frame.scale
        columns = np.arange(box.left, box.right) + 0.5
        rows = np.arange(box.top, box.bottom) + 0.5
        left, top = self.frame.content.left, self.frame.content.top
        return (left + columns * across) * x - 0.5, (top + rows * down) * y - 0.5


def cut_mask_compatibly(weights: Logits, prototypes: NDArray[Any], box: Box, frame: Frame) -> Matte:
    """The mask as Ultralytics gives it for the frame, on the picture as the nodes put it there.

    They take up to twice the grey away, so it is off by some pixels unless the picture is twice
    as long as wide. `box` is in pixels of the frame.
    """
    logits = np.tensordot(weights, prototypes.astype(np.float32, copy=False), axes=1)
    size = (frame.size.width, frame.size.height)
    mask = np.asarray(cv2.resize(logits, size, interpolation=cv2.INTER_LINEAR)) > 0
    kept = Box(*np.ceil(tuple(box)).tolist()).clipped(frame.size.box)
    cut = np.zeros_like(mask)
    cut[kept.slices] = mask[kept.slices]
    return unletterboxed(cut, frame.picture, compatible=True)


def _with_middle_in(box: Box) -> Box:
    """The pixels whose middles lie in a box."""
    return Box(*(math.ceil(side - 0.5) for side in box))


def _above_zero(logits: Logits, columns: Places, rows: Places) -> Alpha:
    """1 where the logits, read linearly at these columns and rows, are above 0, else 0."""
    wide = _between(logits.T, columns).T
    first, share = _places(rows, len(wide))
    steps = np.diff(wide, axis=0, append=wide[-1:])
    out = np.empty((len(rows), len(columns)), np.float32)
    most = max(1, _BLOCK // max(1, len(columns)))
    starts = np.flatnonzero(np.diff(first, prepend=-1))
    for start, end in zip(starts, [*starts[1:], len(rows)], strict=True):
        for low in range(start, end, most):
            part = slice(low, min(low + most, end))
            between = share[part, None] * steps[first[low]]
            between += wide[first[low]]
            np.greater(between, 0, out=out[part])
    return out


def _between(lines: Logits, places: Places) -> Logits:
    first, share = _places(places, len(lines))
    after = np.minimum(first + 1, len(lines) - 1)
    return np.asarray(lines[first] + share[:, None] * (lines[after] - lines[first]))


def _places(places: Places, lines: int) -> tuple[NDArray[np.intp], NDArray[np.float32]]:
    """The line before each place, and how far it is to the next; ends reach beyond the first
    and the last line."""
    held = np.clip(places, 0, lines - 1)
    first = np.minimum(held.astype(np.intp), max(0, lines - 2))
    return first, (held - first).astype(np.float32)
