"""Points lie where they should, in any picture."""

from __future__ import annotations

from typing import get_args

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detailer.core.geometry import Box, Size
from detailer.core.hints import (
    Hint,
    Hints,
    Pointing,
    all_centres,
    around,
    in_mask,
    own_centre,
    point_at,
)
from detailer.core.matte import Matte
from detailer.core.region import Region
from tests.strategies import boxes, regions_in, sizes

NAMED = [hint for hint in get_args(Hint) if hint != "mask-area"]
COUNTS = {
    "center-1": 1, "horizontal-2": 2, "vertical-2": 2, "rect-4": 4, "diamond-4": 4,
    "mask-points": 0, "mask-point-bbox": 1, "none": 0,
}  # fmt: skip
HUGE = Size(1000, 1000)


def pointed(hint: Hint) -> Hints:
    box = Box(30, 60, 60, 120)
    return point_at(Region.from_box(box), box, HUGE, Pointing(hint))


@given(st.data(), st.sampled_from(NAMED))
def test_the_named_points_lie_in_the_box_and_in_the_thing(data: st.DataObject, hint: Hint) -> None:
    size = data.draw(sizes())
    region = Region.from_box(data.draw(boxes(size)))
    shown = region.box.grown(data.draw(st.integers(0, 30))).clipped(size.box)
    hints = point_at(region, shown, size, Pointing(hint))
    assert len(hints.points) == COUNTS[hint]
    assert all(hints.positive)
    for x, y in hints.points:
        assert shown.left <= x <= shown.right
        assert shown.top <= y <= shown.bottom


def test_rect_4_is_a_cross_and_diamond_4_a_rectangle() -> None:
    assert set(pointed("rect-4").points) == {(40, 90), (50, 90), (45, 80), (45, 100)}
    assert set(pointed("diamond-4").points) == {(40, 80), (50, 80), (40, 100), (50, 100)}


def test_the_middle_is_of_the_region_and_the_thirds_are_of_the_box_shown() -> None:
    region, shown = Region.from_box(Box(30, 60, 60, 120)), Box(0, 60, 90, 150)
    assert point_at(region, shown, HUGE, Pointing("horizontal-2")).points == ((30, 90), (60, 90))
    assert point_at(region, shown, HUGE, Pointing("vertical-2")).points == ((45, 90), (45, 120))


@given(st.data(), st.sampled_from([0.0, 0.3, 0.7, 1.0]), st.booleans())
def test_points_in_a_mask_are_where_it_is_above_the_threshold_or_not_at_all(
    data: st.DataObject, threshold: float, negative: bool
) -> None:
    (region, *_) = data.draw(regions_in(data.draw(sizes())))
    hints = in_mask(region.mask, threshold, negative)
    for (x, y), positive in zip(hints.points, hints.positive, strict=True):
        (value,) = region.mask.within(Box(x, y, x + 1, y + 1))[0]
        assert value > threshold if positive else (negative and value == 0)
    assert negative or all(hints.positive)


def test_a_large_mask_has_twenty_points_a_side_and_a_small_one_every_third_pixel() -> None:
    large = in_mask(Matte.filled(Box(5, 7, 405, 1007)), 0.5)
    assert len(large.points) == 20 * 20
    assert large.points[:2] == ((5, 7), (25, 7))
    assert in_mask(Matte.filled(Box(0, 0, 7, 2)), 0.5).points == ((0, 0), (3, 0), (6, 0))


def test_the_edge_of_the_crop_and_not_of_the_mask_starts_the_grid() -> None:
    region = Region(Box(13, 13, 19, 19), Matte.filled(Box(13, 13, 19, 19)), crop=Box(4, 4, 30, 30))
    hints = point_at(region, region.box, HUGE, Pointing("mask-area", negative="Small"))
    inside = [point for point, yes in zip(hints.points, hints.positive, strict=True) if yes]
    assert inside == [(13, 13), (16, 13), (13, 16), (16, 16)]
    assert hints.points[0] == (4, 4)
    assert len(hints.points) == 9 * 9


def test_an_empty_mask_has_no_points() -> None:
    nothing = Matte(np.zeros((0, 0), np.float32), Box(3, 3, 3, 3))
    assert in_mask(nothing, 0.5, negative=True) == Hints()
    assert in_mask(Matte(np.zeros((9, 9), np.float32), Box(0, 0, 9, 9)), 0.0) == Hints()


@given(st.data())
def test_negatives_all_around_lie_in_the_picture_and_not_near_what_is_kept(
    data: st.DataObject,
) -> None:
    size = data.draw(sizes(most=300))
    kept = data.draw(boxes(size))
    hints = around(kept, size)
    assert not any(hints.positive)
    for x, y in hints.points:
        assert 10 <= x < size.width - 10
        assert 10 <= y < size.height - 10
        assert not (
            kept.left - 10 <= x <= kept.right + 10 and kept.top - 10 <= y <= kept.bottom + 10
        )


@given(st.data())
def test_a_picture_lying_on_its_side_has_its_negatives_on_their_side(data: st.DataObject) -> None:
    size = data.draw(sizes(most=300))
    kept = data.draw(boxes(size))
    turned = Box(kept.top, kept.left, kept.bottom, kept.right)
    ours = {(y, x) for x, y in around(kept, size).points}
    assert ours == set(around(turned, Size(size.height, size.width)).points)


def test_the_nodes_negatives_leave_a_wide_picture_and_miss_a_part_of_it() -> None:
    kept, wide = Box(0, 0, 5, 5), Size(400, 100)
    right, theirs = around(kept, wide), around(kept, wide, compatible=True)
    assert max(x for x, _ in right.points) > 300
    assert max(y for _, y in right.points) < 90
    assert max(x for x, _ in theirs.points) < 90
    assert max(y for _, y in theirs.points) > 300
    square = Size(400, 400)
    assert around(kept, square) == around(kept, square, compatible=True)


def test_a_tiny_picture_has_no_room_for_negatives() -> None:
    assert around(Box(0, 0, 1, 1), Size(20, 500)) == Hints()


@pytest.mark.parametrize("hint", get_args(Hint))
def test_negatives_all_around_come_after_the_points_of_every_hint(hint: Hint) -> None:
    region, shown = Region.from_box(Box(30, 60, 60, 120)), Box(20, 50, 70, 130)
    plain = point_at(region, shown, HUGE, Pointing(hint))
    hints = point_at(region, shown, HUGE, Pointing(hint, negative="Outter"))
    assert hints == plain + around(shown, HUGE)
    assert len(hints.points) > len(plain.points)


def test_all_centres_are_one_prompt_and_small_boxes_are_what_it_is_not() -> None:
    found = [Box(0, 0, 10, 4), Box(20, 0, 29, 40), Box(50, 50, 90, 90)]
    assert all_centres(found) == Hints.at([(5, 2), (24.5, 20), (70, 70)])
    assert all_centres(found, small=True).positive == (True, False, True)


def test_a_small_box_is_itself_but_not_its_neighbour() -> None:
    found = [Box(0, 0, 10, 4), Box(20, 0, 29, 40), Box(50, 50, 90, 90)]
    assert own_centre(found, 2) == Hints.at([(70, 70)])
    assert own_centre(found, 1, small=True) == Hints.at([(24.5, 20)])
    assert own_centre(found, 2, small=True) == Hints(((70, 70), (24.5, 20)), (True, False))
