"""Given masks and boxes: what was told is found, and what cannot be meant is refused."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from detailer.core.geometry import Box, Size
from detailer.core.region import Region
from detailer.core.regions.from_mask import Trace
from detailer.engines.detectors.given import (
    boxes_file,
    given_boxes,
    given_mask,
)
from detailer.errors import InputError
from tests.engines.graphs import black

PICTURE = black(60, 40)


def _mask(dtype: type = np.uint8, level: float = 255) -> np.ndarray:
    mask = np.zeros((40, 60), dtype)
    mask[5:25, 10:30] = level
    return mask


@pytest.mark.parametrize(
    ("dtype", "level"), [(np.uint8, 255), (np.uint16, 65535), (np.float32, 1), (np.bool_, True)]
)
def test_the_masked_part_is_found_in_every_dtype(dtype: type, level: float) -> None:
    (region,) = given_mask(_mask(dtype, level))(PICTURE)
    assert region.box == region.mask.box == Box(10, 5, 30, 25)
    assert region.label == "mask"
    assert (region.mask.alpha == 1).all()


def test_separate_parts_are_regions_of_their_own_unless_combined() -> None:
    mask = _mask()
    mask[26:38, 40:55] = 128
    assert len(given_mask(mask)(PICTURE)) == 2
    (combined,) = given_mask(mask, Trace(combined=True))(PICTURE)
    assert combined.box == Box(10, 5, 55, 38)
    assert combined.mask.alpha.max() == pytest.approx(1)


def test_a_black_mask_finds_nothing() -> None:
    found = given_mask(np.zeros((40, 60), np.uint8))(PICTURE)
    assert (len(found), found.size) == (0, Size(60, 40))


def test_a_mask_of_another_size_is_refused_with_both_sizes() -> None:
    with pytest.raises(InputError, match=r"mask is 60×40, the picture 120×80.*fit"):
        given_mask(_mask())(black(120, 80))


@pytest.mark.parametrize("dtype", [np.uint8, np.bool_])
def test_a_mask_of_another_size_is_fitted_where_that_is_asked(dtype: type) -> None:
    (region,) = given_mask(_mask(dtype), fit=True)(black(120, 80))
    assert tuple(region.box) == pytest.approx((20, 10, 60, 50), abs=2)


@pytest.mark.parametrize("dtype", [np.uint16, np.float16, np.float32, np.float64])
def test_a_mask_of_every_dtype_is_fitted(dtype: type) -> None:
    mask = _mask(dtype, 65535 if dtype == np.uint16 else 1)
    (region,) = given_mask(mask, fit=True)(black(120, 80))
    assert tuple(region.box) == pytest.approx((20, 10, 60, 50), abs=2)
    assert region.mask.alpha.max() == 1


def test_a_mask_that_is_turned_is_refused_as_such() -> None:
    with pytest.raises(InputError, match=r"40×60, the picture 60×40 \(turned by 90°"):
        given_mask(_mask().T)(PICTURE)


def test_a_mask_that_is_stretched_to_fit_is_told(caplog) -> None:
    given_mask(_mask(), fit=True)(black(120, 80))
    assert not caplog.messages
    given_mask(_mask(), fit=True)(black(60, 80))
    assert "60×40, the picture 60×80: fitted, its parts change shape" in caplog.text


def test_parts_that_nowhere_reach_the_threshold_or_are_small_are_left_out() -> None:
    mask = _mask()
    mask[30:39, 40:52] = 100
    mask[1:3, 1:3] = 255
    mask[1:3, 5:7] = 100
    found = given_mask(mask, Trace(drop_size=0))(PICTURE)
    assert [region.box for region in found] == [Box(10, 5, 30, 25)]
    told = {tuple(out.region.box): out.reason for out in found.left_out}
    assert told == {
        (40, 30, 52, 39): "its mask is nowhere above 0.39; mask_threshold=0.5",
        (1, 1, 3, 3): "its mask covers 4 px; mask_min_area=64",
    }
    assert {out.region.label for out in found.left_out} == {"mask"}


def test_what_is_set_of_how_a_mask_is_read_holds_and_the_rest_is_as_given_masks_have_it() -> None:
    mask = _mask(level=100)
    mask[30:38, 40:55] = 128
    assert len(given_mask(mask, Trace(drop_size=0))(PICTURE)) == 1
    assert len(given_mask(mask, Trace(drop_size=0, mask_threshold=0.3))(PICTURE)) == 2


@pytest.mark.parametrize(
    ("dtype", "level", "said"),
    [(np.uint8, 100, "0.39"), (np.uint16, 21000, "0.32"), (np.float32, 0.25, "0.25")],
)
def test_a_mask_of_which_no_part_would_count_is_refused(dtype: type, level: float, said: str):
    with pytest.raises(
        InputError, match=rf"nowhere above {said}.*0\.5.*--mask-threshold\) to {said}"
    ):
        given_mask(_mask(dtype, level))
    assert len(given_mask(_mask(dtype, level), Trace(mask_threshold=float(said)))(PICTURE)) == 1


def test_a_mask_whose_black_is_not_black_is_told(caplog) -> None:
    (region,) = given_mask(np.maximum(_mask(), 16))(PICTURE)
    assert region.box == Box(0, 0, 60, 40)
    assert "nowhere below 0.063" in caplog.text


def test_an_all_white_mask_is_the_whole_picture_and_nothing_to_tell(caplog) -> None:
    (region,) = given_mask(np.full((40, 60), 255, np.uint8))(PICTURE)
    assert region.box == Box(0, 0, 60, 40)
    assert not caplog.messages


@pytest.mark.parametrize(
    ("level", "words"), [(np.nan, "not numbers"), (255, "reaches 255"), (np.inf, "reaches inf")]
)
def test_a_float_mask_with_values_that_are_none_is_refused(level: float, words: str) -> None:
    with pytest.raises(InputError, match=words):
        given_mask(_mask(np.float32, level))


def test_boxes_are_found_in_the_order_given_and_cut_off_at_the_edge() -> None:
    detector = given_boxes([Box(50, 30, 80, 90), Box(1.5, 2, 20.25, 12)], label="hand")
    first, second = detector(PICTURE)
    assert (first.box, first.mask.box) == (Box(50, 30, 60, 40), Box(50, 30, 60, 40))
    assert (second.box, second.mask.box) == (Box(1.5, 2, 20.25, 12), Box(1, 2, 21, 12))
    assert (first.label, first.score) == ("hand", 1.0)


def test_a_region_that_is_given_keeps_its_label() -> None:
    region = Region.from_box(Box(1, 2, 9, 12), "eye", 0.7)
    assert given_boxes([region])(PICTURE)[0] == region


def test_a_box_far_larger_than_the_picture_means_all_of_it_and_costs_no_more() -> None:
    (region,) = boxes_file("-1e6,-1e6,1e6,1e6")(PICTURE)
    assert region.mask.box == region.box == Box(0, 0, 60, 40)
    assert (region.mask.alpha == 1).all()


def test_a_box_beyond_all_numbers_is_refused() -> None:
    with pytest.raises(InputError, match=r"is not a region"):
        boxes_file("0,0,1e30,1e30")


def test_a_box_beyond_the_picture_is_refused_with_both() -> None:
    with pytest.raises(InputError, match=r"\(70, 5, 80, 15\) lies outside the picture of 60×40"):
        given_boxes([Box(70, 5, 80, 15)])(PICTURE)


def test_an_empty_box_is_refused() -> None:
    with pytest.raises(InputError, match=r"\(5, 5, 5, 15\) is empty"):
        given_boxes([Box(5, 5, 5, 15)])


@pytest.mark.parametrize(
    "content",
    [
        [[1, 2, 9, 12]],
        [{"box": [1, 2, 9, 12]}],
        {"size": [60, 40], "regions": [{"box": [1, 2, 9, 12], "mask": "ignored"}]},
    ],
)
def test_boxes_are_read_from_json(tmp_path: Path, content: object) -> None:
    path = tmp_path / "boxes.json"
    path.write_text(json.dumps(content))
    (region,) = boxes_file(path)(PICTURE)
    assert (region.box, region.label) == (Box(1, 2, 9, 12), "box")


def test_label_score_and_landmarks_are_read_too(tmp_path: Path) -> None:
    path = tmp_path / "boxes.json"
    entry = {"box": [1, 2, 9, 12], "label": "face", "score": 0.5, "landmarks": [[3, 4], [6, 4]]}
    path.write_text(json.dumps([entry]))
    (region,) = boxes_file(path)(PICTURE)
    assert (region.label, region.score) == ("face", 0.5)
    assert region.landmarks == ((3.0, 4.0), (6.0, 4.0))


def test_what_is_null_is_as_if_it_were_not_there(tmp_path: Path) -> None:
    path = tmp_path / "boxes.json"
    entry = {"box": [1, 2, 9, 12], "label": None, "score": None, "landmarks": None}
    path.write_text(json.dumps([entry]))
    assert list(boxes_file(path, "hand")(PICTURE)) == [Region.from_box(Box(1, 2, 9, 12), "hand")]


def test_a_file_may_begin_with_a_byte_order_mark(tmp_path: Path) -> None:
    path = tmp_path / "boxes.json"
    path.write_text("[[1, 2, 9, 12]]", encoding="utf-8-sig")
    assert len(boxes_file(path)(PICTURE)) == 1


@pytest.mark.parametrize("size", [[120, 80], ["60", "40"], [60]])
def test_boxes_for_a_picture_of_another_size_are_refused(tmp_path: Path, size: list) -> None:
    path = tmp_path / "boxes.json"
    path.write_text(json.dumps({"size": size, "regions": [[1, 2, 9, 12]]}))
    with pytest.raises(InputError, match=r"for a picture of .*this one is 60×40"):
        boxes_file(path)(PICTURE)


def test_boxes_may_be_written_where_the_file_would_be() -> None:
    found = boxes_file("1,2,9,12; 20.5,2,30,12")(PICTURE)
    assert [region.box for region in found] == [Box(1, 2, 9, 12), Box(20.5, 2, 30, 12)]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("{", "not JSON"),
        ('{"boxes": 3}', "no list of boxes"),
        ("[[1, 2, 3]]", "left, top, right, bottom"),
        ('[[1, 2, 3, "x"]]', "left, top, right, bottom"),
        ("[[9, 2, 1, 12]]", "ends before it starts"),
        ('[{"box": [1, 2, 9, 12], "score": "high"}]', "is not a region"),
        ('[{"box": [1, 2, 9, 12], "score": 70}]', "score 70 is outside 0 to 1"),
        ('[{"box": [1, 2, 9, 12], "score": NaN}]', "score nan is outside"),
        ('[{"box": [1, 2, 9, 12], "landmarks": [[NaN, 3]]}]', "not all numbers"),
        ('[{"bbox": [1, 2, 9, 12]}]', 'has no box; give "box": '),
        ("[" * 100_000, "not JSON"),
        ('{"size": 60, "regions": []}', r"size is 60; give \[width, height\]"),
        ('{"size": 0, "regions": []}', r"size is 0; give \[width, height\]"),
        ('{"size": [], "regions": []}', r"size is \[\]; give \[width, height\]"),
    ],
)
def test_a_file_of_boxes_that_makes_no_sense_is_refused(
    tmp_path: Path, content: str, words: str
) -> None:
    path = tmp_path / "boxes.json"
    path.write_text(content)
    with pytest.raises(InputError, match=words):
        boxes_file(path)


def test_a_file_of_boxes_that_is_not_there_is_named() -> None:
    with pytest.raises(InputError, match=r"absent\.json cannot be read.*LEFT,TOP"):
        boxes_file("absent.json")
