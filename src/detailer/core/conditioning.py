"""Conditioning masks: where in a picture a text counts, cut to what a region shows of it."""

from __future__ import annotations

from detailer.core.geometry import Box, Size
from detailer.core.pixels import Alpha, size_of
from detailer.errors import InputError


def within(mask: Alpha, box: Box, picture: Size, compatible: bool = False) -> Alpha:
    """The part of a mask that lies over a box of the picture, at the mask's own resolution.

    Args:
        mask: (h, w) float32, laid over the whole picture at whatever size.
        box: Whole pixels of the picture.
        picture: The picture's size.
        compatible: As Impact Pack has it, which scales across by the heights and down by the
            widths: another part, wherever mask and picture differ in aspect.

    Returns:
        (h, w) float32, a copy; at least one cell where it is not compatible.

    Raises:
        InputError: If the box lies outside the picture.
    """
    if box.clipped(picture.box).empty:
        raise InputError(f"box {tuple(box)} lies outside the picture of {picture}")
    size = size_of(mask)
    across, down = size.width / picture.width, size.height / picture.height
    if compatible:
        across, down = down, across
    left, right = round(box.left * across), round(box.right * across)
    top, bottom = round(box.top * down), round(box.bottom * down)
    if not compatible:
        left, top = min(left, size.width - 1), min(top, size.height - 1)
        right, bottom = max(right, left + 1), max(bottom, top + 1)
    return mask[max(top, 0) : max(bottom, 0), max(left, 0) : max(right, 0)].copy()
