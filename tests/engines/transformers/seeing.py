"""Seeing: tiny networks that run as they are, and then answer where their input is bright."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from detailer.core.geometry import Box, Size
from detailer.core.pixels import Picture
from detailer.engines.catalog import open_detector
from tests.engines.transformers import tiny

SURE, UNSURE = 9.0, -9.0
LARGE = 288
SIZES = [Size(160, 160), Size(256, 144), Size(144, 256), Size(206, 150)]
THIN = [Size(200, 1), Size(1, 200), Size(3, 3), Size(1, 1)]
"""1:1, 16:9, 9:16 and one that divides by nothing."""

Answer = Callable[[Any, torch.Tensor], None]


def opened(kind, **options):
    return open_detector(f"transformers:{tiny.folder(kind)}", device="cpu", **options)


def noise(size, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (*size.shape, 3), dtype=np.uint8)


def network_of(detector: Any) -> Any:
    """The network behind an opened detector."""
    return detector._detector._network


def picture_of(size: Size, box: Box) -> Picture:
    """A dark picture that is bright in a box."""
    picture = np.full((*size.shape, 3), 20, np.uint8)
    picture[box.slices] = 240
    return picture


def sees_large(detector: Any) -> None:
    """Makes the processor keep pictures large, so that edges are where they are to the pixel."""
    pictures = network_of(detector).pictures
    if getattr(pictures.size, "shortest_edge", None):
        pictures.size = {"shortest_edge": LARGE, "longest_edge": 2 * LARGE}
    else:
        pictures.size = {"height": LARGE, "width": LARGE}


def bright(pixels: torch.Tensor) -> list[float]:
    """Left, top, right, bottom of what is bright in (1, 3, h, w), as shares of w and h."""
    plane = pixels[0].mean(dim=0)
    lit = plane > (plane.max() + plane.min()) / 2
    rows, columns = lit.any(dim=1).nonzero(), lit.any(dim=0).nonzero()
    height, width = plane.shape
    return [
        float(columns[0]) / width,
        float(rows[0]) / height,
        float(columns[-1] + 1) / width,
        float(rows[-1] + 1) / height,
    ]


def centred(corners: list[float]) -> list[float]:
    """The same as centre, width and height."""
    left, top, right, bottom = corners
    return [(left + right) / 2, (top + bottom) / 2, right - left, bottom - top]


def answers(detector: Any, answer: Answer, of: str = "pixel_values") -> None:
    """Changes what the network gives: the answer is told its outputs and its input."""
    run = network_of(detector).run
    forward = run.forward

    def changed(**arguments: Any) -> Any:
        outputs = forward(**arguments)
        answer(outputs, arguments[of])
        return outputs

    run.forward = changed


def answers_one_box(detector: Any, place: tuple[int, int]) -> None:
    """The first box is what is bright, of the class or token `place`; the others are nothing."""
    index, extra = place

    def answer(outputs: Any, pixels: torch.Tensor) -> None:
        names = ("logits", "pred_boxes")
        if not hasattr(outputs, "logits"):
            names = ("decoder_class_logits", "decoder_coord_logits")
        logits = torch.full_like(getattr(outputs, names[0]), UNSURE)
        if extra:
            # The last class means nothing at all, and all classes share what is sure.
            logits[..., -1] = SURE
            logits[0, 0, -1] = UNSURE
        logits[0, 0, index] = SURE
        boxes = torch.rand_like(getattr(outputs, names[1]))
        boxes[0, 0] = torch.tensor(centred(bright(pixels)))
        setattr(outputs, names[0], logits)
        setattr(outputs, names[1], boxes)

    answers(detector, answer)


def assert_near(found: Box, meant: Box, tolerance: float = 1.0) -> None:
    """No side is off by as much as the tolerance, in pixels of the picture."""
    assert np.abs(np.array([*found]) - [*meant]).max() < tolerance, (found, meant)
