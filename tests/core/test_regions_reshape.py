"""Verbs that change what regions mean keep them in 0..1 and in the picture."""

from __future__ import annotations

import math
import tracemalloc
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detailer.core import alpha as verbs
from detailer.core.geometry import Box, Size
from detailer.core.matte import Matte
from detailer.core.region import Region
from detailer.core.regions import (
    Regions,
    assign_labels,
    blur,
    by_overlap,
    fill_boxes,
    fill_holes,
    grow,
    high_pass,
    intersect,
    invert,
    merge,
    offset,
    scale_boxes,
    shape,
    subtract,
    suppress,
)
from tests.strategies import regions_in, sizes

VERBS: dict[str, Callable[[Regions], Regions]] = {
    "grow": lambda regions: grow(regions, 9),
    "grow lopsidedly": lambda regions: grow(regions, 10, lopsided=True),
    "shrink": lambda regions: grow(regions, -3),
    "grow in the crop": lambda regions: grow(regions, 9, within="crop"),
    "blur": lambda regions: blur(regions, 6, 2.5),
    "blur in the crop": lambda regions: blur(regions, 6, within="crop"),
    "fill holes": fill_holes,
    "fill boxes": fill_boxes,
    "invert": invert,
    "high pass": lambda regions: high_pass(regions, 0.5),
    "offset": lambda regions: offset(regions, 11, -7),
    "offset wrapped": lambda regions: offset(regions, -11, 60, wrap=True),
    "box": lambda regions: shape(regions, "box"),
    "ellipse": lambda regions: shape(regions, "ellipse"),
    "scale boxes": lambda regions: scale_boxes(regions, 1.7),
    "shrink boxes": lambda regions: scale_boxes(regions, 0.4),
}


@st.composite
def scenes(draw: st.DrawFn) -> Regions:
    return draw(regions_in(draw(sizes(most=48))))


def whole(region: Region, size: Size) -> np.ndarray:
    return region.mask.within(size.box)


@given(scenes(), st.sampled_from(sorted(VERBS)))
@settings(max_examples=200)
def test_masks_stay_in_0_to_1_and_in_the_picture_and_what_was_given_stays(
    regions: Regions, name: str
) -> None:
    before = [np.array(region.mask.alpha) for region in regions]
    changed = VERBS[name](regions)
    assert changed.size == regions.size
    assert len(changed) == len(regions)
    for region in changed:
        assert regions.size.box.holds(region.mask.box)
        assert region.mask.alpha.dtype == np.float32
        assert region.mask.alpha.min(initial=0) >= 0
        assert region.mask.alpha.max(initial=0) <= 1
    for old, region in zip(before, regions, strict=True):
        assert np.array_equal(old, region.mask.alpha)


@given(scenes(), st.integers(-30, 30), st.booleans())
def test_growth_is_that_of_the_whole_picture(regions: Regions, amount: int, lopsided: bool) -> None:
    side = amount if lopsided or amount % 2 else amount + int(np.sign(amount))
    for region, after in zip(regions, grow(regions, amount, lopsided=lopsided), strict=True):
        expected = verbs.dilate(whole(region, regions.size), side)
        assert np.array_equal(whole(after, regions.size), expected)


@given(scenes(), st.integers(0, 20))
def test_what_is_grown_and_shrunk_again_is_still_there(regions: Regions, amount: int) -> None:
    closed = grow(grow(regions, amount), -amount)
    opened = grow(grow(regions, -amount), amount)
    for before, large, small in zip(regions, closed, opened, strict=True):
        assert (whole(large, regions.size) >= whole(before, regions.size)).all()
        assert (whole(small, regions.size) <= whole(before, regions.size)).all()


def test_growth_reaches_as_far_on_every_side() -> None:
    (region,) = grow(middle(), 10)
    assert region.mask.trimmed().box == Box(15, 15, 35, 35)
    assert region.box == Box(20, 20, 30, 30)
    (lopsided,) = grow(middle(), 10, lopsided=True)
    assert lopsided.mask.trimmed().box == Box(16, 16, 35, 35)


@given(
    st.tuples(*[st.integers(-20, 70)] * 4),
    st.none() | st.tuples(*[st.integers(0, 50)] * 4),
    st.integers(-30, 30),
    st.booleans(),
)
def test_a_box_grows_to_the_same_as_an_array_of_ones_and_costs_none(
    sides: tuple[int, ...], crop: tuple[int, ...] | None, amount: int, lopsided: bool
) -> None:
    (left, right), (top, bottom) = sorted(sides[:2]), sorted(sides[2:])
    plain = Region.from_box(Box(left, top, right, bottom))
    if crop:
        within = Box(min(crop[:2]), min(crop[2:]), max(crop[:2]), max(crop[2:]))
        plain = replace(plain, crop=within)
    ones = plain.with_mask(Matte(np.ones_like(plain.mask.alpha), plain.mask.box))
    regions = Regions(Size(50, 50), (plain, ones))
    box, array = grow(regions, amount, "crop" if crop else "picture", lopsided)
    assert np.array_equal(whole(box, regions.size), whole(array, regions.size))
    if amount > 0 and not box.mask.empty:
        assert box.mask.box == array.mask.box
        assert box.mask.solid


def test_a_box_of_any_size_grows_at_no_cost() -> None:
    regions = Regions(Size(60_000, 60_000), (Region.from_box(Box(0, 20, 50_000, 50_000)),))
    tracemalloc.start()
    (grown,) = grow(regions, 10)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert grown.mask.box == Box(0, 15, 50_005, 50_005)
    assert peak < 1e5


