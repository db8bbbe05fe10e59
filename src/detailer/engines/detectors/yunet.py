"""YuNet: finds faces with a network of a quarter of a megabyte."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from detailer.core.pixels import Picture, size_of
from detailer.core.regions import Regions
from detailer.engines.detectors.found import Found, Numbers, join
from detailer.engines.detectors.look import Look, check_picture, padded
from detailer.engines.detectors.session import Hardware, Network, hardware_of
from detailer.engines.files.downloads import YUNET
from detailer.engines.files.models import fetched
from detailer.engines.ranges import check_length, check_share
from detailer.errors import EngineError

_STRIDES = (8, 16, 32)
_NUMBERS = {"cls": 1, "obj": 1, "bbox": 4, "kps": 10}
_OVERLAP = 0.3


class YuNet:
    """Finds faces of about 10 to 300 px, each with eyes, nose and corners of the mouth.

    Network and formulas: Wu et al., YuNet: A Tiny Millisecond-level Face Detector, 2023. The
    score is the root of class times objectness; centres are in cells, sides logarithms of cells.

    Args:
        path: The ONNX file, of fixed or free size; OpenCV's, fetched once, if None.
        threshold: Least score, 0..1.
        long_side: Limit of the long side that is looked at, pixels.
        device: Where it runs: auto, cpu or cuda; a `Hardware` also says the threads.

    Raises:
        MissingEngineError: If onnx or onnxruntime is not installed, or the file cannot be fetched.
        EngineError: If the file is not YuNet.
    """

    least_side = 10

    def __init__(
        self,
        path: str | Path | None = None,
        threshold: float = 0.6,
        long_side: int = 1280,
        device: str | Hardware = "auto",
    ) -> None:
        self.threshold = check_share("threshold", threshold)
        self.long_side = check_length("long_side", long_side)
        self._network = Network(path or fetched(YUNET), hardware_of(device), any_size=True)
        self._run(padded(np.zeros((64, 96, 3), np.uint8), 96))

    def __call__(self, picture: Picture, /) -> Regions:
        """The faces in (h, w, 3) uint8 RGB, most certain first."""
        check_picture(picture)
        look = padded(picture, self.long_side)
        outputs = self._run(look)
        found = join([self._found(look, stride, outputs) for stride in _STRIDES])
        distinct = found.scaled(1 / look.x, 1 / look.y).distinct(_OVERLAP)
        return distinct.faces().regions(size_of(picture), ("face",))

    def _found(self, look: Look, stride: int, outputs: dict[str, Numbers]) -> Found:
        classes, objects, boxes, points = (outputs[f"{name}_{stride}"] for name in _NUMBERS)
        scores = np.sqrt(np.clip(classes, 0, 1) * np.clip(objects, 0, 1))[:, 0]
        cells = np.flatnonzero(scores >= self.threshold)
        row, column = np.divmod(cells, look.pixels.shape[1] // stride)
        origin = np.stack([column, row], axis=1)
        centre = (origin + boxes[cells, :2]) * stride
        half = np.exp(np.minimum(boxes[cells, 2:], 20)) * stride / 2
        landmarks = (origin[:, None] + points[cells].reshape(-1, 5, 2)) * stride
        corners = np.concatenate([centre - half, centre + half], axis=1)
        return Found.of(corners, scores[cells], landmarks)

    def _run(self, look: Look) -> dict[str, Numbers]:
        outputs = self._network(look.planes(bgr=True))
        given = dict(zip(self._network.output_names, outputs, strict=True))
        height, width = look.pixels.shape[:2]
        expected = {
            f"{name}_{stride}": (1, (height // stride) * (width // stride), numbers)
            for stride in _STRIDES
            for name, numbers in _NUMBERS.items()
        }
        shapes = {name: given[name].shape for name in given}
        if shapes != expected:
            raise EngineError(
                f"{self._network.path} is not YuNet: for {width}×{height} it gives {shapes};"
                f" expected {expected}"
            )
        return {name: np.asarray(output[0], np.float64) for name, output in given.items()}
