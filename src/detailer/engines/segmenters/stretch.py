"""Stretch: a mask's logits brought to the picture's pixels, no further than the mask reaches."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detailer.core.geometry import Box, Size
from detailer.core.matte import Matte

_STRIP = 128


@dataclass(frozen=True)
class _Taps:
    """For each pixel of a longer or shorter side the two it lies between, and how far along."""

    low: NDArray[np.intp]
    high: NDArray[np.intp]
    along: NDArray[np.float32]

    @classmethod
    def of(cls, given: int, wanted: int) -> _Taps:
        # In float32, as torch's bilinear interpolation computes it (align_corners=False).
        step = np.float32(given) / np.float32(wanted)
        half = np.float32(0.5)
        places = np.maximum(step * (np.arange(wanted, dtype=np.float32) + half) - half, 0)
        low = np.minimum(places.astype(np.intp), given - 1)
        along = np.clip(places - low.astype(np.float32), 0, 1)
        return cls(low, np.minimum(low + 1, given - 1), along.astype(np.float32))

    def near(self, positive: NDArray[np.bool_]) -> tuple[int, int]:
        """The stretch of pixels that lie beside anything positive; 0, 0 where nothing is."""
        found = np.flatnonzero(positive[self.low] | positive[self.high])
        return (int(found[0]), int(found[-1]) + 1) if found.size else (0, 0)

    def between(self, start: int, stop: int) -> _Taps:
        """Those of some of the pixels."""
        part = slice(start, stop)
        return _Taps(self.low[part], self.high[part], self.along[part])

    def blended(self, values: NDArray[np.float32]) -> NDArray[np.float32]:
        """Values (given, n) at these pixels: (wanted, n)."""
        along = self.along[:, None]
        return values[self.low] * (1 - along) + values[self.high] * along


def stretched(logits: NDArray[Any], size: Size) -> Matte:
    """1 where logits, bilinearly at the size of the picture, are above 0.

    Equal to interpolating all of it and comparing with 0, but nothing is made of the picture's
    size where the mask is not that large.

    Args:
        logits: (h, w) floats that cover the whole picture.
        size: The picture's.
    """
    logits = np.asarray(logits, np.float32)
    positive = logits > 0
    rows, columns = (_Taps.of(*sides) for sides in zip(logits.shape, size.shape, strict=True))
    top, bottom = rows.near(np.asarray(positive.any(axis=1)))
    left, right = columns.near(np.asarray(positive.any(axis=0)))
    across = np.ascontiguousarray(columns.between(left, right).blended(logits.T).T)
    box = Box(left, top, right, bottom)
    alpha = np.empty(box.size.shape, np.float32)
    for start in range(top, bottom, _STRIP):
        stop = min(start + _STRIP, bottom)
        alpha[start - top : stop - top] = rows.between(start, stop).blended(across) > 0
    return Matte(alpha, box).trimmed()
