"""Places are the same by a word, in pixels and in shares."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as some

from detailer.core.geometry import Box, Size
from detailer.core.region import Region
from detailer.core.regions import Regions
from detailer.errors import InputError
from detailer.prompts.places import PLACES, Area, at_place

SIZE = Size(200, 100)
FOUND = Regions(
    SIZE,
    (
        Region.from_box(Box(10, 40, 30, 60), score=0.5),
        Region.from_box(Box(90, 45, 100, 55), score=0.6),
        Region.from_box(Box(0, 0, 90, 30), score=0.9),
        Region.from_box(Box(150, 70, 190, 100), score=0.7),
    ),
)


@pytest.mark.parametrize(
    ("name", "place"),
    [
        ("left", 0), ("right", 3), ("top", 2), ("bottom", 3), ("centre", 1), ("largest", 2),
        ("smallest", 1), ("surest", 2),
    ],
)  # fmt: skip
def test_a_word_means_the_region_that_is_farthest_there(name: str, place: int) -> None:
    assert at_place(name, FOUND) == place


def test_all_words_are_tried() -> None:
    assert len(PLACES) == 8


@given(some.sampled_from(sorted(PLACES)))
def test_of_equals_the_first_is_meant(name: str) -> None:
    assert at_place(name, FOUND.holding([FOUND[0], FOUND[0]])) == 0


@pytest.mark.parametrize(
    "text", ["50,10,100,60", " 50 10 100 60", "0.25,0.1,0.5,0.6", "50, 10,100,60"]
)
def test_a_box_is_in_pixels_or_in_shares(text: str) -> None:
    box = Area.parse(text).within(SIZE)
    assert tuple(box) == pytest.approx((50, 10, 100, 60))


def test_a_box_of_ones_is_the_whole_picture() -> None:
    assert Area.parse("0,0,1,1").within(SIZE) == SIZE.box


def test_a_box_overlaps_what_it_meets() -> None:
    overlaps = Area.parse("10,40,30,50").overlaps(FOUND)
    assert overlaps == [0.5, 0, 0, 0]


@pytest.mark.parametrize(
    "text", ["", "1,2,3", "1,2,3,4,5", "a,b,c,d", "9,9,1,1", "5,5,5,9", "nan,0,1,1", "1,,2,3"]
)
def test_what_is_no_box_is_refused(text: str) -> None:
    with pytest.raises(InputError, match=r"write \[box left,top,right,bottom\]"):
        Area.parse(text)
