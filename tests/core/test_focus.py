"""Small regions are judged with what is around them, large ones by what is large."""

from __future__ import annotations

import cv2
import numpy as np

from detailer.core.canvas import Canvas
from detailer.core.focus import Focus, focus_of
from detailer.core.geometry import Box
from detailer.core.region import Region
from detailer.core.sharpness import SHARP, SHARPNESS


def blocks(count: int, side: int, blur: float = 0.0) -> Canvas:
    """Random squares in both directions, softened."""
    small = np.random.default_rng(0).integers(0, 256, (count, count, 1), np.uint8)
    large = cv2.resize(small, (count * side, count * side), interpolation=cv2.INTER_NEAREST)
    soft = cv2.GaussianBlur(large, (0, 0), blur) if blur else large
    return Canvas(soft[..., None].repeat(3, axis=2))


def around(canvas: Canvas, side: float) -> Focus:
    x, y = canvas.size.width / 2, canvas.size.height / 2
    half = side / 2
    return focus_of(canvas, Region.from_box(Box(x - half, y - half, x + half, y + half)))


def test_what_is_small_is_as_sharp_as_what_is_around_it() -> None:
    for blur, sharp in ((0.0, True), (1.5, False)):
        canvas = blocks(12, 16, blur)
        assert around(canvas, 12).sharpness == around(canvas, 96).sharpness
        assert (around(canvas, 12).sharpness >= SHARPNESS) == sharp


def test_what_is_large_needs_no_finer_detail_than_at_512_px() -> None:
    canvas = blocks(40, 30, 1.2)
    assert around(canvas, 200).sharpness < SHARPNESS < around(canvas, 1180).sharpness


def test_a_region_beyond_the_picture_is_not_called_sharp() -> None:
    assert focus_of(blocks(4, 16), Region.from_box(Box(900, 0, 950, 50))) == Focus(0.0, SHARP)
