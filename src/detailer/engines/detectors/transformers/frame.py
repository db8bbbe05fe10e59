"""Frame: a picture brought into a shape that every network can take."""

from __future__ import annotations

import math
from dataclasses import replace

import cv2
import numpy as np

from detailer.core.geometry import Size
from detailer.core.pixels import Picture, size_of
from detailer.core.region import Region
from detailer.engines.detectors.look import Look, resized

_LONGEST = 16  # times the shorter side; beyond that processors round a side to nothing


def framed(picture: Picture, most: int = 0) -> Look:
    """The picture for a network's processor, which brings it to the network's own size.

    A strip is made wider: its last row or column is repeated on the right or below, until it is
    no longer than 16 times its other side.

    Args:
        picture: (h, w, 3) uint8 RGB.
        most: Limit of the longer side, pixels, for processors that are slow with large pictures;
            0: none.
    """
    size = size_of(picture)
    longer = max(size.width, size.height)
    factor = most / longer if 0 < most < longer else 1.0
    target = Size(max(1, round(size.width * factor)), max(1, round(size.height * factor)))
    pixels = resized(picture, target)
    least = math.ceil(max(target.width, target.height) / _LONGEST)
    below, right = max(0, least - target.height), max(0, least - target.width)
    if below or right:
        pixels = np.asarray(cv2.copyMakeBorder(pixels, 0, below, 0, right, cv2.BORDER_REPLICATE))
    return Look(pixels, target.width / size.width, target.height / size.height)


def inside(region: Region, size: Size) -> Region:
    """A region cut off at the edge of a picture: what was added to a strip lies beyond it."""
    mask = region.mask.over(region.mask.box.clipped(size.box))
    return replace(region, box=region.box.clipped(size.box), mask=mask)
