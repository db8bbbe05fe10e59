"""Sharpness: blur and noise that were put in are what is measured."""

from __future__ import annotations

import numpy as np
import pytest

from detailer.core.geometry import Size
from detailer.core.pixels import resize
from detailer.core.sharpness import (
    SHARP,
    SHARPNESS,
    edge_width,
    luma,
    noise,
    sharpness,
    soft,
)
from tests.engines.contract import shapes

PICTURE = luma(shapes(Size(160, 128), 5))


@pytest.mark.parametrize("sigma", [1.0, 1.5, 2.0, 3.0])
def test_the_blur_of_the_edges_is_measured(sigma: float) -> None:
    own = edge_width(PICTURE)
    assert edge_width(soft(PICTURE, sigma)) == pytest.approx(np.hypot(sigma, own), rel=0.15)


@pytest.mark.parametrize("factor", [2, 3, 4])
def test_an_enlarged_picture_is_sharp_at_the_size_it_came_from(factor: int) -> None:
    small = soft(luma(shapes(Size(60, 50), 5)), 0.5)  # as a lens would
    large = resize(small, Size(60 * factor, 50 * factor))
    assert 0.5 < SHARP / edge_width(large) * factor < 2


def test_noise_hardly_hides_the_blur() -> None:
    grain = np.random.default_rng(0).normal(0, 0.01, PICTURE.shape).astype(np.float32)
    assert edge_width(soft(PICTURE, 1.5) + grain) == pytest.approx(1.5, rel=0.2)


@pytest.mark.parametrize("shape", [(64, 64), (1, 40), (2, 2)])
def test_a_picture_without_edges_counts_as_sharp(shape: tuple[int, int]) -> None:
    assert edge_width(np.full(shape, 0.3, np.float32)) == SHARP


@pytest.mark.parametrize("sigma", [0.01, 0.03])
def test_the_noise_is_measured_and_edges_do_not_count(sigma: float) -> None:
    grain = np.random.default_rng(1).normal(0, sigma, PICTURE.shape).astype(np.float32)
    assert noise(PICTURE + grain) == pytest.approx(sigma, rel=0.15)
    assert noise(PICTURE) < 1e-3


def test_where_in_memory_the_pixels_lie_changes_no_bit() -> None:
    generator = np.random.default_rng(2)
    first = edge_width(PICTURE)
    for _ in range(50):
        room = np.empty(PICTURE.nbytes + 64, np.uint8)
        start = 4 * int(generator.integers(16))
        moved = room[start : start + PICTURE.nbytes].view(np.float32).reshape(PICTURE.shape)
        moved[:] = PICTURE
        assert edge_width(moved) == first


def test_an_enlarged_picture_is_less_sharp_the_more_it_was_enlarged() -> None:
    sizes = [Size(160, 128), Size(107, 85), Size(80, 64), Size(40, 32)]
    found = [sharpness(resize(resize(PICTURE, size), Size(160, 128))) for size in sizes]
    assert found == sorted(found, reverse=True)
    assert found[0] > SHARPNESS > found[2] > found[3]


def test_noise_does_not_pass_for_sharpness() -> None:
    blurred = soft(PICTURE, 1.5)
    grain = np.random.default_rng(0).normal(0, 0.01, PICTURE.shape).astype(np.float32)
    assert sharpness(blurred + grain) == pytest.approx(sharpness(blurred), abs=0.05)
    assert sharpness(PICTURE + grain) == pytest.approx(sharpness(PICTURE), abs=0.05)


@pytest.mark.parametrize("shape", [(64, 64), (1, 40), (2, 2)])
def test_where_nothing_has_an_edge_nothing_is_sharp(shape: tuple[int, int]) -> None:
    assert sharpness(np.full(shape, 0.3, np.float32)) == 0
