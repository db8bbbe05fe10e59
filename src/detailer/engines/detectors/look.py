"""Look: the picture at the size that a network takes it."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from detailer.core.geometry import Size
from detailer.core.pixels import Picture, size_of
from detailer.errors import InputError

STEP = 32
"""Networks halve their input five times: sides are multiples of this."""

_GRAY = 128


@dataclass(frozen=True, eq=False)
class Look:
    """(h, w, 3) uint8 RGB for a network, and its pixels per pixel of the picture along x and y.

    `border` is how many of its pixels on every side are not the picture's.
    """

    pixels: Picture
    x: float
    y: float
    border: int = 0

    def planes(self, bgr: bool = False) -> NDArray[np.float32]:
        """(1, 3, h, w) float32, 0..255."""
        pixels = self.pixels[..., ::-1] if bgr else self.pixels
        return np.ascontiguousarray(pixels.transpose(2, 0, 1)[None], dtype=np.float32)


def stretched(picture: Picture, long_side: float) -> Look:
    """The long side brought to a length; both sides stretched to the next multiple of 32.

    Nothing is added, so that a network sees no edge that is not in the picture.
    """
    size = size_of(picture)
    factor = long_side / max(size.width, size.height)
    most = max(STEP, int(long_side) // STEP * STEP)
    target = Size(
        min(most, _next_step(size.width * factor)), min(most, _next_step(size.height * factor))
    )
    pixels = resized(picture, target)
    return Look(pixels, target.width / size.width, target.height / size.height)


def bordered(look: Look, border: int) -> Look:
    """A look with so many pixels of gray on every side."""
    around = ((border, border), (border, border), (0, 0))
    return replace(look, pixels=np.pad(look.pixels, around, constant_values=_GRAY), border=border)


def padded(picture: Picture, long_side: int) -> Look:
    """The long side limited to a length; black on the right and below to a multiple of 32."""
    size = size_of(picture)
    factor = min(1.0, long_side / max(size.width, size.height))
    return letterboxed(
        picture, Size(_next_step(size.width * factor), _next_step(size.height * factor)), factor
    )


def letterboxed(picture: Picture, target: Size, factor: float | None = None, fill: int = 0) -> Look:
    """The picture scaled alike in x and y into a target, top left; the rest is filled.

    Without a factor it is made as large as the target holds.
    """
    size = size_of(picture)
    if factor is None:
        factor = min(target.width / size.width, target.height / size.height)
    scaled = Size(
        min(target.width, max(1, round(size.width * factor))),
        min(target.height, max(1, round(size.height * factor))),
    )
    pixels = np.full((*target.shape, 3), fill, np.uint8)
    pixels[: scaled.height, : scaled.width] = resized(picture, scaled)
    return Look(pixels, scaled.width / size.width, scaled.height / size.height)


def check_picture(picture: NDArray[Any]) -> None:
    """Raise InputError unless it is what detectors look at: (h, w, 3) uint8, not empty."""
    if picture.dtype != np.uint8 or picture.ndim != 3 or picture.shape[2] != 3 or not picture.size:
        raise InputError(
            f"a detector looks at (h, w, 3) uint8 RGB, not at {picture.shape} {picture.dtype};"
            " Canvas(pixels).picture() gives that"
        )


def _next_step(length: float) -> int:
    # A millionth is forgiven: 640.0000001 px are 640.
    return max(STEP, math.ceil(length / STEP - 1e-6) * STEP)


def resized(picture: NDArray[Any], size: Size) -> NDArray[Any]:
    """A picture or a mask of another size: by area where it shrinks, else linear."""
    now = size_of(picture)
    if now == size:
        return picture
    how = cv2.INTER_AREA if size.area < now.area else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(picture, (size.width, size.height), interpolation=how))
