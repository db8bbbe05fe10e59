"""YoloX: finds what an ONNX file in the layout of YOLOX was trained for."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from detailer.core.geometry import Size
from detailer.core.pixels import Picture, size_of
from detailer.core.regions import Regions
from detailer.engines.detectors.coco import COCO
from detailer.engines.detectors.found import Found, Numbers
from detailer.engines.detectors.labels import listed
from detailer.engines.detectors.look import Look, check_picture, letterboxed
from detailer.engines.detectors.session import Hardware, Network, hardware_of
from detailer.engines.ranges import check_share
from detailer.errors import EngineError, InputError

_STRIDES = (8, 16, 32)
_GREY = 114
_OVERLAP = 0.45
_ALL = ("all",)
_FREE_SIZE = Size(640, 640)


class YoloX:
    """Finds objects of the classes that a YOLOX file knows, by default persons.

    Input (1, 3, h, w) BGR 0..255, letterboxed top left on grey 114; output (1, cells, 5 + classes)
    with strides 8, 16 and 32 in that order: centre in cells, logarithm of the sides in cells,
    objectness and classes as probabilities (Ge et al., YOLOX: Exceeding YOLO Series, 2021).
    Files exported with their decoding inside are recognised. Class names come from the file's
    note "names"; without it 80 classes are COCO's, and a single one is whatever label is asked.

    Args:
        path: The ONNX file.
        labels: Which classes are kept, also as a text with commas; "all" keeps every one.
        threshold: Least score, 0..1.
        device: Where it runs: auto, cpu or cuda; a `Hardware` also says the threads.

    Raises:
        MissingEngineError: If onnxruntime is not installed.
        InputError: If a label is none of the file's.
        EngineError: If the file is not in this layout.
    """

    def __init__(
        self,
        path: str | Path,
        labels: str | Sequence[str] = ("person",),
        threshold: float = 0.4,
        device: str | Hardware = "auto",
    ) -> None:
        self.threshold = check_share("threshold", threshold)
        self._network = Network(path, hardware_of(device))
        self._size = self._network.size or _FREE_SIZE
        if self._size.width % 32 or self._size.height % 32:
            raise EngineError(f"{path} takes {self._size}; expected multiples of 32")
        rows = self._run(letterboxed(np.zeros((64, 64, 3), np.uint8), self._size, fill=_GREY))
        wanted = listed(labels)
        self.names = self._named(rows.shape[1] - 5, wanted)
        self._kept = [self.names.index(label) for label in self._known(wanted)]
        # Offsets from a cell stay within a few cells; positions in the picture do not.
        self._is_decoded = float(np.median(np.abs(rows[:, :2]))) > min(self._size.shape) / 8

    def __call__(self, picture: Picture, /) -> Regions:
        """What was found in (h, w, 3) uint8 RGB, most certain first."""
        check_picture(picture)
        look = letterboxed(picture, self._size, fill=_GREY)
        rows = self._run(look)
        scores = rows[:, 4:5] * rows[:, 5:][:, self._kept]
        cells, kept = np.nonzero(scores >= self.threshold)
        boxes = self._boxes(rows)[cells]
        found = replace(
            Found.of(boxes, scores[cells, kept]), kinds=np.array(self._kept, np.int64)[kept]
        )
        distinct = found.scaled(1 / look.x, 1 / look.y).distinct(_OVERLAP)
        return distinct.regions(size_of(picture), self.names)

    def _boxes(self, rows: Numbers) -> Numbers:
        if self._is_decoded:
            centre, half = rows[:, :2], rows[:, 2:4] / 2
        else:
            columns, lines, strides = _cells(self._size)
            centre = (rows[:, :2] + np.stack([columns, lines], axis=1)) * strides[:, None]
            half = np.exp(np.minimum(rows[:, 2:4], 20)) * strides[:, None] / 2
        return np.concatenate([centre - half, centre + half], axis=1)

    def _named(self, classes: int, labels: tuple[str, ...]) -> tuple[str, ...]:
        names = _noted(self._network.notes.get("names", ""))
        if len(names) == classes:
            return names
        if classes == len(COCO):
            return COCO
        if classes == 1:
            return ("object" if labels == _ALL or not labels else labels[0],)
        return tuple(f"class {number}" for number in range(classes))

    def _known(self, labels: tuple[str, ...]) -> tuple[str, ...]:
        names = ", ".join(self.names)
        if not labels:
            raise InputError(f"no labels given; {self._network.path} knows: {names}; or give all")
        for label in labels:
            if label not in self.names and labels != _ALL:
                raise InputError(f"no label {label!r} in {self._network.path}; it knows: {names}")
        return self.names if labels == _ALL else labels

    def _run(self, look: Look) -> Numbers:
        outputs = self._network(look.planes(bgr=True))
        cells = sum(self._size.area // stride**2 for stride in _STRIDES)
        shapes = [output.shape for output in outputs]
        if len(shapes) != 1 or shapes[0][:2] != (1, cells) or shapes[0][2:] < (6,):
            raise EngineError(
                f"{self._network.path} is not in the layout of YOLOX: it gives {shapes};"
                f" expected one output (1, {cells}, 5 + classes) for {self._size}"
            )
        return np.asarray(outputs[0][0], np.float64)


def _cells(size: Size) -> tuple[Numbers, Numbers, Numbers]:
    """Column, row and stride of every cell, in the order of the output."""
    parts = []
    for stride in _STRIDES:
        rows, columns = np.mgrid[: size.height // stride, : size.width // stride]
        parts.append(np.stack([columns.ravel(), rows.ravel(), np.full(rows.size, stride)]))
    columns, rows, strides = np.concatenate(parts, axis=1).astype(np.float64)
    return columns, rows, strides


def _noted(text: str) -> tuple[str, ...]:
    """Class names written as a Python or JSON list, as a table by number, or line by line."""
    try:
        names = ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return tuple(line.strip() for line in text.splitlines() if line.strip())
    if isinstance(names, dict):
        names = [names[key] for key in sorted(names, key=int)]
    return tuple(str(name) for name in names) if isinstance(names, list | tuple) else ()
