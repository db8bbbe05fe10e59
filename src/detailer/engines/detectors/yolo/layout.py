"""Layout: how the outputs of a YOLO network are read, and what it proposes in them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from detailer.core.geometry import Size
from detailer.engines.detectors.found import Numbers
from detailer.engines.detectors.yolo.notes import Notes
from detailer.errors import EngineError

Outputs: TypeAlias = Sequence[NDArray[Any]]
Form: TypeAlias = Literal["columns", "rows", "final"]
"""columns: (1, 4 + classes + masks, cells), centre and sides; rows: the same, transposed;
final: (1, boxes, 6 + masks), corners, score, class, masks: nothing is left to be suppressed."""

_PYRAMIDS = ((8,), (8, 16), (8, 16, 32), (8, 16, 32, 64), (4, 8, 16, 32))
_SLACK = 1e-2


@dataclass(frozen=True)
class Layout:
    """The form of the boxes, the number of classes, and of mask prototypes.

    `classes` is 0 where the outputs do not tell their number.
    """

    form: Form
    classes: int
    masks: int = 0

    @classmethod
    def of(cls, outputs: Outputs, notes: Notes, frame: Size) -> Layout:
        """The layout of what a file gave for a frame.

        Raises:
            EngineError: If it is none of Ultralytics', or could be another one as well.
        """
        shapes = [output.shape for output in outputs]
        flat = [shape for shape in shapes if len(shape) == 3 and shape[0] == 1]
        deep = [shape for shape in shapes if len(shape) == 4 and shape[0] == 1]
        with_masks = len(shapes) == 2 and len(deep) == 1
        if len(flat) != 1 or len(flat) + with_masks != len(shapes):
            raise _unknown(shapes, notes)
        masks = deep[0][1] if with_masks else 0
        if notes.task == "segment" and not masks:
            raise _unknown(shapes, notes)
        found = _layouts(flat[0], masks, notes)
        if not found:
            raise _unknown(shapes, notes)
        layout = _likeliest(found, flat[0], notes, frame)
        _check_not_yolox(layout, flat[0], notes, frame)
        return layout

    def split(self, outputs: Outputs) -> tuple[NDArray[Any], NDArray[Any] | None]:
        """The boxes, one column or row for each, and the prototypes (masks, h, w) if any."""
        boxes = next(output[0] for output in outputs if output.ndim == 3)
        prototypes = next((output[0] for output in outputs if output.ndim == 4), None)
        return boxes, prototypes


@dataclass(frozen=True, eq=False)
class Proposals:
    """What a network proposes, a row each: `boxes` (n, 4) left, top, right, bottom in pixels of
    the frame, `scores` (n,) 0..1, `kinds` (n,) class numbers, `weights` (n, masks) of prototypes.
    """

    boxes: Numbers
    scores: Numbers
    kinds: NDArray[np.int64]
    weights: NDArray[np.float32]

    def __getitem__(self, rows: NDArray[Any]) -> Proposals:
        return Proposals(self.boxes[rows], self.scores[rows], self.kinds[rows], self.weights[rows])

    @classmethod
    def read(cls, boxes: NDArray[Any], layout: Layout, threshold: float) -> Proposals:
        """Those with a score of at least the threshold, in the network's order.

        Each counts once, as what it is most likely.

        Raises:
            EngineError: If scores or classes are none.
        """
        if layout.form == "final":
            return cls._final(boxes, threshold)
        columns = boxes if layout.form == "columns" else boxes.T
        end = 4 + layout.classes
        best = columns[4:end].max(axis=0)
        _check_scores(best)
        seen = np.flatnonzero(best >= threshold)
        centre, sides = columns[:2, seen].T.astype(float), columns[2:4, seen].T.astype(float)
        corners = np.concatenate([centre - sides / 2, centre + sides / 2], axis=1)
        kinds = columns[4:end, seen].argmax(axis=0).astype(np.int64)
        weights = columns[end:, seen].T.astype(np.float32)
        return cls(corners, best[seen].astype(float), kinds, weights)

    @classmethod
    def _final(cls, rows: NDArray[Any], threshold: float) -> Proposals:
        _check_scores(rows[:, 4])
        rows = rows[rows[:, 4] >= threshold]
        kinds = np.rint(rows[:, 5])
        if not (np.abs(rows[:, 5] - kinds) < _SLACK).all() or (kinds < 0).any():
            raise EngineError("its sixth column is no number of a class")
        scores, weights = rows[:, 4].astype(float), rows[:, 6:].astype(np.float32)
        return cls(rows[:, :4].astype(float), scores, kinds.astype(np.int64), weights)


def _layouts(shape: tuple[int, ...], masks: int, notes: Notes) -> list[Layout]:
    """All that the shape of the boxes may mean."""
    found = []
    forms: tuple[tuple[Form, int], ...] = (("columns", shape[1]), ("rows", shape[2]))
    for form, length in forms:
        classes = length - 4 - masks
        if notes.is_final is not True and classes >= 1 and len(notes.names) in (0, classes):
            found.append(Layout(form, classes, masks))
    if notes.is_final is not False and shape[2] == 6 + masks:
        found.append(Layout("final", len(notes.names), masks))
    return found


def _likeliest(found: list[Layout], shape: tuple[int, ...], notes: Notes, frame: Size) -> Layout:
    """Of cells there are as many as the frame has, and more than numbers about each."""
    forms = {layout.form: layout for layout in found}
    is_named = bool(notes.names) and "columns" in forms
    if "final" in forms and shape[1] not in _cells(frame) and not is_named:
        return forms["final"]
    if is_named or ("columns" in forms and shape[1] < shape[2]):
        return forms["columns"]
    return forms.get("rows", found[0])


def _check_not_yolox(layout: Layout, shape: tuple[int, ...], notes: Notes, frame: Size) -> None:
    """YOLOX and the first YOLOv5 have a column more, for whether anything is there at all."""
    width = shape[2] - layout.masks
    alike = width == 85 or (width == 6 and shape[1] in _cells(frame))
    if layout.form == "rows" and not notes.names and alike:
        raise EngineError(
            f"{notes.path} names no classes, and {shape} may as well be YOLOX or an old YOLOv5;"
            " use the detector yolox, or export it with a current Ultralytics"
        )


def _check_scores(scores: NDArray[Any]) -> None:
    if scores.size and not (scores.min() >= -_SLACK and scores.max() <= 1 + _SLACK):
        raise EngineError(
            f"its scores reach from {scores.min():.3g} to {scores.max():.3g}; expected 0 to 1"
        )


def _cells(frame: Size) -> set[int]:
    return {
        sum((frame.width // stride) * (frame.height // stride) for stride in strides)
        for strides in _PYRAMIDS
    }


def _unknown(shapes: list[tuple[int, ...]], notes: Notes) -> EngineError:
    classes = len(notes.names) or "classes"
    return EngineError(
        f"{notes.path} is not in a layout of Ultralytics' YOLO: it gives {shapes}; expected"
        f" (1, 4 + {classes}, cells) or (1, boxes, 6), and with masks as many more and their"
        " prototypes (1, masks, h, w)"
    )
