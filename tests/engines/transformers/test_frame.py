"""A picture is brought into a shape that every network takes, and nothing moves in it."""

from __future__ import annotations

import numpy as np
import pytest

from detailer.core.geometry import Box, Size
from detailer.core.pixels import size_of
from detailer.core.region import Region
from detailer.engines.detectors.transformers.frame import framed, inside


def noise(size):
    return np.random.default_rng(0).integers(0, 256, (*size.shape, 3), dtype=np.uint8)


@pytest.mark.parametrize("size", [Size(64, 64), Size(160, 10), Size(7, 100), Size(1, 1)], ids=str)
def test_a_picture_that_is_no_strip_is_left_as_it_is(size):
    picture = noise(size)
    look = framed(picture)
    assert look.pixels is picture
    assert (look.x, look.y) == (1, 1)


@pytest.mark.parametrize(
    ("size", "wide"),
    [(Size(200, 1), Size(200, 13)), (Size(3, 330), Size(21, 330)), (Size(17, 1), Size(17, 2))],
    ids=str,
)
def test_a_strip_is_made_wider_with_what_is_at_its_edge(size, wide):
    picture = noise(size)
    look = framed(picture)
    assert size_of(look.pixels) == wide
    assert np.array_equal(look.pixels[: size.height, : size.width], picture)
    assert np.array_equal(look.pixels[-1, : size.width], picture[-1])
    assert np.array_equal(look.pixels[: size.height, -1], picture[:, -1])


def test_a_picture_longer_than_is_wanted_is_made_smaller_and_says_by_how_much():
    look = framed(noise(Size(300, 101)), most=150)
    assert size_of(look.pixels) == Size(150, 50)
    assert (look.x, look.y) == (0.5, 50 / 101)
    assert framed(noise(Size(300, 101)), most=300).x == 1


def test_a_strip_that_is_made_smaller_keeps_a_pixel():
    look = framed(noise(Size(4000, 1)), most=100)
    assert size_of(look.pixels) == Size(100, 7)
    assert (look.x, look.y) == (0.025, 1)


def test_a_region_is_cut_off_where_the_picture_ends():
    region = Region.from_box(Box(10, 2, 40, 9), "a")
    cut = inside(region, Size(30, 5))
    assert cut.box == cut.mask.box == Box(10, 2, 30, 5)
    assert inside(region, Size(50, 50)) == region
    assert inside(region, Size(5, 5)).box.empty
