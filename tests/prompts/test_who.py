"""A prompt bound to somebody stays with them."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as some

from detailer.core.geometry import Box, Size
from detailer.core.region import Region
from detailer.core.regions import Regions
from detailer.errors import InputError
from detailer.prompts.who import Who

SIZE = Size(200, 100)
ANNA = Region.from_box(Box(10, 10, 50, 60), label="face", score=0.8)
BERT = Region.from_box(Box(80, 20, 120, 70), label="face", score=0.9)
HAND = Region.from_box(Box(150, 50, 160, 60), label="Hand", score=0.7)


def said(text: str, *regions: Region) -> list[str]:
    return [item.text for item in Who.of(text).shared(Regions(SIZE, regions))]


def test_a_place_is_one_region_and_a_label_all_that_have_it() -> None:
    assert said("[left] a [face] b [hand] c", ANNA, BERT, HAND) == ["a", "b", "c"]
    assert said("[surest] a [face] b", ANNA, BERT, HAND) == ["b", "a", ""]
    assert said("[Right] a [CENTRE] b [center of it] c", ANNA, BERT, HAND) == ["", "b", "a"]


def test_what_is_said_of_all_stands_before_each_text_and_alone_of_the_others() -> None:
    assert said("[ALL] sharp, [left] a", ANNA, BERT) == ["sharp, a", "sharp,"]
    assert said("[left] a\n[ALL] sharp,\n[right]", ANNA, BERT) == ["sharp, a", "sharp,"]


def test_the_most_exact_key_wins_however_they_are_written() -> None:
    keys = "[face] label [left] place [box 10,10,50,60] box"
    assert said(keys, ANNA, BERT) == ["box", "label"]
    assert said("[box 10,10,50,60] box [left] place [face] label", ANNA, BERT) == ["box", "label"]
    assert said("[face] label [left] place", ANNA, BERT) == ["place", "label"]


def test_of_two_places_for_one_region_the_first_counts_and_the_other_goes_to_nobody() -> None:
    assert said("[left] a [largest] b", ANNA) == ["a"]
    assert said("[largest] b [left] a", ANNA, HAND) == ["b", ""]


def test_a_box_means_the_region_that_it_overlaps_most_and_none_that_it_does_not_meet() -> None:
    between = "[box 40,10,120,70] a"
    assert said(between, ANNA, BERT, HAND) == ["", "a", ""]
    assert said("[box 0,80,20,100] a", ANNA, BERT, HAND) == ["", "", ""]
    assert said("[box 0.05,0.1,0.25,0.6] a", ANNA, BERT) == ["a", ""]


def test_of_two_boxes_on_one_region_the_one_that_fits_better_counts() -> None:
    boxes = "[box 0,0,52,62] near [box 10,10,50,60] exact"
    assert said(boxes, ANNA) == ["exact"]


def test_skip_leaves_out_one_or_all_that_have_no_line() -> None:
    assert said("[left] [SKIP] [face] b", ANNA, BERT) == ["[SKIP]", "b"]
    assert said("[ALL] [SKIP] [right] b", ANNA, BERT) == ["[SKIP]", "b"]
    assert said("[ALL] sharp, [right] [SKIP]", ANNA, BERT) == ["sharp,", "[SKIP]"]


def test_an_empty_line_binds_and_says_nothing() -> None:
    assert said("[left] [face] b", ANNA, BERT) == ["", "b"]


@pytest.mark.parametrize(
    "text",
    [
        "(a:1.2) {b|c} __d__",
        "[a:b:0.5] [a|b]",
        r"\[word] and \[ and \]",
        "[PROMPT], a",
        "<lora:x:1>",
    ],
)
def test_the_words_of_a_line_are_kept(text: str) -> None:
    assert said(f"[left] {text} [right] z", ANNA, BERT) == [text, "z"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a [left] b", r"has 'a' before any key; write \[ALL\]"),
        ("[left] a [left] b", r"has \[left\] twice"),
        ("[centre] a [center] b", r"has \[center\] twice"),
        ("[face] a [Face] b", r"has \[Face\] twice"),
        ("[ALL] a [ALL] b", r"has \[ALL\] twice"),
        ("[left] a [right b", "a bracket that is not closed"),
        ("[left a [right] b", "not closed, or within each other"),
        ("[left] a] b", "not closed, or within"),
        ("[left] a [SEP] [right] b", r"\[SEP\] means nothing under \[WHO\]"),
        ("[left] a [SEP:5] [right] b", r"by \[key\], not by \[SEP\]"),
        ("[left] [STOP]", r"\[STOP\] means nothing"),
        ("[ASC] a", r"\[ASC\] means nothing"),
        ("[box 1,2] a", "is no box"),
    ],
)
def test_what_binds_to_nobody_is_refused(text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        Who.of(text)


@given(
    some.integers(0, 190), some.integers(75, 90), some.sampled_from(["face", "hand", "cat"]),
    some.integers(0, 3),
)  # fmt: skip
def test_one_more_detection_changes_nobodys_prompt(
    left: int, top: int, label: str, index: int
) -> None:
    text = "[ALL] x [box 10,10,50,60] a [box 0.4,0.2,0.6,0.7] b [hand] c"
    before = said(text, ANNA, BERT, HAND)
    regions = [ANNA, BERT, HAND]
    regions.insert(index, replace(ANNA, box=Box(left, top, left + 9, top + 9), label=label))
    after = said(text, *regions)
    del after[index]
    assert after == before == ["x a", "x b", "x c"]


def test_of_no_regions_nothing_is_said() -> None:
    assert said("[left] a [box 0,0,9,9] b") == []
