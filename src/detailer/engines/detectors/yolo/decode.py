"""Decoding: from the outputs of a YOLO network to regions of the picture."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detailer.core.geometry import Box
from detailer.core.matte import Matte
from detailer.core.region import Region
from detailer.core.regions import Regions, box_mask
from detailer.engines.detectors.found import distinct
from detailer.engines.detectors.yolo.frame import Frame
from detailer.engines.detectors.yolo.layout import Layout, Outputs, Proposals
from detailer.engines.detectors.yolo.masks import cut_mask, cut_mask_compatibly
from detailer.errors import EngineError


@dataclass(frozen=True)
class Reading:
    """What is made of a network's outputs.

    `names` are the classes by number, none where numbers have to do; `kept` the numbers that
    count, None for all; `threshold` the least score and `overlap` the intersection over union
    from which the lesser of two boxes of a class goes, both 0..1; `compatible` puts boxes and
    masks on the picture as the nodes do.
    """

    layout: Layout
    names: tuple[str, ...] = ()
    kept: tuple[int, ...] | None = None
    threshold: float = 0.5
    overlap: float = 0.7
    compatible: bool = False

    def label(self, kind: int) -> str:
        """What a class is called."""
        return self.names[kind] if self.names else f"class {kind}"


def decoded(outputs: Outputs, frame: Frame, reading: Reading) -> Regions:
    """The regions that a network found, most certain first.

    Boxes are cut off at the picture's edge; what is beyond it, or has an empty mask, is gone. The
    mask of a box is local to it: nothing of the picture's size is made.

    Raises:
        EngineError: If the outputs are not what the layout says; the file is not named.
    """
    table, prototypes = reading.layout.split(outputs)
    proposals = Proposals.read(table, reading.layout, reading.threshold)
    if reading.names and (proposals.kinds >= len(reading.names)).any():
        raise EngineError(f"it gave class {proposals.kinds.max()} of {len(reading.names)}")
    if reading.kept is not None:
        proposals = proposals[np.isin(proposals.kinds, reading.kept)]
    best = proposals[_best(proposals, reading)]
    edge = [frame.picture.width, frame.picture.height] * 2
    boxes = np.clip(frame.in_picture(best.boxes), 0, edge)
    inside = (boxes[:, 2:] > boxes[:, :2]).all(axis=1)
    cut = _Cut(prototypes, frame, reading.compatible)
    regions = []
    for number, box in zip(np.flatnonzero(inside).tolist(), boxes[inside].tolist(), strict=True):
        mask = cut(best, number, Box(*box))
        if not mask.empty:
            label, score = reading.label(int(best.kinds[number])), float(best.scores[number])
            regions.append(Region(Box(*box), mask, label, min(1.0, score)))
    return Regions(frame.picture, tuple(regions))


@dataclass(frozen=True, eq=False)
class _Cut:
    """Makes the mask of a box: what it touches, or what the prototypes say."""

    prototypes: NDArray[Any] | None
    frame: Frame
    compatible: bool

    def __call__(self, best: Proposals, number: int, box: Box) -> Matte:
        if self.prototypes is None:
            return box_mask(box, self.frame.picture, self.compatible)
        weights = best.weights[number]
        if self.compatible:
            seen = Box(*best.boxes[number].tolist())
            return cut_mask_compatibly(weights, self.prototypes, seen, self.frame)
        return cut_mask(weights, self.prototypes, box, self.frame)


def _best(proposals: Proposals, reading: Reading) -> NDArray[np.int64]:
    if reading.layout.form == "final":
        return np.argsort(-proposals.scores, kind="stable").astype(np.int64)
    return distinct(proposals.boxes, proposals.scores, reading.overlap, proposals.kinds)
