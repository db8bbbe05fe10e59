"""Which regions stay, and in which order."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detailer.core.geometry import Box, Size
from detailer.core.matte import Matte
from detailer.core.region import Region
from detailer.core.regions import (
    Regions,
    by_label,
    by_measure,
    by_overlap,
    by_share,
    by_size,
    mask_overlap,
    measured,
    pick,
    split,
    suppress,
    top_k,
)
from detailer.core.regions.order import Order
from detailer.errors import InputError
from tests.strategies import regions_in, sizes

PICTURE = Size(100, 50)


@st.composite
def scored(draw: st.DrawFn) -> Regions:
    regions = draw(regions_in(draw(sizes(most=48)), most=8))
    scores = st.sampled_from([0.2, 0.5, 0.5, 0.9, 1.0])
    labels = st.sampled_from(["face", "hand"])
    return regions.map(lambda region: Region(region.box, region.mask, draw(labels), draw(scores)))


def row(*boxes: tuple[float, ...], labels: str = "", scores: tuple[float, ...] = ()) -> Regions:
    """Regions of boxes in a picture of 100×50, labelled letter by letter."""
    return Regions(
        PICTURE,
        tuple(
            Region.from_box(Box(*box), labels[i : i + 1], scores[i] if scores else 1.0)
            for i, box in enumerate(boxes)
        ),
    )


def names(regions: Regions) -> str:
    return "".join(region.label for region in regions)


ORDERS: tuple[Order, ...] = (
    "found", "left-right", "right-left", "top-bottom", "bottom-top", "centre-edge", "edge-centre",
    "large-small", "small-large", "sure-unsure", "unsure-sure",
)  # fmt: skip


@given(scored(), st.sampled_from(ORDERS), st.booleans())
def test_an_order_is_a_permutation_that_holds_when_repeated(
    regions: Regions, order: Order, descending: bool
) -> None:
    once = regions.sorted(order, descending)
    assert sorted(map(id, once)) == sorted(map(id, regions))
    if order != "found":
        assert list(map(id, once.sorted(order, descending))) == list(map(id, once))


@given(scored(), st.sampled_from(ORDERS))
def test_equal_regions_keep_their_order(regions: Regions, order: Order) -> None:
    twins = regions.holding([regions[0], Region(regions[0].box, regions[0].mask, "face")])
    twins = twins.map(lambda region: Region(region.box, region.mask, region.label, 0.5))
    ordered = twins.sorted(order)
    assert list(map(id, ordered)) == list(map(id, twins))


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        ("found", "abc"),
        ("left-right", "bac"),
        ("right-left", "cab"),
        ("top-bottom", "cab"),
        ("bottom-top", "bac"),
        ("centre-edge", "acb"),
        ("edge-centre", "bca"),
        ("large-small", "bac"),
        ("small-large", "cab"),
        ("sure-unsure", "bca"),
        ("unsure-sure", "acb"),
    ],
)
def test_every_order_is_what_its_name_says(order: Order, expected: str) -> None:
    boxes = (45, 20, 55, 30), (0, 30, 20, 50), (60, 2, 65, 7)
    regions = row(*boxes, labels="abc", scores=(0.1, 0.9, 0.5))
    assert names(regions.sorted(order)) == expected
    assert names(regions.sorted(order, descending=True)) == expected[::-1]


def test_any_number_of_a_region_gives_an_order() -> None:
    regions = row((0, 0, 9, 9), (0, 0, 4, 20), (0, 0, 7, 3), labels="abc")
    assert names(regions.sorted(measured("height"))) == "cab"
    assert names(regions.sorted(measured("aspect"), descending=True)) == "bca"
    assert names(regions.sorted(lambda region: region.box.right)) == "bca"


def test_labels_pass_also_by_the_name_of_the_pair() -> None:
    regions = row((0, 0, 1, 1), (0, 0, 1, 1), (0, 0, 1, 1))
    sides = ("left_eye", "hand", "right_eye")
    regions = regions.holding(
        [Region(r.box, r.mask, side) for r, side in zip(regions, sides, strict=True)]
    )
    assert [r.label for r in by_label(regions, ["eyes"])] == ["left_eye", "right_eye"]
    assert [r.label for r in by_label(regions, ["eyes"], outside=True)] == ["hand"]
    assert [r.label for r in by_label(regions, ["x", " hand "])] == ["hand"]
    assert by_label(regions, ["all"]) == regions
    assert not by_label(regions, ["Hand"]).items


@given(scored(), st.floats(0, 2000), st.floats(0, 2000))
def test_inside_and_outside_a_range_are_all(regions: Regions, a: float, b: float) -> None:
    low, high = sorted((a, b))
    inside = by_measure(regions, measured("area"), low, high)
    outside = by_measure(regions, measured("area"), low, high, outside=True)
    assert sorted(map(id, inside + outside)) == sorted(map(id, regions))
    assert all(low <= region.box.area <= high for region in inside)
    assert not any(low <= region.box.area <= high for region in outside)


def test_a_range_that_holds_nothing_is_refused() -> None:
    with pytest.raises(InputError, match="from 5 to 2"):
        by_measure(row(), measured("width"), 5, 2)


def test_the_ends_of_a_share_are_in_it() -> None:
    regions = row((0, 0, 10, 5), (0, 0, 50, 50), (-50, -50, 150, 100), labels="abc")
    assert names(by_share(regions, 0.01, 0.5)) == "ab"
    assert names(by_share(regions, 0.5, 1)) == "bc"


def test_both_sides_must_be_above_the_drop_size() -> None:
    regions = row((0, 0, 10, 11), (0, 0, 11, 11), (0, 0, 10.5, 40), labels="abc")
    assert names(by_size(regions, 10)) == "bc"


def test_the_crop_is_measured_where_there_is_one() -> None:
    region = Region.from_box(Box(0, 0, 4, 4))
    with_crop = Region(region.box, region.mask, crop=Box(0, 0, 8, 2))
    assert measured("width", of="crop")(with_crop) == 8
    assert measured("aspect", of="crop")(with_crop) == 4
    assert measured("width", of="crop")(region) == 4
    assert measured("score", of="crop")(with_crop) == 1
    assert measured("aspect")(Region.from_box(Box(0, 0, 4, 0))) == math.inf


def test_regions_are_picked_in_the_order_of_their_numbers() -> None:
    regions = row((0, 0, 1, 1), (0, 0, 2, 2), (0, 0, 3, 3), labels="abc")
    assert names(pick(regions, [2, 0])) == "ca"
    with pytest.raises(InputError, match=r"no region 3; they are 0 to 2"):
        pick(regions, [3])


@given(scored(), st.integers(0, 9), st.sampled_from(["area", "score"]))
def test_nobody_left_out_is_better_than_anyone_kept(regions: Regions, count: int, by: str) -> None:
    kept = top_k(regions, count, by)
    assert len(kept) == (min(count, len(regions)) if count else len(regions))
    worth = measured(by)
    out = [region for region in regions if id(region) not in set(map(id, kept))]
    assert max(map(worth, out), default=0) <= min(map(worth, kept))
    assert list(map(id, kept)) == [id(r) for r in regions if id(r) in set(map(id, kept))]


@given(scored())
def test_a_split_loses_nobody(regions: Regions) -> None:
    faces, others = split(regions, lambda region: region.label == "face")
    assert len(faces) + len(others) == len(regions)
    assert {region.label for region in faces} <= {"face"}
    assert {region.label for region in others} <= {"hand"}


@given(scored(), st.floats(0, 0.99), st.sampled_from(["boxes", "masks"]))
def test_suppression_keeps_the_best_and_leaves_no_doubles(
    regions: Regions, limit: float, on: str
) -> None:
    kept = suppress(regions, limit, on)
    overlap = mask_overlap if on == "masks" else lambda a, b: a.box.overlap(b.box)
    best = max(region.score for region in regions)
    assert any(region.score == best for region in kept)
    for i, a in enumerate(kept):
        assert all(overlap(a, b) <= limit for b in kept.items[i + 1 :])
    for region in regions:
        assert any(
            region is other or (overlap(region, other) > limit and other.score >= region.score)
            for other in kept
        )


@given(scored())
def test_suppression_holds_when_repeated_and_keeps_the_order(regions: Regions) -> None:
    kept = suppress(regions, 0.3)
    assert list(map(id, suppress(kept, 0.3))) == list(map(id, kept))
    assert list(map(id, kept)) == [id(r) for r in regions if id(r) in set(map(id, kept))]


def test_boxes_overlap_where_masks_do_not() -> None:
    box = Box(0, 0, 8, 8)
    left, right = np.zeros((2, 8, 8), np.float32)
    left[:, :4] = right[:, 4:] = 1
    regions = Regions(PICTURE, (Region(box, Matte(left, box)), Region(box, Matte(right, box))))
    assert len(suppress(regions, on="boxes")) == 1
    assert len(suppress(regions, on="masks")) == 2


def test_a_limit_that_is_no_share_is_refused() -> None:
    with pytest.raises(InputError, match=r"limit=1\.5"):
        suppress(row(), 1.5)


def test_what_others_cover_is_told_from_what_they_do_not() -> None:
    regions = row((0, 0, 10, 10), (20, 0, 30, 10), (40, 0, 50, 10), labels="abc")
    others = row((0, 0, 10, 6), (20, 0, 30, 5))
    assert names(by_overlap(regions, others)) == "a"
    assert names(by_overlap(regions, others, outside=True)) == "bc"
    assert names(by_overlap(regions, others, share=0)) == "ab"


def test_of_equal_ones_the_first_stay_and_the_last_as_adetailer_has_it() -> None:
    boxes = [Box(0, 0, 10, 10), Box(20, 0, 30, 10), Box(40, 0, 60, 20), Box(70, 0, 80, 10)]
    regions = Regions(Size(99, 99), tuple(Region.from_box(box) for box in boxes))
    assert [region.box for region in top_k(regions, 2)] == [boxes[0], boxes[2]]
    theirs = top_k(regions, 3, ties="last")
    assert [region.box for region in theirs] == [boxes[2], boxes[3], boxes[1]]
    assert len(top_k(regions, 9, ties="last")) == 4
