"""Regions follow their picture to another size."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detailer.core.geometry import Box, Size
from detailer.core.matte import Matte
from detailer.core.region import Region
from detailer.core.regions import Regions, scaled_to
from detailer.errors import InputError
from tests.strategies import regions_in, sizes

PICTURE = Size(60, 40)


@given(st.data())
def test_scaled_masks_stay_in_0_to_1_and_in_the_picture(data: st.DataObject) -> None:
    size, target = data.draw(sizes(most=48)), data.draw(sizes(least=1))
    regions = data.draw(regions_in(size))
    scaled = regions.scaled_to(target)
    assert scaled.size == target
    assert len(scaled) == len(regions)
    for region in scaled:
        assert target.box.holds(region.mask.box)
        if region.mask.alpha.size:
            assert region.mask.alpha.min() >= 0
            assert region.mask.alpha.max() <= 1


@given(st.data())
def test_the_same_size_changes_nothing(data: st.DataObject) -> None:
    regions = data.draw(regions_in(data.draw(sizes())))
    assert regions.scaled_to(regions.size) == regions


@given(st.data(), st.integers(1, 4), st.integers(1, 4))
def test_each_axis_has_its_own_ratio(data: st.DataObject, x: int, y: int) -> None:
    regions = data.draw(regions_in(PICTURE))
    scaled = regions.scaled_to(Size(60 * x, 40 * y))
    for before, after in zip(regions, scaled, strict=True):
        assert after.box == before.box.scaled(x, y)
        assert after.landmarks == tuple((a * x, b * y) for a, b in before.landmarks)
        amount, expected = after.mask.alpha.sum(), before.mask.alpha.sum() * x * y
        # At the border of the picture there is nothing beyond to fade into.
        assert math.isclose(amount, expected, rel_tol=0.35, abs_tol=2 * x * y)


@given(st.data())
def test_there_and_back_is_where_it_was(data: st.DataObject) -> None:
    regions = data.draw(regions_in(PICTURE))
    back = regions.scaled_to(Size(180, 120)).scaled_to(PICTURE)
    for before, after in zip(regions, back, strict=True):
        np.testing.assert_allclose(tuple(after.box), tuple(before.box), atol=1e-9)
        difference = after.mask.within(PICTURE.box) - before.mask.within(PICTURE.box)
        assert np.abs(difference).max() <= 0.8
        assert abs(difference.mean()) < 0.01


def square() -> Regions:
    """A box of 20×20 with a crop and a picture of its own, in a picture of 60×40."""
    crop = Box(10, 5, 40, 35)
    pixels = np.linspace(0, 1, 30 * 30 * 3, dtype=np.float32).reshape(30, 30, 3)
    box = Box(15, 10, 35, 30)
    return Regions(PICTURE, (Region(box, Matte.filled(box), crop=crop, picture=pixels),))


def test_a_box_between_pixels_covers_what_it_covers() -> None:
    (region,) = square().scaled_to(Size(30, 20))
    assert region.box == Box(7.5, 5, 17.5, 15)
    alpha = region.mask.within(Box(6, 9, 20, 10))[0]
    np.testing.assert_allclose(alpha.sum(), 10, rtol=1e-5)
    assert alpha[0] == 0
    assert 0.4 < alpha[1] < 0.6
    assert alpha[5] == 1


def test_the_crop_and_its_picture_come_along() -> None:
    (region,) = square().scaled_to(Size(120, 80))
    assert region.crop == Box(20, 10, 80, 70)
    assert region.picture is not None
    assert region.picture.shape == (60, 60, 3)


def test_the_nodes_mix_up_the_ratios_only_when_asked() -> None:
    (region,) = scaled_to(square(), Size(60, 80), compatible=True)
    assert region.box == Box(15, 10, 70, 60)
    assert region.crop == Box(10, 5, 80, 70)
    assert region.mask.alpha.shape == (65, 70)
    assert region.picture is not None
    assert region.picture.shape == (65, 70, 3)
    (plain,) = square()
    (alone,) = scaled_to(
        square().holding([Region(plain.box, plain.mask)]), Size(60, 80), compatible=True
    )
    assert alone.crop == alone.box
    assert alone.picture is None
    with pytest.raises(InputError, match="compatible"):
        scaled_to(square(), Size(600, 40), compatible=True)


def test_a_picture_of_nothing_is_refused() -> None:
    with pytest.raises(InputError, match="0×5"):
        square().scaled_to(Size(0, 5))


def test_regions_of_no_picture_stay_as_they_are() -> None:
    nothing = Regions(Size(0, 0))
    assert nothing.scaled_to(Size(9, 9)) == nothing


def test_a_mask_of_nothing_stays_one() -> None:
    empty = Matte(np.zeros((0, 0), np.float32), Box(0, 0, 0, 0))
    beyond = Matte.filled(Box(90, 90, 95, 95))
    for mask in (empty, beyond):
        (region,) = Regions(PICTURE, (Region(Box(1, 1, 2, 2), mask),)).scaled_to(Size(30, 20))
        assert region.mask.empty
