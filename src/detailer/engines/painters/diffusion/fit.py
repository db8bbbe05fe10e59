"""Fit: a cutout's pixels at a size that the model takes, and back."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from detailer.core.geometry import Box, Size
from detailer.core.pixels import Alpha, Pixels, size_of
from detailer.core.plan import Cutout


@dataclass(frozen=True, slots=True)
class Fit:
    """How a painted size is brought to the model's multiple.

    `size` is what the model sees, `box` is where the cutout's pixels lie in it. The nodes cut off
    what is over, at the middle, so that there `box` is larger than the size: by one pixel it does
    so at the right or the bottom alone.
    """

    size: Size
    box: Box

    @property
    def cuts(self) -> bool:
        """Whether what is over is cut off, instead of filled up."""
        return self.box.width > self.size.width or self.box.height > self.size.height

    def pixels(self, cutout: Cutout) -> Pixels:
        """What the model sees, (h, w, 3) float32."""
        return self._fitted(cutout.pixels)

    def mask(self, cutout: Cutout) -> Alpha:
        """What may change of that, (h, w) float32 0..1."""
        return self._fitted(cutout.noise_mask)

    def undone(self, painted: Pixels) -> Pixels:
        """The cutout's part of what was painted; the nodes stretch what they had cut off."""
        return painted if self.cuts else painted[self.box.slices]

    def _fitted(self, painted: NDArray[np.float32]) -> NDArray[np.float32]:
        """From the painted size to the model's: cut off, or the border repeated."""
        if self.box.size == self.size:
            return painted
        if self.cuts:
            return painted[self.size.box.shifted(-self.box.left, -self.box.top).slices]
        size = size_of(painted)
        extra = [(0, self.size.height - size.height), (0, self.size.width - size.width)]
        return np.pad(painted, [*extra, (0, 0)][: painted.ndim], "edge")


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
