"""Frame: where a picture lies in what a YOLO network sees, and the way back."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from detailer.core.geometry import Box, Size
from detailer.core.pixels import Picture
from detailer.core.regions import letterbox
from detailer.engines.detectors.found import Numbers
from detailer.engines.detectors.session import Planes

_GREY = 114


@dataclass(frozen=True)
class Frame:
    """All of a picture in a frame of another size: its aspect kept, centred, grey around it.

    `content` is where the picture lies, in whole pixels of the frame. Its sides are rounded, so
    the picture is stretched by a little; the way back is that of this very stretching.
    """

    picture: Size
    size: Size
    content: Box

    @classmethod
    def fixed(cls, picture: Size, size: Size) -> Frame:
        """The frame of a network that takes one size."""
        return cls._centred(picture, size, _content(size, picture))

    @classmethod
    def free(cls, picture: Size, limit: Size, step: int) -> Frame:
        """A frame within a limit with no more grey than to the next multiple of a step."""
        content = _content(limit, picture)
        size = Size(_multiple(content.width, step), _multiple(content.height, step))
        return cls._centred(picture, size, content)

    @classmethod
    def _centred(cls, picture: Size, size: Size, content: Size) -> Frame:
        # A pixel that cannot be shared lies on the right or below, as in training.
        left = round((size.width - content.width) / 2 - 0.1)
        top = round((size.height - content.height) / 2 - 0.1)
        return cls(picture, size, content.box.shifted(left, top))

    @property
    def scale(self) -> tuple[float, float]:
        """Pixels of the frame per pixel of the picture, along x and y."""
        return self.content.width / self.picture.width, self.content.height / self.picture.height

    def planes(self, picture: Picture) -> Planes:
        """What the network sees of (h, w, 3) uint8 RGB: (1, 3, h, w) float32, 0..1.

        Linear between the picture's pixels also where it shrinks: networks were trained so.
        """
        canvas = np.full((*self.size.shape, 3), _GREY, np.uint8)
        size = self.content.size
        if size != self.picture:
            picture = np.asarray(cv2.resize(picture, (size.width, size.height)), np.uint8)
        canvas[self.content.slices] = picture
        planes = np.empty((1, 3, *self.size.shape), np.float32)
        return np.divide(canvas.transpose(2, 0, 1)[None], np.float32(255), out=planes)

    def in_picture(self, boxes: Numbers) -> Numbers:
        """Boxes (n, 4) of the frame as boxes of the picture; they may reach beyond it."""
        left, top = self.content.left, self.content.top
        return np.asarray((boxes - [left, top, left, top]) / [*self.scale, *self.scale])

    def in_frame(self, box: Box) -> Box:
        """A box of the picture as a box of the frame."""
        return box.scaled(*self.scale).shifted(self.content.left, self.content.top)


def _content(size: Size, picture: Size) -> Size:
    box = letterbox(size, picture)
    return Size(max(1, round(box.width)), max(1, round(box.height)))


def _multiple(length: int, step: int) -> int:
    return -(-length // step) * step
