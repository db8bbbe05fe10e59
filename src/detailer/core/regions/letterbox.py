"""What detectors give, as masks of the picture: boxes, and masks in a letterboxed frame."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from detailer.core.arithmetic import unit
from detailer.core.geometry import Box, Size
from detailer.core.matte import Matte
from detailer.core.pixels import Alpha, size_of
from detailer.core.regions.occupied import bounds
from detailer.errors import InputError


def box_mask(box: Box, picture: Size, compatible: bool = False) -> Matte:
    """The pixels of a picture that a found box touches, filled.

    `compatible` fills the pixels from (int(left), int(top)) to (int(right), int(bottom)), both
    included, as the nodes and ADetailer draw a box: one more where it ends on a whole pixel.
    """
    touched = box.whole()
    if compatible:
        first, last = box.truncated(), box.truncated()
        touched = Box(first.left, first.top, last.right + 1, last.bottom + 1)
    return Matte.filled(touched.clipped(picture.box))


def letterbox(frame: Size, picture: Size) -> Box:
    """Where a picture lies in a frame that it was fitted into, aspect kept and centred.

    In whole pixels of the frame, as YOLO's letterbox rounds.
    """
    if frame.area == 0 or picture.area == 0:
        raise InputError(f"a picture of {picture} does not fit into a frame of {frame}")
    scale = min(frame.width / picture.width, frame.height / picture.height)
    width, height = round(picture.width * scale), round(picture.height * scale)
    left, top = round((frame.width - width) / 2 - 0.1), round((frame.height - height) / 2 - 0.1)
    return Box(left, top, left + width, top + height)


def unletterboxed(mask: NDArray[Any], picture: Size, compatible: bool = False) -> Matte:
    """A mask that a network gave for a letterboxed picture, on the picture's own pixels.

    Linear between the network's pixels. Only the part around what is masked is computed.

    Args:
        mask: (h, w) of the whole frame, bool, uint8 or float 0..1.
        picture: The picture's size before it was fitted into the frame.
        compatible: Takes up to twice the letterbox's bars away, as the nodes do: right only
            where the picture is twice as long as wide.
    """
    frame = size_of(mask)
    content = _overcropped(frame, picture) if compatible else letterbox(frame, picture)
    if content.empty:
        return Matte(np.zeros((0, 0), np.float32), Box(0, 0, 0, 0))
    alpha = unit(mask[content.slices])
    x, y = picture.width / content.width, picture.height / content.height
    tight = bounds(alpha, float(np.finfo(np.float32).tiny))
    box = tight if tight.empty else tight.grown(1).scaled(x, y).whole().clipped(picture.box)
    columns = _places(box.left, box.right, content.width / picture.width)
    rows = _places(box.top, box.bottom, content.height / picture.height)
    return Matte(_linear(_linear(alpha.T, columns).T, rows), box)


def _overcropped(frame: Size, picture: Size) -> Box:
    tall = frame.height / frame.width - picture.height / picture.width
    wide = frame.width / frame.height - picture.width / picture.height
    return frame.box.grown(-max(0, int(wide * frame.width)), -max(0, int(tall * frame.height)))


def _places(start: float, end: float, scale: float) -> NDArray[np.float32]:
    """Where the middles of pixels start to end lie between those of a smaller array."""
    middles = np.arange(start, end, dtype=np.float32) + np.float32(0.5)
    return np.float32(scale) * middles - np.float32(0.5)


def _linear(alpha: Alpha, places: NDArray[np.float32]) -> Alpha:
    """Rows read between rows; beyond the first and last row those two."""
    last = len(alpha) - 1
    places = np.maximum(places, np.float32(0))
    before = np.minimum(places.astype(int), last)
    weight = np.clip(places - before.astype(np.float32), 0, 1)[:, None]
    after = np.minimum(before + 1, last)
    return np.asarray(alpha[before] * (1 - weight) + alpha[after] * weight)
