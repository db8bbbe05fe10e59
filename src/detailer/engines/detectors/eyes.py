"""Eyes: both eyes of every face, where a face detector's landmarks say they are."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from detailer.core.geometry import Box, Point
from detailer.core.matte import Matte
from detailer.core.pixels import Alpha, Picture
from detailer.core.region import Region
from detailer.core.regions import Regions
from detailer.engines.detectors.centerface import CenterFace
from detailer.stages.detect import Detector

# By the distance between the eyes: lids and lashes are in, brows are not.
_HALF_WIDTH, _HALF_HEIGHT = 0.36, 0.22
# Seen from the side eyes come close together, but a face stays as high as it is.
_LEAST_BY_HEIGHT = 0.28


class Eyes:
    """Finds one region for both eyes of each face, so that they are painted alike.

    The mask is an ellipse over each eye, turned as the face is. Faces without landmarks have none.

    Args:
        faces: What finds the faces; CenterFace if None.
        threshold: Least score of a face, 0..1, where `faces` is None.

    Raises:
        MissingEngineError: If `faces` is None and CenterFace is not installed.
    """

    def __init__(self, faces: Detector | None = None, threshold: float = 0.5) -> None:
        self._faces = faces or CenterFace(threshold=threshold)

    def __call__(self, picture: Picture, /) -> Regions:
        """The eyes in (h, w, 3) uint8 RGB, in the order of the faces."""
        faces = self._faces(picture)
        found = [_eyes(face, faces.size.box) for face in faces if len(face.landmarks) >= 2]
        return faces.holding([region for region in found if not region.box.empty])


def _eyes(face: Region, picture: Box) -> Region:
    left, right = face.landmarks[:2]
    unit = max(math.dist(left, right), _LEAST_BY_HEIGHT * face.box.height)
    turn = math.atan2(right[1] - left[1], right[0] - left[0])
    width, height = _HALF_WIDTH * unit, _HALF_HEIGHT * unit
    across = math.hypot(width * math.cos(turn), height * math.sin(turn))
    down = math.hypot(width * math.sin(turn), height * math.cos(turn))
    (x1, y1), (x2, y2) = left, right
    box = Box(
        min(x1, x2) - across, min(y1, y2) - down, max(x1, x2) + across, max(y1, y2) + down
    ).clipped(picture)
    around = box.whole()
    alpha = np.maximum(*(_ellipse(around, eye, (width, height), turn) for eye in (left, right)))
    return replace(face, box=box, mask=Matte(alpha, around), label="eyes")


def _ellipse(box: Box, middle: Point, halves: tuple[float, float], turn: float) -> Alpha:
    """A filled ellipse with a soft edge of about a pixel, over a box of whole pixels."""
    xs = np.arange(box.left, box.right) + 0.5 - middle[0]
    ys = (np.arange(box.top, box.bottom) + 0.5 - middle[1])[:, None]
    along = (xs * math.cos(turn) + ys * math.sin(turn)) / halves[0]
    beside = (ys * math.cos(turn) - xs * math.sin(turn)) / halves[1]
    distance = (1 - np.hypot(along, beside)) * min(halves)
    return np.clip(distance + 0.5, 0, 1).astype(np.float32)
