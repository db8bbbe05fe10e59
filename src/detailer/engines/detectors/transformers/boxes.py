"""Boxes: what a network of words proposes, a score for every word in every box."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from detailer.core.geometry import Size
from detailer.core.regions import Regions
from detailer.engines.detectors.found import Found, Numbers

_OVERLAP = 0.5


@dataclass(frozen=True, eq=False)
class Proposals:
    """Scores (n, words) 0..1 and boxes (n, 4), centre and sides as shares of `extent` (w, h)."""

    scores: Numbers
    boxes: Numbers
    extent: tuple[float, float]

    def regions(self, threshold: float, size: Size, words: Sequence[str]) -> Regions:
        """The surest word of each box, where it reaches the threshold, the surest first.

        `extent` is in pixels of the picture, which is of this size.
        """
        kinds = self.scores.argmax(axis=1).astype(np.int64)
        scores = self.scores.max(axis=1)
        centre, half = self.boxes[:, :2], self.boxes[:, 2:] / 2
        boxes = np.concatenate([centre - half, centre + half], axis=1)
        found = replace(Found.of(boxes, scores), kinds=kinds)[scores >= threshold]
        return found.scaled(*self.extent).distinct(_OVERLAP).regions(size, words)