def test_only_all_ones_in_one_number_are_solid() -> None:
    box = Box(0, 0, 3, 2)
    assert Matte.filled(box).solid
    assert not Matte(np.ones((2, 3), np.float32), box).solid
    assert not Matte(np.broadcast_to(np.float32(0.5), (2, 3)), box).solid
    assert not Matte.filled(Box(4, 4, 4, 9)).solid


def test_growth_in_the_crop_ends_there() -> None:
    crop = Box(18, 18, 40, 31)
    (plain,) = middle()
    (region,) = grow(middle().holding([Region(plain.box, plain.mask, crop=crop)]), 10, "crop")
    assert region.mask.trimmed().box == Box(18, 18, 35, 31)


@given(scenes(), st.integers(1, 12), st.floats(0.5, 20))
def test_a_blur_is_that_of_the_whole_picture(regions: Regions, radius: int, sigma: float) -> None:
    for region, after in zip(regions, blur(regions, radius, sigma), strict=True):
        expected = verbs.blur(whole(region, regions.size), radius, sigma)
        np.testing.assert_allclose(whole(after, regions.size), expected, atol=1e-5)


@given(scenes(), st.integers(-60, 60), st.integers(-60, 60))
def test_an_offset_is_that_of_the_whole_picture(regions: Regions, x: int, y: int) -> None:
    for region, after in zip(regions, offset(regions, x, y, wrap=True), strict=True):
        rolled = np.roll(whole(region, regions.size), (-y, x), axis=(0, 1))
        assert np.array_equal(whole(after, regions.size), rolled)


@given(scenes(), st.integers(-60, 60), st.integers(-60, 60))
def test_what_leaves_the_picture_is_cut(regions: Regions, x: int, y: int) -> None:
    for region, after in zip(regions, offset(regions, x, y), strict=True):
        moved = region.mask.box.shifted(x, -y)
        expected = Matte(region.mask.alpha, moved).within(regions.size.box)
        assert np.array_equal(whole(after, regions.size), expected)


def test_an_offset_goes_right_and_up() -> None:
    (region,) = offset(middle(), 3, 5)
    assert region.mask.box == region.box == Box(23, 15, 33, 25)


@given(scenes())
def test_what_is_inverted_twice_is_as_it_was_in_the_box(regions: Regions) -> None:
    for before, after in zip(regions, invert(invert(regions)), strict=True):
        box = before.box
        np.testing.assert_allclose(after.mask.within(box), before.mask.within(box), atol=1e-6)


def test_the_rest_of_the_crop_is_meant_where_it_is_asked_for() -> None:
    (plain,) = middle()
    with_crop = middle().holding([Region(plain.box, plain.mask, crop=Box(18, 18, 40, 31))])
    assert invert(with_crop)[0].mask.empty
    (region,) = invert(with_crop, within="crop")
    assert region.mask.alpha.sum() == 22 * 13 - 100


def test_an_ellipse_lies_in_the_box() -> None:
    (region,) = shape(middle(), "ellipse")
    assert region.mask.alpha[0, 0] == 0
    assert region.mask.alpha[5, 5] == 1
    assert math.isclose(region.mask.alpha.sum(), 25 * math.pi, rel_tol=0.02)
    assert shape(middle(), "found") == middle()
    assert shape(invert(middle()), "box") == middle()


def test_boxes_are_scaled_about_their_middle_and_cut_their_masks() -> None:
    (small,) = scale_boxes(middle(), 0.5)
    assert small.box == Box(22.5, 22.5, 27.5, 27.5)
    assert small.mask.trimmed().box == Box(22, 22, 28, 28)
    (large,) = scale_boxes(middle(), 9)
    assert large.box == Box(0, 0, 50, 50)
    (theirs,) = scale_boxes(middle(), 0.5, compatible=True)
    assert theirs.box == Box(22, 22, 28, 28)
    (beyond,) = scale_boxes(middle(), 9, compatible=True)
    assert beyond.box == Box(-20, -20, 70, 70)
    # The nodes lose the last row and column of the crop.
    assert beyond.mask.trimmed().box == Box(20, 20, 29, 29)


def test_filling_a_box_goes_wrong_as_in_the_nodes_only_when_asked() -> None:
    (plain,) = middle()
    crop = Box(10, 10, 50, 50)
    regions = middle().holding([Region(plain.box, plain.mask, crop=crop)])
    assert fill_boxes(regions)[0].mask.trimmed().box == Box(20, 20, 30, 30)
    (wrong,) = fill_boxes(regions, compatible=True)
    assert wrong.mask.within(Box(30, 30, 40, 40)).all()


def test_labels_are_given_by_position() -> None:
    three = middle() + middle() + middle()
    assert [r.label for r in assign_labels(three, ["a", "b"])] == ["a", "b", ""]
    assert [r.label for r in assign_labels(middle(), ["a", "b"])] == ["a"]
    assert [r.label for r in assign_labels(middle(), [" left hand "])] == ["left hand"]


def middle() -> Regions:
    """A box of 10×10 in a picture of 50×50."""
    return Regions(Size(50, 50), (Region.from_box(Box(20, 20, 30, 30)),))


LOCAL: dict[str, Callable[[Regions], object]] = VERBS | {
    "common part": lambda regions: intersect(regions, regions),
    "difference": lambda regions: subtract(regions, regions),
    "merge": merge,
    "suppress": lambda regions: suppress(regions, on="masks"),
    "by overlap": lambda regions: by_overlap(regions, regions),
}
del LOCAL["offset wrapped"]


@pytest.mark.parametrize("name", LOCAL)
def test_the_cost_is_that_of_the_region_and_not_of_the_picture(name: str) -> None:
    regions = Regions(Size(60_000, 60_000), (Region.from_box(Box(30_000, 20, 30_040, 60)),))
    tracemalloc.start()
    LOCAL[name](regions)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 1e6
