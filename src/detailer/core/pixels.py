"""The arrays that travel, and how they change size."""

from __future__ import annotations

from typing import Any, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from detailer.core.geometry import Box, Size
from detailer.core.lanczos import LOBES, lanczos
from detailer.errors import InputError

Pixels: TypeAlias = NDArray[np.float32]
"""(height, width, 3) float32 sRGB, 0..1."""
Alpha: TypeAlias = NDArray[np.float32]
"""(height, width) float32, 0 keeps and 1 replaces."""
Picture: TypeAlias = NDArray[np.uint8]
"""(height, width, 3) uint8 sRGB, 0..255: what a detector looks at."""
Native: TypeAlias = NDArray[Any]
"""(h, w) or (h, w, channels), uint8, uint16 or float32, in the picture's own colours."""

LEVELS: dict[np.dtype[Any], float] = {
    np.dtype(np.uint8): 255.0,
    np.dtype(np.uint16): 65535.0,
    np.dtype(np.float32): 1.0,
}


def size_of(array: NDArray[np.generic]) -> Size:
    """Width and height of an array of pixels."""
    return Size(array.shape[1], array.shape[0])


def to_unit(array: Native) -> NDArray[np.float32]:
    """Values scaled to float32 0..1 by their dtype's range."""
    levels = LEVELS.get(array.dtype)
    if levels is None:
        raise InputError(f"pixels of {array.dtype} are not supported; use uint8, uint16 or float32")
    values = np.asarray(array, np.float32)
    return values if levels == 1.0 else np.divide(values, np.float32(levels), out=values)


def to_bytes(pixels: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Values 0..1 as uint8, rounded to the nearest level."""
    return np.asarray(np.rint(np.clip(pixels, 0, 1) * np.float32(255)), np.uint8)


def resize(pixels: Pixels, size: Size) -> Pixels:
    """Pixels brought to another size: cubic where they grow, Lanczos where they shrink.

    Takes and gives (h, w) or (h, w, channels) float32; values may overshoot by a little.
    """
    return sample(pixels, size_of(pixels).box, size)


def sample(pixels: Pixels, box: Box, size: Size) -> Pixels:
    """The part of an array under a box, brought to a size.

    The box may be fractional and lies inside the array; no pixel outside the array is used.
    Levels of 8 or 16 bits become float32 0..1.
    """
    scale_x, scale_y = size.width / box.width, size.height / box.height
    if scale_x == 1 and scale_y == 1 and box == box.whole():
        return to_unit(np.array(pixels[box.slices]))
    if min(scale_x, scale_y) >= 1 and box.left == int(box.left) and box.top == int(box.top):
        return _enlarge(pixels, box, size)
    return _lanczos(pixels, box, size)


def _enlarge(pixels: Pixels, box: Box, size: Size) -> Pixels:
    part = to_unit(np.ascontiguousarray(pixels[box.whole().slices]))
    factor_x, factor_y = size.width / box.width, size.height / box.height
    height, width = part.shape[:2]
    short_x, short_y = size.width - round(width * factor_x), size.height - round(height * factor_y)
    if max(short_x, short_y) > 0:
        more = int(short_y > 0), int(short_x > 0)
        part = np.asarray(cv2.copyMakeBorder(part, 0, more[0], 0, more[1], cv2.BORDER_REPLICATE))
        height, width = part.shape[:2]
    if (round(width * factor_x), round(height * factor_y)) == (width, height):
        # So small a factor OpenCV takes for none.
        return _lanczos(pixels, box, size)
    # With a factor and no target size OpenCV keeps the exact factor; the excess is cut off.
    large = cv2.resize(part, None, fx=factor_x, fy=factor_y, interpolation=cv2.INTER_CUBIC)
    return np.asarray(large[: size.height, : size.width], np.float32)


def _lanczos(pixels: Pixels, box: Box, size: Size) -> Pixels:
    reach_x = LOBES * max(1.0, box.width / size.width)
    reach_y = LOBES * max(1.0, box.height / size.height)
    near = box.grown(reach_x, reach_y).whole().clipped(size_of(pixels).box)
    inside = box.shifted(-near.left, -near.top)
    down = lanczos(to_unit(pixels[near.slices]), (inside.top, inside.bottom), size.height)
    across = lanczos(down.swapaxes(0, 1), (inside.left, inside.right), size.width)
    return np.ascontiguousarray(across.swapaxes(0, 1))
