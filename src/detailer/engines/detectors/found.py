"""Found: the boxes a network proposes, and which of them are left as regions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detailer.core.geometry import Box, Size
from detailer.core.region import Region
from detailer.core.regions import Regions

Numbers = NDArray[np.float64]

_WITHIN = 0.9
_EYES_AND_NOSE = 3


@dataclass(frozen=True, eq=False)
class Found:
    """What a network proposes, one row for each; pixels of the picture.

    `boxes` (n, 4) left, top, right, bottom; `scores` (n,) 0..1; `landmarks` (n, points, 2) x, y;
    `kinds` (n,) the number of the class.
    """

    boxes: Numbers
    scores: Numbers
    landmarks: Numbers
    kinds: NDArray[np.int64]

    @classmethod
    def of(cls, boxes: Numbers, scores: Numbers, landmarks: Numbers | None = None) -> Found:
        """Boxes of one class."""
        points = np.zeros((len(boxes), 0, 2)) if landmarks is None else landmarks
        return cls(boxes, scores, points, np.zeros(len(boxes), np.int64))

    def __len__(self) -> int:
        return len(self.scores)

    def __getitem__(self, rows: NDArray[Any]) -> Found:
        return Found(self.boxes[rows], self.scores[rows], self.landmarks[rows], self.kinds[rows])

    def scaled(self, x: float, y: float) -> Found:
        """Coordinates multiplied."""
        boxes, landmarks = self.boxes * [x, y, x, y], self.landmarks * [x, y]
        return replace(self, boxes=boxes, landmarks=landmarks)

    def distinct(self, overlap: float) -> Found:
        """Best first, without those that overlap a better one of their class by as much or more."""
        return self[distinct(self.boxes, self.scores, overlap, self.kinds)]

    def agreed(self, overlap: float, alike: float = 0.5) -> Found:
        """As `distinct`, but each box and its landmarks are the mean of all that mean the same.

        Those are the boxes that overlap it by `alike` or more, weighted by their scores (box
        voting: Gidaris and Komodakis, Object detection via a multi-region model, 2015). The mean
        lies nearer to the truth than the surest of them.
        """
        best = self.distinct(overlap)
        boxes, landmarks = best.boxes.copy(), best.landmarks.copy()
        for row in range(len(best)):
            same = self.kinds == best.kinds[row]
            same &= overlaps(best.boxes[row], self.boxes) >= alike
            if same.any() and self.scores[same].sum() > 0:
                weights = self.scores[same] / self.scores[same].sum()
                boxes[row] = weights @ self.boxes[same]
                landmarks[row] = np.tensordot(weights, self.landmarks[same], axes=1)
        # Means of neighbours may have come closer to each other than they were.
        return replace(best, boxes=boxes, landmarks=landmarks).distinct(overlap)

    def faces(self) -> Found:
        """Those left that are faces of their own, in their order; see `apart`."""
        return self[apart(self.boxes, self.scores, list(self.landmarks))]

    def regions(self, size: Size, labels: Sequence[str]) -> Regions:
        """Regions of a picture, cut off at its edge, labelled by class; what is beyond is gone."""
        edge = [size.width, size.height] * 2
        seen = np.clip(self.boxes, 0, edge)
        inside = np.flatnonzero((seen[:, 2:] > seen[:, :2]).all(axis=1))
        return Regions(size, tuple(self._region(row, seen[row], labels) for row in inside.tolist()))

    def _region(self, row: int, box: Numbers, labels: Sequence[str]) -> Region:
        label, score = labels[self.kinds[row]], float(self.scores[row])
        landmarks = tuple((float(x), float(y)) for x, y in self.landmarks[row])
        return replace(Region.from_box(Box(*box.tolist()), label, score), landmarks=landmarks)


def join(parts: Sequence[Found]) -> Found:
    """All of several, in order."""
    return Found(
        np.concatenate([part.boxes for part in parts]),
        np.concatenate([part.scores for part in parts]),
        np.concatenate([part.landmarks for part in parts]),
        np.concatenate([part.kinds for part in parts]),
    )


def distinct(
    boxes: Numbers, scores: Numbers, overlap: float, kinds: NDArray[np.int64] | None = None
) -> NDArray[np.int64]:
    """Which boxes stay, best first (greedy non-maximum suppression).

    Args:
        boxes: (n, 4) left, top, right, bottom.
        scores: (n,); of equal ones the earlier is the better.
        overlap: Intersection over union, 0..1, from which the lesser box goes.
        kinds: (n,) class of each; boxes of two classes stay side by side. None: all are of one.
    """
    kinds = np.zeros(len(boxes), np.int64) if kinds is None else kinds
    order = np.argsort(-scores, kind="stable")
    kept: list[int] = []
    while order.size:
        best, rest = order[0], order[1:]
        kept.append(int(best))
        apart = overlaps(boxes[best], boxes[rest]) < overlap
        order = rest[apart | (kinds[rest] != kinds[best])]
    return np.array(kept, np.int64)


def apart(boxes: Numbers, scores: Numbers, landmarks: Sequence[Numbers]) -> NDArray[np.int64]:
    """Which boxes are faces of their own, in their order.

    A box that lies in another and holds an eye or the nose of it is a part of that face, or that
    is a wider box around this one: the surer of the two stays. A child's face before a parent's
    hides what of that it holds, so both stay.

    Args:
        boxes: (n, 4) left, top, right, bottom.
        scores: (n,); of equal ones the earlier is the better.
        landmarks: (points, 2) for each: eyes and nose first. None, and nothing is a part of it.
    """
    kept: list[int] = []
    for row in np.argsort(-scores, kind="stable").tolist():
        if not any(_is_one_face(row, better, boxes, landmarks) for better in kept):
            kept.append(row)
    return np.array(sorted(kept), np.int64)


def _is_one_face(a: int, b: int, boxes: Numbers, landmarks: Sequence[Numbers]) -> bool:
    areas = (boxes[:, 2:] - boxes[:, :2]).prod(axis=1)
    inner, outer = (a, b) if areas[a] <= areas[b] else (b, a)
    low, high = np.maximum(*boxes[[a, b], :2]), np.minimum(*boxes[[a, b], 2:])
    if np.clip(high - low, 0, None).prod() < _WITHIN * areas[inner]:
        return False
    seen = landmarks[outer][:_EYES_AND_NOSE]
    return bool(((seen >= boxes[inner, :2]) & (seen <= boxes[inner, 2:])).all(axis=1).any())


def overlaps(box: Numbers, others: Numbers) -> Numbers:
    """Intersection over union of a box (4,) with each of (n, 4)."""
    low, high = np.maximum(box[:2], others[:, :2]), np.minimum(box[2:], others[:, 2:])
    shared = np.clip(high - low, 0, None).prod(axis=1)
    areas = (others[:, 2:] - others[:, :2]).prod(axis=1)
    joined = (box[2:] - box[:2]).prod() + areas - shared
    return np.asarray(np.divide(shared, joined, out=np.zeros_like(shared), where=joined > 0))
