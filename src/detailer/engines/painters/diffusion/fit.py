"""Fit: a cutout's pixels at a size that the model takes, and back."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from detailer.core.geometry import Box, Size
from detailer.core.pixels import Pixels, size_of
from detailer.core.plan import Cutout


@dataclass(frozen=True, slots=True)
class Fit:
    """How a painted size is brought to the model's multiple.

    `size` is what the model sees, `box` is where the cutout's pixels lie in it. The nodes cut off
    what is over, at the middle, so that there `box` reaches beyond the size.
    """

    size: Size
    box: Box

    def pixels(self, cutout: Cutout) -> Pixels:
        """What the model sees, (h, w, 3) float32: cut off, or the border repeated."""
        pixels = cutout.pixels
        if self.box.size == self.size:
            return pixels
        if self.box.left < 0 or self.box.top < 0:
            return pixels[self.size.box.shifted(-self.box.left, -self.box.top).slices]
        extra = self.size.height - size_of(pixels).height, self.size.width - size_of(pixels).width
        return np.pad(pixels, ((0, extra[0]), (0, extra[1]), (0, 0)), "edge")

    def undone(self, painted: Pixels) -> Pixels:
        """The cutout's part of what was painted; the nodes stretch what they had cut off."""
        if self.box.left < 0 or self.box.top < 0:
            return painted
        return painted[self.box.slices]


def fit_of(cutout: Cutout, multiple: int) -> Fit:
    """The fit for a cutout: as it is where its sides are multiples, which is what plans make."""
    size = cutout.patch.size
    if cutout.compatible and min(size.width, size.height) >= multiple:
        cut = vae_crop(size, multiple)
        return Fit(cut.size, size.box.shifted(-cut.left, -cut.top))
    whole = Size(*(-(-side // multiple) * multiple for side in (size.width, size.height)))
    return Fit(whole, size.box)


def vae_crop(size: Size, multiple: int = 8) -> Box:
    """The part of a picture that ComfyUI encodes: its middle, in multiples."""
    width, height = (side // multiple * multiple for side in (size.width, size.height))
    left, top = (size.width - width) // 2, (size.height - height) // 2
    return Box(left, top, left + width, top + height)
