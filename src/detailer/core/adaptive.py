"""What a region's size decides: how far it may depart, and at which size it is painted."""

from __future__ import annotations

import math
from typing import Literal

from detailer.core.geometry import Box, Size
from detailer.errors import InputError

SDXL_SIZES = tuple(
    Size(width, height)
    for width, height in [
        (1024, 1024), (1152, 896), (896, 1152), (1216, 832), (832, 1216),
        (1344, 768), (768, 1344), (1536, 640), (640, 1536),
    ]
)  # fmt: skip
"""The sizes that SDXL was trained on and that are used for single regions."""


def dynamic_denoise(power: float, denoise: float, box: Box, picture: Size) -> float:
    """Less denoise for larger regions: denoise times (1 - area share) to a power, 0..1.

    A power of 0 changes nothing; a negative one gives larger regions more.
    """
    if power == 0:
        return denoise
    share = box.clipped(picture.box).area / picture.area if picture.area else 0.0
    left = 1.0 - share
    if left <= 0:
        return 0.0 if power > 0 else 1.0
    return min(1.0, max(0.0, denoise * math.exp(power * math.log(left))))


def optimal_size(size: Size, box: Box, mode: Literal["off", "strict", "free"] = "free") -> Size:
    """The size a region is painted at so that it fits its aspect, as ADetailer does.

    free: the longer side stays, the other follows the box and is rounded up to a multiple of 8.
    strict: the SDXL size of the nearest aspect, no smaller than the box and, on one side at
    least, than `size`; if none is, as it was.

    Args:
        size: What would be painted otherwise.
        box: The found box, not empty.
    """
    if mode == "off":
        return size
    if box.empty:
        raise InputError(f"box {tuple(box)} is empty and has no aspect")
    return _sdxl(size, box) if mode == "strict" else _free(size, box)


def _free(size: Size, box: Box) -> Size:
    long = max(size.width, size.height)
    short = long * min(box.width, box.height) / max(box.width, box.height)
    # Whole pixels first, then the multiple: 152.8 becomes 152, and 153.2 becomes 160.
    other = max(8, math.ceil(math.floor(short + 1e-9) / 8) * 8)
    return Size(long, other) if box.width > box.height else Size(other, long)


def _sdxl(size: Size, box: Box) -> Size:
    fitting = [
        each
        for each in SDXL_SIZES
        if each.width >= box.width
        and each.height >= box.height
        and (each.width >= size.width or each.height >= size.height)
    ]
    aspect = box.width / box.height
    return min(fitting, key=lambda each: abs(each.width / each.height - aspect), default=size)
