"""Prompts by label, as the nodes read [LAB]."""

from __future__ import annotations

import pytest

from detailer.core.geometry import Box, Size
from detailer.core.region import Region
from detailer.core.regions import Regions
from detailer.errors import InputError
from detailer.prompts.labels import ByLabel, check_labels


def said(text: str, *labels: str) -> list[str]:
    items = tuple(Region.from_box(Box(0, 0, 8, 8), label=label) for label in labels)
    return [item.text for item in ByLabel.of(text).shared(Regions(Size(9, 9), items))]


def test_a_label_has_its_text_after_that_of_all() -> None:
    text = "\n[ALL] sharp, \n[face] smiling\n[left hand.1]five fingers"
    assert said(text, "face", "left hand.1", "eye") == [
        "sharp,smiling", "sharp,five fingers", "sharp,",
    ]  # fmt: skip


def test_of_two_texts_for_a_label_the_second_counts_and_capitals_do() -> None:
    assert said("[face]a[face]b", "face", "Face") == ["b", ""]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[face] [SKIP]", r"takes \[SKIP\] for a label; write \[WHO\]"),
        ("[STOP][face] a", r"takes \[STOP\] for a label"),
        ("smile [face] a", "has no label for 'smile'"),
        ("[face] a [c:0.5] b", "has no label for '.c:0.5"),
        ("[left-eye] a", "has no label for '.left-eye"),
        ("[face a", "has no label for '.face a'"),
    ],
)
def test_what_the_nodes_lose_in_silence_is_refused(text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        check_labels(text)


@pytest.mark.parametrize("text", ["", "\n", "[face]a", "[face][hand] b", "[face] (a:1.2)\n[eye] "])
def test_what_the_nodes_keep_is_not(text: str) -> None:
    check_labels(text)
