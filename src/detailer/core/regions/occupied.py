"""Where a mask is not zero: found block by block, without a copy of the picture."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from detailer.core.geometry import Box
from detailer.errors import InputError

_BLOCK = 64


def islands(mask: NDArray[Any], threshold: float) -> list[Box]:
    """Boxes, none meeting another, that hold all values from a threshold up.

    Pixels that touch, also over a corner, lie in one box; so does all that lies in a box around
    them. The mask is (h, w), of any real dtype; the threshold is above 0.
    """
    occupied = _occupied(mask, threshold)
    before, boxes = -1, _boxes(occupied)
    while len(boxes) != before:
        for left, top, right, bottom in boxes:
            occupied[top:bottom, left:right] = 1
        before, boxes = len(boxes), _boxes(occupied)
    height, width = mask.shape
    whole = Box(0, 0, width, height)
    return [Box(*(side * _BLOCK for side in box)).clipped(whole) for box in boxes]


def bounds(mask: NDArray[Any], threshold: float) -> Box:
    """The smallest box around all values from a threshold up; empty where there are none."""
    occupied = _occupied(mask, threshold)
    rows, columns = np.flatnonzero(occupied.any(axis=1)), np.flatnonzero(occupied.any(axis=0))
    if not rows.size:
        return Box(0, 0, 0, 0)
    top, bottom = rows[0] * _BLOCK, min((rows[-1] + 1) * _BLOCK, mask.shape[0])
    left, right = columns[0] * _BLOCK, min((columns[-1] + 1) * _BLOCK, mask.shape[1])
    part = mask[top:bottom, left:right]
    first, last = _ends(part, threshold, axis=1)
    start, end = _ends(part, threshold, axis=0)
    return Box(int(left + start), int(top + first), int(left + end), int(top + last))


def _occupied(mask: NDArray[Any], threshold: float) -> NDArray[np.uint8]:
    """For every block 1 if it holds a value from the threshold up, else 0."""
    height, width = mask.shape
    if mask.size == 0:
        return np.zeros((0, 0), np.uint8)
    down, across = -(-height // _BLOCK), -(-width // _BLOCK)
    peaks = np.zeros((down, across * _BLOCK), mask.dtype)
    for row in range(down):
        mask[row * _BLOCK : (row + 1) * _BLOCK].max(axis=0, out=peaks[row, :width])
    highest = peaks.reshape(down, across, _BLOCK).max(axis=2)
    if np.isnan(highest).any():
        raise InputError("the mask holds values that are not numbers (NaN); give 0..1")
    return np.asarray(highest >= threshold, np.uint8)


def _boxes(occupied: NDArray[np.uint8]) -> list[tuple[int, int, int, int]]:
    """Left, top, right, bottom in blocks of everything that hangs together."""
    if not occupied.any():
        return []
    _, _, stats, _ = cv2.connectedComponentsWithStats(occupied, connectivity=8)
    return [(x, y, x + w, y + h) for x, y, w, h, _ in stats[1:].tolist()]


def _ends(part: NDArray[Any], threshold: float, axis: int) -> tuple[int, int]:
    """First and one past last line that holds a value from the threshold up.

    The first and the last block of lines both hold one.
    """
    lines = part if axis == 1 else part.T
    first = _reached(lines[:_BLOCK], threshold).argmax()
    last_block = (len(lines) - 1) // _BLOCK * _BLOCK
    last = _reached(lines[last_block:], threshold)[::-1].argmax()
    return int(first), len(lines) - int(last)


def _reached(lines: NDArray[Any], threshold: float) -> NDArray[np.bool_]:
    return np.asarray((lines >= threshold).any(axis=1))
