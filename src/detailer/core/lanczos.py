"""Lanczos with three lobes over any stretch of an array: what shrinks, shrinks without moiré."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

LOBES = 3
# Products smaller than this stay on one thread in OpenBLAS: handing them out costs more.
_SMALL = 2**18


def lanczos(
    array: NDArray[np.float32], stretch: tuple[float, float], length: int
) -> NDArray[np.float32]:
    """The rows of an array between two places, brought to another number of rows.

    The kernel is widened where rows get fewer; at the array's ends its weights still sum to one
    (Turkowski, Filters for Common Resampling Tasks, 1990; the very numbers that Pillow gives).

    Args:
        array: (n, ...) float32.
        stretch: Where the first row of the result begins and the last one ends, in rows.
        length: Number of rows of the result.
    """
    flat = array.reshape(len(array), -1)
    starts, weights = _weights(len(array), stretch, length)
    out = np.empty((length, flat.shape[1]), np.float32)
    step = (stretch[1] - stretch[0]) / length
    # A few rows of the result need few rows of the array: a small dense product.
    block = max(1, int(math.sqrt(_SMALL / flat.shape[1] / max(step, 1)) / 2))
    for first in range(0, length, block):
        near, part = starts[first : first + block], weights[first : first + block]
        low, high = int(near[0]), min(int(near[-1]) + part.shape[1], len(array))
        dense = np.zeros((len(near), high - low + part.shape[1]), np.float32)
        for row, start in enumerate(near - low):
            dense[row, start : start + part.shape[1]] = part[row]
        np.matmul(dense[:, : high - low], flat[low:high], out=out[first : first + block])
    return out.reshape(length, *array.shape[1:])


def _weights(
    rows: int, stretch: tuple[float, float], length: int
) -> tuple[NDArray[np.intp], NDArray[np.float32]]:
    """For each row of the result the first row it reads, and how much it takes of each."""
    step = (stretch[1] - stretch[0]) / length
    widening = max(step, 1.0)
    centres = stretch[0] + (np.arange(length) + 0.5) * step
    starts = np.clip(np.floor(centres - LOBES * widening), 0, rows - 1).astype(np.intp)
    places = starts[:, None] + np.arange(2 * math.ceil(LOBES * widening) + 1)
    distance = (places + 0.5 - centres[:, None]) / widening
    inside = (np.abs(distance) < LOBES) & (places < rows)
    weights = np.sinc(distance) * np.sinc(distance / LOBES) * inside
    return starts, (weights / weights.sum(axis=1, keepdims=True)).astype(np.float32)
