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

    `boxes` (n, 4) left, top, right, bottom; `scores` (n,) 0..1; `landmarks` (n, points, 2) x, y,
    NaN where one has fewer; `kinds` (n,) the number of the class.
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

    @classmethod
    def of_regions(cls, regions: Regions) -> Found:
        """What regions show, a row for each in their order; kinds are those of their labels."""
        landmarks = np.full(
            (len(regions), max((len(r.landmarks) for r in regions), default=0), 2), np.nan
        )
        for row, region in enumerate(regions):
            landmarks[row, : len(region.landmarks)] = np.reshape(region.landmarks, (-1, 2))
        _, kinds = np.unique([region.label for region in regions], return_inverse=True)
        boxes = np.array([tuple(region.box) for region in regions], np.float64).reshape(-1, 4)
        scores = np.array([region.score for region in regions], np.float64)
        return cls(boxes, scores, landmarks, kinds)

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
        return self[apart(self)]

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


def apart(found: Found) -> NDArray[np.int64]:
    """The rows of those that are faces of their own, in their order.

    A box that lies in another and holds an eye or the nose of it is a part of that face, or that
    is a wider box around this one: the surer of the two stays, of equally sure ones the earlier.
    A child's face before a parent's hides what of that it holds, so both stay. Classes are not
    compared with each other. Where there are no landmarks, nothing is a part of anything.
    """
    if not np.isfinite(found.landmarks[:, :_EYES_AND_NOSE]).any():
        return np.arange(len(found))
    kept = np.zeros(0, np.int64)
    for row in np.argsort(-found.scores, kind="stable")[:, None]:
        if not _is_face_of(found[row], found[kept]).any():
            kept = np.append(kept, row)
    return np.sort(kept)


def _is_face_of(one: Found, others: Found) -> NDArray[np.bool_]:
    """Whether a single one shows the face of each of the others, (n,)."""
    area, areas = _areas(one.boxes), _areas(others.boxes)
    low = np.maximum(one.boxes[:, :2], others.boxes[:, :2])
    high = np.minimum(one.boxes[:, 2:], others.boxes[:, 2:])
    shared = np.clip(high - low, 0, None).prod(axis=1)
    within = shared >= _WITHIN * np.minimum(area, areas)
    seen = np.where(
        area <= areas, _holds(one.boxes, others.landmarks), _holds(others.boxes, one.landmarks)
    )
    return np.asarray(within & seen & (others.kinds == one.kinds))


def _holds(boxes: Numbers, landmarks: Numbers) -> NDArray[np.bool_]:
    """Whether an eye or the nose lies in the box of the same row, (n,)."""
    seen, corners = landmarks[:, :_EYES_AND_NOSE], boxes[:, None]
    inside = (seen >= corners[..., :2]) & (seen <= corners[..., 2:])
    return np.asarray(np.any(inside.all(axis=2), axis=1))


def _areas(boxes: Numbers) -> Numbers:
    return np.asarray((boxes[:, 2:] - boxes[:, :2]).prod(axis=1))


def overlaps(box: Numbers, others: Numbers) -> Numbers:
    """Intersection over union of a box (4,) with each of (n, 4)."""
    low, high = np.maximum(box[:2], others[:, :2]), np.minimum(box[2:], others[:, 2:])
    shared = np.clip(high - low, 0, None).prod(axis=1)
    joined = (box[2:] - box[:2]).prod() + _areas(others) - shared
    return np.asarray(np.divide(shared, joined, out=np.zeros_like(shared), where=joined > 0))
