"""Set algebra on regions holds as it does on sets."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detailer.core.geometry import Box, Size
from detailer.core.matte import Matte
from detailer.core.region import Region
from detailer.core.regions import (
    Regions,
    concat,
    covered,
    intersect,
    intersect_each,
    merge,
    merge_and_invert,
    subtract,
)
from detailer.errors import InputError
from tests.strategies import regions_in, sizes


@st.composite
def pairs(draw: st.DrawFn) -> tuple[Regions, Regions]:
    size = draw(sizes(most=40))
    return draw(regions_in(size)), draw(regions_in(size))


@given(pairs())
def test_common_part_and_rest_are_the_whole(two: tuple[Regions, Regions]) -> None:
    a, b = two
    for whole, common, rest in zip(a, a & b, a - b, strict=True):
        box = whole.mask.box
        both = common.mask.within(box) + rest.mask.within(box)
        np.testing.assert_allclose(both, whole.mask.alpha, atol=1e-6)


@given(pairs())
def test_common_parts_are_the_minimum_pixel_by_pixel(two: tuple[Regions, Regions]) -> None:
    a, b = two
    # The union of the common parts is the common part of the unions, either way round.
    expected = np.minimum(a.to_mask(), b.to_mask())
    assert np.array_equal((a & b).to_mask(), expected)
    assert np.array_equal((b & a).to_mask(), expected)


@given(pairs())
def test_a_mask_serves_as_well_as_regions(two: tuple[Regions, Regions]) -> None:
    a, b = two
    assert (a & b) == (a & b.to_mask())
    assert (a - b) == (a - b.to_mask())


@given(pairs())
def test_nothing_is_left_of_regions_less_themselves(two: tuple[Regions, Regions]) -> None:
    a, _ = two
    assert not (a - a).to_mask().any()
    assert np.array_equal((a & a).to_mask(), a.to_mask())
    assert len(a - a) == len(a)


@given(pairs())
def test_joined_regions_are_those_then_these(two: tuple[Regions, Regions]) -> None:
    a, b = two
    assert list(a + b) == [*a, *b]
    assert concat([a, b, a]) == a + b + a
    assert np.array_equal((a + b).to_mask(), np.maximum(a.to_mask(), b.to_mask()))


@given(pairs())
def test_merged_regions_mean_what_all_meant(two: tuple[Regions, Regions]) -> None:
    a, _ = two
    merged = merge(a)
    assert np.array_equal(merged.to_mask(), a.to_mask())
    assert len(merged) == (1 if a.to_mask().any() else 0)
    for region in merged:
        assert all(region.box.holds(each.box) for each in a if not each.mask.empty)
        assert region.score == min(each.score for each in a)
        assert region.label == "merged"


@given(pairs())
def test_merged_and_inverted_regions_mean_all_the_rest(two: tuple[Regions, Regions]) -> None:
    a, _ = two
    inverted = merge_and_invert(a)
    assert len(inverted) == len(merge(a))
    for region in inverted:
        np.testing.assert_allclose(region.mask.alpha, 1 - a.to_mask(), atol=1e-6)


@given(pairs(), st.sampled_from(["true", "8-bit"]))
def test_no_arithmetic_leaves_0_to_1(two: tuple[Regions, Regions], arithmetic: str) -> None:
    a, b = two
    for result in (intersect(a, b, arithmetic), subtract(a, b, arithmetic), merge(a, arithmetic)):
        assert all(r.mask.alpha.min() >= 0 and r.mask.alpha.max() <= 1 for r in result)


@given(pairs())
def test_what_covers_a_box_is_the_mask_under_it(two: tuple[Regions, Regions]) -> None:
    a, b = two
    for region in b:
        part = covered(a, region.box)
        assert np.array_equal(part, a.to_mask()[region.box.slices])


MIDDLE = Box(2, 2, 6, 6)


def grey(value: float, box: Box = MIDDLE) -> Regions:
    alpha = np.full(box.size.shape, value, np.float32)
    return Regions(Size(9, 9), (Region(box, Matte(alpha, box)),))


def test_the_nodes_arithmetic_is_there_by_name() -> None:
    a, b = grey(128 / 255), grey(127 / 255)
    assert intersect(a, b, "8-bit")[0].mask.empty
    assert not (a & b)[0].mask.empty
    assert merge(a + b, "8-bit")[0].mask.alpha.max() == 1
    assert merge(a + b)[0].mask.alpha.max() == np.float32(128 / 255)


@pytest.mark.parametrize(
    ("dtype", "value"), [(np.uint8, 127), (np.uint16, 32639), (bool, True), (float, 127 / 255)]
)
def test_a_mask_comes_in_the_dtype_asked_for(dtype: type, value: float) -> None:
    mask = grey(127 / 255).to_mask(dtype=dtype)
    assert mask.dtype == dtype
    assert mask[3, 3] == pytest.approx(value)
    assert mask[0, 0] == 0


def test_each_region_meets_its_own_mask() -> None:
    regions = grey(1) + grey(1) + grey(1)
    masks = [np.zeros((9, 9), np.float32), np.ones((9, 9), np.float32)]
    cut = intersect_each(regions, masks)
    assert [region.mask.empty for region in cut] == [True, False]


def test_pictures_of_two_sizes_are_refused_with_both() -> None:
    other = Regions(Size(5, 7), (Region.from_box(Box(0, 0, 2, 2)),))
    for verb in (lambda: grey(1) & other, lambda: grey(1) - other, lambda: grey(1) + other):
        with pytest.raises(InputError, match=r"9×9.*5×7"):
            verb()
    with pytest.raises(InputError, match=r"\(h, w\)"):
        grey(1) & np.zeros((1, 9, 9))
    assert concat([grey(1), other], skip_others=True) == grey(1)


def test_of_nothing_nothing_is_made() -> None:
    nothing = Regions(Size(4, 4))
    assert merge(nothing) == nothing
    assert merge_and_invert(nothing) == nothing
    assert nothing + grey(1) == grey(1)
    with pytest.raises(InputError, match="nothing to join"):
        concat([])


def test_a_merged_region_holds_all_crops_or_none() -> None:
    crops = [Box(0, 0, 4, 4), Box(3, 3, 9, 9)]
    (first,), (second,) = grey(1), grey(1)
    pairs = zip((first, second), crops, strict=True)
    with_crops = [Region(region.box, region.mask, crop=crop) for region, crop in pairs]
    assert merge(grey(1).holding(with_crops))[0].crop == Box(0, 0, 9, 9)
    assert merge(grey(1).holding([first, with_crops[0]]))[0].crop is None


def test_a_mask_beyond_the_picture_is_cut_where_it_is_drawn() -> None:
    regions = grey(1, Box(-3, -3, 2, 2))
    assert regions.to_mask().sum() == 4
    assert merge_and_invert(regions)[0].mask.alpha.sum() == 77


def test_regions_are_taken_by_number_or_by_slice() -> None:
    regions = grey(0.1) + grey(0.2) + grey(0.3)
    assert regions[1] == grey(0.2)[0]
    assert regions[1:] == grey(0.2) + grey(0.3)


def test_the_nodes_combined_mask_joins_bit_by_bit() -> None:
    a, b = grey(128 / 255), grey(127 / 255)
    assert (a + b).to_mask("8-bit")[3, 3] == 1
    assert (grey(0.3) + grey(0.7)).to_mask("float-bits")[3, 3] == 1
    assert grey(0.5).to_mask("8-bit")[3, 3] == np.float32(127 / 255)


def test_the_nodes_merge_boxes_and_scores_of_regions_that_mean_nothing() -> None:
    full = Region.from_box(Box(10, 10, 20, 20), "face", 0.9)
    blank = Region(Box(40, 40, 50, 50), Matte.filled(Box(40, 40, 40, 40)), "face", 0.3)
    regions = Regions(Size(64, 64), (full, blank))
    assert (merge(regions)[0].box, merge(regions)[0].score) == (full.box, 0.9)
    (theirs,) = merge(regions, "8-bit")
    assert (theirs.box, theirs.score) == (Box(10, 10, 50, 50), 0.3)
    assert np.array_equal(theirs.mask.over(regions.size.box).alpha > 0, regions.to_mask() > 0)
    assert not merge(regions.holding([]), "8-bit")
    assert merge(regions.holding([blank]), "8-bit")[0].mask.empty
