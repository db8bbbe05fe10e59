"""Arithmetic on masks: common part, union, difference; true, or in 8 bits as the nodes do it."""

from __future__ import annotations

from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from detailer.core.pixels import Alpha
from detailer.errors import InputError

Arithmetic: TypeAlias = Literal["true", "8-bit", "float-bits"]
"""true: minimum, maximum, difference. 8-bit: bit by bit on truncated bytes, where the common part
of 128/255 and 127/255 is nothing; ComfyUI's nodes do so. float-bits: the bits of the float32
numbers themselves, as those nodes' segment detector joins masks, where 0.3 and 0.5 make 1."""


def common(a: Alpha, b: Alpha, arithmetic: Arithmetic = "true") -> Alpha:
    """Where both are: the smaller value. Same shapes, 0..1."""
    if arithmetic == "8-bit":
        return unit(truncated(a) & truncated(b))
    if arithmetic == "float-bits":
        return (_bits(a) & _bits(b)).view(np.float32)
    return np.minimum(a, b)


def either(a: Alpha, b: Alpha, arithmetic: Arithmetic = "true") -> Alpha:
    """Where any is: the larger value. Same shapes, 0..1."""
    if arithmetic == "8-bit":
        return unit(truncated(a) | truncated(b))
    if arithmetic == "float-bits":
        return np.minimum((_bits(a) | _bits(b)).view(np.float32), np.float32(1))
    return np.maximum(a, b)


def without(a: Alpha, b: Alpha, arithmetic: Arithmetic = "true") -> Alpha:
    """What the second leaves of the first: the difference, at least 0. Same shapes, 0..1."""
    if arithmetic == "8-bit":
        first, second = truncated(a), truncated(b)
        return unit(first - np.minimum(first, second))
    return np.maximum(np.subtract(a, b, dtype=np.float32), np.float32(0))


def added(a: Alpha, b: Alpha) -> Alpha:
    """Both together: the sum, at most 1. Same shapes, 0..1."""
    return np.minimum(np.add(a, b, dtype=np.float32), np.float32(1))


def above(alpha: Alpha, threshold: float) -> Alpha:
    """1 where the mask is above a threshold, else 0."""
    return np.asarray(alpha > threshold, np.float32)


def truncated(alpha: Alpha) -> NDArray[np.uint8]:
    """0..1 as bytes, cut off and not rounded, as the nodes do."""
    return (np.clip(alpha, 0, 1) * np.float32(255)).astype(np.uint8)


def _bits(alpha: Alpha) -> NDArray[np.uint32]:
    return np.ascontiguousarray(alpha, np.float32).view(np.uint32)


def unit(mask: NDArray[Any]) -> Alpha:
    """A mask of bool, uint8, uint16 or float as a new float32 array, 0..1; NaN becomes 0."""
    levels = mask_levels(mask.dtype)
    if levels != 1.0:
        # Divided, so that truncated bytes made of them are the very same again.
        return np.asarray(np.divide(mask, np.float32(levels), dtype=np.float32))
    if mask.dtype == np.bool_:
        return mask.astype(np.float32)
    values = np.asarray(np.clip(mask, 0, 1), np.float32)
    if np.isnan(values.max(initial=0)):
        np.nan_to_num(values, copy=False)
    return values


def mask_levels(dtype: np.dtype[Any]) -> float:
    """The value that means all of a pixel."""
    if dtype == np.uint8:
        return 255.0
    if dtype == np.uint16:
        return 65535.0
    if dtype == np.bool_ or np.issubdtype(dtype, np.floating):
        return 1.0
    raise InputError(f"a mask of {dtype} is not supported; use float 0..1, bool, uint8 or uint16")
