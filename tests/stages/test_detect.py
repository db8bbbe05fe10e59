"""The detect stage keeps what its settings say."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detailer.core.geometry import Box, Size
from detailer.core.region import Region
from detailer.core.regions import Regions
from detailer.errors import InputError
from detailer.stages.detect import Detect, Detector, explained, select
from tests.strategies import regions_in, sizes

ANY = Detect(threshold=0, drop_size=0)


def found() -> Regions:
    """Four regions in a picture of 100×100: a, b (over a), c (small), d (large)."""
    boxes = (50, 40, 70, 60), (52, 40, 72, 60), (5, 5, 13, 13), (10, 50, 50, 95)
    scores, labels = (0.9, 0.6, 0.8, 0.55), ("face", "face", "hand", "face")
    return Regions(
        Size(100, 100),
        tuple(
            Region(Box(*box), Region.from_box(Box(*box)).mask, label, score, id=name)
            for box, label, score, name in zip(boxes, labels, scores, "abcd", strict=True)
        ),
    )


def names(**settings: object) -> str:
    return "".join(region.id for region in select(found(), ANY.but(**settings)))


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, "abcd"),
        ({"threshold": 0.6}, "abc"),
        ({"labels": ("hand",)}, "c"),
        ({"drop_size": 8}, "abd"),
        ({"min_ratio": 0.04}, "abd"),
        ({"max_ratio": 0.04}, "abc"),
        ({"nms": 0.5}, "acd"),
        ({"top_k": 2}, "ad"),
        ({"top_k": 2, "top_k_by": "score"}, "ac"),
        ({"order": "left-right"}, "cdab"),
        ({"order": "large-small"}, "dabc"),
        ({"order": "sure-unsure", "top_k": 2}, "ad"),
        ({"nms": 0.5, "top_k": 2, "top_k_by": "score", "labels": ("face",)}, "ad"),
    ],
)
def test_what_stays_is_what_was_asked_for(settings: dict[str, object], expected: str) -> None:
    assert names(**settings) == expected


def test_by_default_small_and_doubtful_ones_are_dropped() -> None:
    assert [region.id for region in select(found(), Detect())] == ["a", "b", "d"]


@given(st.data())
def test_selecting_twice_changes_no_more(data: st.DataObject) -> None:
    regions = data.draw(regions_in(data.draw(sizes())))
    detect = ANY.but(nms=0.4, top_k=3, order="centre-edge", drop_size=4)
    once = select(regions, detect)
    assert list(map(id, select(once, detect))) == list(map(id, once))
    assert set(map(id, once)) <= set(map(id, regions))


def test_nothing_found_is_no_trouble() -> None:
    assert not select(Regions(Size(0, 0)), Detect()).items


def test_any_function_of_the_right_shape_is_a_detector() -> None:
    def detect(picture: np.ndarray, /) -> Regions:
        return Regions(Size(picture.shape[1], picture.shape[0]))

    assert isinstance(detect, Detector)
    assert detect(np.zeros((4, 6, 3), np.uint8)).size == Size(6, 4)


def test_settings_that_contradict_each_other_are_refused() -> None:
    with pytest.raises(InputError, match=r"min_ratio=0\.5 is above max_ratio=0\.2"):
        Detect(min_ratio=0.5, max_ratio=0.2)
    with pytest.raises(InputError, match="tile_overlap=256 is above half of tile=200"):
        Detect(tile=200)
    with pytest.raises(InputError, match="order='sideways'"):
        Detect(order="sideways")


def test_of_what_was_given_it_is_told_what_select_leaves_out_and_by_which_setting() -> None:
    regions = Regions(
        Size(100, 100),
        (
            Region.from_box(Box(0, 0, 20, 20), "face"),
            Region.from_box(Box(0, 0, 20, 20), "face", 0.2),
            Region.from_box(Box(0, 0, 20, 20), "hand"),
            Region.from_box(Box(0, 0, 20, 10), "face"),
        ),
    )
    detect = Detect(labels=("face",))
    told = explained(regions, detect)
    assert list(told) == list(regions)
    assert [(out.region, out.reason) for out in told.left_out] == [
        (regions[1], "its score is 0.2; threshold=0.5"),
        (regions[2], "its label is 'hand'; labels=face"),
        (regions[3], "its box is 20×10; drop_size=10"),
    ]
    left = select(told, detect)
    assert list(left) == [regions[0]]
    assert left.left_out == told.left_out


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"min_ratio": 0.04}, {"c": "its box covers 0.0064 of the picture; min_ratio=0.04"}),
        ({"max_ratio": 0.04}, {"d": "its box covers 0.18 of the picture; max_ratio=0.04"}),
        ({"nms": 0.5}, {"b": "its box overlaps that of one that stays; nms=0.5"}),
        ({"top_k": 3}, {"c": "its area is not among the largest; top_k=3"}),
        ({"top_k": 3, "top_k_by": "score"}, {"d": "its score is not among the largest; top_k=3"}),
        (
            {"labels": ("face",), "nms": 0.5, "top_k": 1},
            {
                "c": "its label is 'hand'; labels=face",
                "b": "its box overlaps that of one that stays; nms=0.5",
                "a": "its area is not among the largest; top_k=1",
            },
        ),
    ],
)
def test_every_setting_that_leaves_one_out_is_told(
    settings: dict[str, object], told: dict[str, str]
) -> None:
    out = explained(found(), ANY.but(**settings)).left_out
    assert {each.region.id: each.reason for each in out} == told


def test_of_many_that_a_setting_leaves_out_the_others_are_told_in_one() -> None:
    boxes = tuple(Region.from_box(Box(i, 0, i + 5, 5 + i // 50), "face") for i in range(90))
    out = explained(Regions(Size(100, 100), boxes), Detect()).left_out
    assert [each.region for each in out[:-1]] == list(boxes[50:70])
    assert out[-1].reason == "70 more for the same reason; drop_size=10"
    assert out[-1].region.box == Box(0, 0, 94, 6)


@given(st.data())
def test_what_is_told_and_what_is_selected_are_all_there_is(data: st.DataObject) -> None:
    regions = data.draw(regions_in(data.draw(sizes())))
    detect = Detect(nms=0.4, top_k=3, drop_size=4, min_ratio=0.1, max_ratio=0.8)
    out = explained(regions, detect).left_out
    stay = [id(region) for region in select(regions, detect)]
    assert sorted(stay + [id(each.region) for each in out]) == sorted(map(id, regions))


def test_a_tile_is_a_side_or_auto_and_else_refused_with_both() -> None:
    assert Detect().tile == "auto"
    assert Detect(tile=640).tile == 640
    with pytest.raises(InputError, match=r"^tile=-1 is out of range: .* at least 0, or 'auto'$"):
        Detect(tile=-1)
    with pytest.raises(InputError, match=r"^tile='x': input should be .*, or 'auto'$"):
        Detect(tile="x")
