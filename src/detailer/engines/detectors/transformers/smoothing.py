"""Smoothing: a map of probabilities made into the regions that it means."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

import cv2
import numpy as np

from detailer.core.geometry import Size
from detailer.core.pixels import Alpha
from detailer.core.region import Region
from detailer.core.regions.from_mask import Trace, trace
from detailer.engines.segmenters.stretch import stretched
from detailer.engines.wrap import moved

_CUT_OFF = 4.0  # sigmas, as scipy's filter
_FLAT = 1e-6


@dataclass(frozen=True)
class Smoothing:
    """How CLIPSeg's map becomes regions: the steps of the nodes' CLIPSeg detector.

    Values above `threshold` stay, the rest is 0; a Gaussian of sigma `blur` and a growth by
    `dilation`, both in pixels of the map, follow; whatever is above 0 then is masked.
    `compatible` means the whole box of each region, as the nodes do.
    """

    threshold: float = 0.4
    blur: int = 7
    dilation: int = 4
    compatible: bool = False

    def applied(self, probability: Alpha) -> Alpha:
        """The map 0..1 after these steps; all 0 for one that is the same everywhere."""
        sure = np.where(probability > self.threshold, probability, np.float32(0))
        if sure.max() - sure.min() < _FLAT:
            return np.zeros_like(sure)
        side = 2 * round(_CUT_OFF * self.blur) + 1
        if self.blur:
            border = cv2.BORDER_REFLECT
            sure = np.asarray(cv2.GaussianBlur(sure, (side, side), self.blur, borderType=border))
        low, high = sure.min(), sure.max()
        if high - low < _FLAT:
            return np.zeros_like(sure)
        side = 2 * self.dilation + 1
        grown = cv2.dilate((sure - low) / (high - low), np.ones((side, side), np.uint8))
        return np.asarray(grown, np.float32)

    def regions(self, probability: Alpha, size: Size, label: str) -> Iterator[Region]:
        """The regions of a map (h, w) float32 0..1 that covers a picture of this size.

        A region's score is its peak: the highest probability in it.
        """
        smooth = self.applied(probability)
        how = Trace(drop_size=0, bbox_fill=self.compatible, label=label)
        for island in _islands(smooth, size):
            mask = stretched(np.where(island, smooth, np.float32(0)), size)
            for region in trace([mask.alpha], how).regions:
                found = moved(region, mask.box)
                yield replace(found, score=_peak(np.where(island, probability, 0), found, size))


def _islands(smooth: Alpha, size: Size) -> Iterator[np.ndarray]:
    """Parts of a map that keep apart in a picture of this size, a bool map for each."""
    height, width = smooth.shape
    # A value reaches its neighbours' middles, and the pixels of a small picture beyond them.
    reach = 1 + math.ceil(width / size.width), 1 + math.ceil(height / size.height)
    window = np.ones((2 * reach[1] + 1, 2 * reach[0] + 1), np.uint8)
    reached = cv2.dilate((smooth > 0).astype(np.uint8), window)
    count, numbers = cv2.connectedComponents(reached, connectivity=8)
    for number in range(1, count):
        yield np.asarray(numbers == number)


def _peak(probability: Alpha, region: Region, size: Size) -> float:
    height, width = probability.shape
    seen = region.box.scaled(width / size.width, height / size.height).grown(1).whole()
    return float(probability[seen.clipped(Size(width, height).box).slices].max())
