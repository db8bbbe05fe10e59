"""Yolo: finds what an Ultralytics YOLO file was trained for, as boxes or as masks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from detailer.core.geometry import Size
from detailer.core.pixels import Picture, size_of
from detailer.core.regions import Regions
from detailer.engines.detectors.labels import listed
from detailer.engines.detectors.look import check_picture
from detailer.engines.detectors.session import Hardware, Network, hardware_of
from detailer.engines.detectors.yolo.decode import Reading, decoded
from detailer.engines.detectors.yolo.frame import Frame
from detailer.engines.detectors.yolo.layout import Layout, Outputs
from detailer.engines.detectors.yolo.notes import Notes
from detailer.engines.files.imported import onnx_of
from detailer.engines.ranges import check_share
from detailer.errors import EngineError


@dataclass(eq=False)
class Yolo:
    """Finds objects with an Ultralytics YOLO network: v5u, v8 to v12, 26, World and YOLOE.

    Needs the ONNX file only. The picture is letterboxed in the middle of grey 114, RGB 0..1; a
    file of free size looks at no more grey than to the next multiple of 32. Files with the last
    steps inside (`nms=True`, `end2end`) are recognised. Classes have the names in the file, else
    numbers; the only class of a file without names is whatever label is asked.

    Masks are exact to the pixel and cut off at their boxes, as Ultralytics cuts them; boxes
    without a pixel of mask are dropped, as it does too.

    Args:
        path: The .onnx file; for a .pt the one that `detailer engines import` made of it.
        labels: Which classes are kept, also as a text with commas; none or "all": every one.
        threshold: Least score, 0..1.
        overlap: Of two boxes of a class the lesser goes, if they overlap (intersection over
            union) by as much, 0..1. 0.7 is what Ultralytics, ADetailer and the nodes take, for
            which people's thresholds were found. Files with the last steps inside have their own.
        device: Where it runs: auto, cpu or cuda; a `Hardware` also says the threads.
        network: The file, opened by another one already; None: it is opened.
        compatible: Box masks with one pixel more, and masks as far off, as the nodes draw them.

    Raises:
        MissingEngineError: If onnxruntime is not installed, or a .pt was not imported.
        InputError: If a label is none of the file's.
        EngineError: If the file is not an Ultralytics network for boxes or masks.
    """

    path: str | Path
    labels: str | Sequence[str] = ()
    threshold: float = 0.5
    overlap: float = 0.7
    device: str | Hardware = "auto"
    compatible: bool = False
    network: Network | None = field(default=None, repr=False)
    _network: Network = field(init=False, repr=False)
    _notes: Notes = field(init=False, repr=False)
    _reading: Reading = field(init=False, repr=False)

    def __post_init__(self) -> None:
        check_share("threshold", self.threshold)
        check_share("overlap", self.overlap)
        opened = self.network or Network(onnx_of(self.path), hardware_of(self.device))
        self._network = self.network = opened
        self._notes = Notes.read(self._network.path, self._network.notes)
        blank = np.zeros((64, 64, 3), np.uint8)
        frame = self._frame(size_of(blank))
        outputs = self._network(frame.planes(blank))
        layout = Layout.of(outputs, self._notes, frame.size)
        asked = listed(self.labels)
        if not self._notes.names:
            self._notes = replace(self._notes, names=_numbered(layout.classes, asked))
        self._reading = Reading(
            layout=layout,
            names=self._notes.names,
            kept=self._notes.chosen(asked),
            threshold=self.threshold,
            overlap=self.overlap,
            compatible=self.compatible,
        )
        self._decoded(outputs, frame)

    @property
    def names(self) -> tuple[str, ...]:
        """The classes by number; none where the file does not even tell how many there are."""
        return self._reading.names

    def __call__(self, picture: Picture, /) -> Regions:
        """What was found in (h, w, 3) uint8 RGB, most certain first."""
        check_picture(picture)
        frame = self._frame(size_of(picture))
        return self._decoded(self._network(frame.planes(picture)), frame)

    def _frame(self, picture: Size) -> Frame:
        if self._network.size is not None:
            return Frame.fixed(picture, self._network.size)
        return Frame.free(picture, self._notes.limit, self._notes.step)

    def _decoded(self, outputs: Outputs, frame: Frame) -> Regions:
        try:
            return decoded(outputs, frame, self._reading)
        except EngineError as error:
            raise EngineError(f"{self._network.path} is not what it seems: {error}") from error


def _numbered(classes: int, asked: tuple[str, ...]) -> tuple[str, ...]:
    """Names for classes without; 0 classes: it is not known how many."""
    wish = asked[0] if len(asked) == 1 and asked != ("all",) else ""
    if wish and classes <= 1 and not wish.startswith("class "):
        return (wish,)
    return tuple(f"class {number}" for number in range(classes))
