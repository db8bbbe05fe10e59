"""From what MediaPipe answers to regions: boxes of faces, outlines of faces, eyes and hands."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

import cv2
import numpy as np

from detailer.core.geometry import Box, Point, Size
from detailer.core.matte import Matte
from detailer.core.region import Region
from detailer.core.regions import Regions
from detailer.engines.detectors.found import Found, Numbers
from detailer.errors import EngineError

# MediaPipe calls left and right what they are for the person: the first is the viewer's left eye.
_EYES: Final = (
    (33, 7, 163, 144, 145, 153, 154, 155, 133, 246, 161, 160, 159, 158, 157, 173),
    (263, 249, 390, 373, 374, 380, 381, 382, 362, 466, 388, 387, 386, 385, 384, 398),
)
_NOSE, _MOUTH = 1, (61, 291)
_MESH, _HAND = 468, 21
_WRIST, _INDEX, _MIDDLE, _LITTLE = 0, 5, 9, 17
# Half a finger, by the breadth of the palm; seen from the edge a hand stays as long as it is.
_BY_BREADTH, _BY_LENGTH = 1 / 6, 1 / 10
_CIRCLE: Final = np.exp(2j * np.pi * np.arange(16) / 16)
_SHIFT: Final = 8
_FARTHEST = 1e6


class Place(Protocol):
    """A point in shares of the picture's width and height."""

    x: float
    y: float


@dataclass(frozen=True, eq=False)
class _Shape:
    """What is meant: the hulls of some sets of points, (n, 2) in pixels."""

    outlines: list[Numbers]
    landmarks: tuple[Point, ...] = ()


def faces(detections: Sequence[Any], size: Size, most: int) -> Regions:
    """Regions of a face detector's answer, most certain first.

    Args:
        detections: Each with `bounding_box` in pixels, `categories` of which the first has the
            score, and `keypoints`: both eyes, nose, mouth, ears.
        size: The picture's.
        most: So many at most.

    Raises:
        EngineError: If an answer lacks any of these, or has numbers that are not finite.
    """
    rows = [_face(detection, size) for detection in detections]
    boxes = _finite([box for box, _, _ in rows]).reshape(-1, 4)
    scores = _finite([score for _, score, _ in rows])
    # The mouth is one point here, and its corners are two: a face ends with its nose.
    landmarks = _finite([points for _, _, points in rows]).reshape(-1, 3, 2)
    order = np.argsort(-scores, kind="stable")[:most]
    return Found.of(boxes, np.clip(scores, 0, 1), landmarks)[order].regions(size, ("face",))


def meshes(landmarks: Sequence[Sequence[Place]], size: Size) -> Regions:
    """A region for each face: the convex hull of its points.

    Args:
        landmarks: 468 points or more for each face, as MediaPipe numbers them.
        size: The picture's.

    Raises:
        EngineError: If there are fewer points, or one is not a finite number.
    """
    shapes = [_points(one, size, _MESH) for one in landmarks]
    return _outlined([_Shape([points], _of_face(points)) for points in shapes], size, "face")


def eyes(landmarks: Sequence[Sequence[Place]], size: Size) -> Regions:
    """A region for both eyes of each face: the convex hulls of the points around either.

    Raises:
        EngineError: As `meshes` does.
    """
    shapes = [_points(one, size, _MESH) for one in landmarks]
    pairs = [_Shape([points[list(eye)] for eye in _EYES], _of_face(points)) for points in shapes]
    return _outlined(pairs, size, "eyes")


def hands(landmarks: Sequence[Sequence[Place]], size: Size) -> Regions:
    """A region for each hand: the convex hull of its joints, half a finger wider.

    Args:
        landmarks: 21 points for each hand, as MediaPipe numbers them: the middles of joints.
        size: The picture's.

    Raises:
        EngineError: If there are fewer points, or one is not a finite number.
    """
    shapes = [_points(one, size, _HAND) for one in landmarks]
    return _outlined([_Shape([_wider(points)]) for points in shapes], size, "hand")


def _face(detection: Any, size: Size) -> tuple[list[float], float, list[Point]]:
    try:
        box, score = detection.bounding_box, detection.categories[0].score
        left, top = box.origin_x, box.origin_y
        points = [(point.x * size.width, point.y * size.height) for point in detection.keypoints]
        return [left, top, left + box.width, top + box.height], score, _three(points)
    except (AttributeError, IndexError, TypeError) as error:
        raise EngineError(f"a face without box, score or points: {error}") from error


def _three(points: list[Point]) -> list[Point]:
    if len(points) < 3:
        raise EngineError(f"a face with {len(points)} points; expected both eyes and the nose")
    return points[:3]


def _points(places: Sequence[Place], size: Size, least: int) -> Numbers:
    if len(places) < least:
        raise EngineError(f"{len(places)} points; expected at least {least}")
    shares = _finite([(place.x, place.y) for place in places])
    return np.clip(shares * [size.width, size.height], -_FARTHEST, _FARTHEST)


def _finite(values: object) -> Numbers:
    numbers = np.asarray(values, np.float64)
    if not np.isfinite(numbers).all():
        raise EngineError("it gave values that are not finite numbers")
    return numbers


def _of_face(points: Numbers) -> tuple[Point, ...]:
    middles = [points[list(eye)].mean(axis=0) for eye in _EYES]
    found = [*middles, points[_NOSE], *(points[corner] for corner in _MOUTH)]
    return tuple((float(x), float(y)) for x, y in found)


def _wider(points: Numbers) -> Numbers:
    """The points, each with a circle of half a finger around it."""
    breadth = float(np.linalg.norm(points[_INDEX] - points[_LITTLE]))
    length = float(np.linalg.norm(points[_WRIST] - points[_MIDDLE]))
    radius = max(_BY_BREADTH * breadth, _BY_LENGTH * length)
    circle = radius * np.stack([_CIRCLE.real, _CIRCLE.imag], axis=1)
    return np.asarray((points[:, None] + circle).reshape(-1, 2))


def _outlined(shapes: Sequence[_Shape], size: Size, label: str) -> Regions:
    regions = []
    for shape in shapes:
        every = np.concatenate(shape.outlines)
        sides = (*every.min(axis=0).tolist(), *every.max(axis=0).tolist())
        box = Box(*sides).clipped(size.box)
        if not box.empty:
            mask = _filled(shape.outlines, box.whole())
            regions.append(Region(box, mask, label, landmarks=shape.landmarks))
    return Regions(size, tuple(regions))


def _filled(outlines: list[Numbers], box: Box) -> Matte:
    """The pixels of a whole box that lie in the hull of any outline or that its border touches."""
    pixels = np.zeros(box.size.shape, np.uint8)
    for outline in outlines:
        hull = cv2.convexHull(outline.astype(np.float32))[:, 0]
        # OpenCV's coordinates are those of the middles of pixels, here in 256ths.
        places = (hull - (box.left, box.top) - 0.5) * (1 << _SHIFT)
        cv2.fillConvexPoly(pixels, np.rint(places).astype(np.int32), 1, shift=_SHIFT)
    return Matte(pixels.astype(np.float32), box)
