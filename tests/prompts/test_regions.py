"""A prompt and its negative are shared out by the syntax that they are written in."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from detailer.core.geometry import Box, Size
from detailer.core.paint import Paint
from detailer.core.region import Region
from detailer.core.regions import Regions
from detailer.errors import InputError
from detailer.prompts.regions import Prompts, Share

SIZE = Size(100, 100)
BOXES = (Box(60, 5, 90, 45), Box(10, 50, 20, 60), Box(10, 20, 50, 40))
FOUND = Regions(SIZE, tuple(Region.from_box(box, label="face") for box in BOXES))


def shares(prompt: str = "", negative: str = "", **settings: Any) -> list[Share]:
    prompts = Prompts.of(Paint(prompt=prompt, negative=negative, **settings))
    return prompts.shares(prompts.ordered(FOUND))


def said(prompt: str = "", negative: str = "", **settings: Any) -> list[str]:
    shared = shares(prompt, negative, **settings)
    return [f"{each.prompt}/{each.negative}" for each in shared]


@pytest.mark.parametrize(
    ("tag", "order"), [("ASC", [2, 1, 0]), ("DSC", [0, 1, 2]), ("ASC-SIZE", [1, 2, 0]),
                       ("DSC-SIZE", [0, 2, 1]), ("RND", [0, 1, 2]), ("LAB", [0, 1, 2])],
)  # fmt: skip
def test_a_tag_puts_regions_in_order(tag: str, order: list[int]) -> None:
    ordered = Prompts.of(Paint(prompt=f"[{tag}]")).ordered(FOUND)
    assert [BOXES.index(region.box) for region in ordered] == order


@given(some.sampled_from(["ASC", "DSC", "ASC-SIZE", "DSC-SIZE"]), some.integers(0, 5))
def test_regions_that_are_equal_keep_their_order(tag: str, count: int) -> None:
    alike = [Region.from_box(BOXES[0], label=str(number)) for number in range(count)]
    ordered = Prompts.of(Paint(prompt=f"[{tag}]")).ordered(Regions(SIZE, tuple(alike)))
    assert [region.label for region in ordered] == [region.label for region in alike]


def test_syntax_auto_goes_by_what_stands_there() -> None:
    assert said("[DSC]a[SEP]b") == ["a/", "b/", "a/"]
    assert said("a[SEP]b") == ["a/", "b/", "b/"]
    assert said("a [word] b") == ["a [word] b/"] * 3


def test_the_nodes_divide_only_after_a_tag_and_keep_all_spaces() -> None:
    assert said("a[SEP]b", prompt_syntax="nodes") == ["a[SEP]b/"] * 3
    assert said(" [DSC]a[SEP]b", prompt_syntax="nodes") == [" [DSC]a[SEP]b/"] * 3
    assert said("[DSC]a [SEP] b", prompt_syntax="nodes") == ["a /", " b/", "a /"]
    assert said("[XYZ]a", prompt_syntax="nodes") == ["[XYZ]a/"] * 3


def test_adetailer_trims_and_goes_on_with_the_last_of_each() -> None:
    texts = said(" a \n[SEP]\n b[SEP]", "x [SEP] y", prompt_syntax="adetailer")
    assert texts == ["a/x", "b/y", "/y"]


def test_tags_of_the_nodes_are_refused_as_adetailers() -> None:
    for text, tag in (("[ASC]a[SEP]b", "ASC"), ("[CONCAT]a", "CONCAT")):
        with pytest.raises(InputError, match=rf"\[{tag}\] is no tag of ADetailer"):
            said(text, prompt_syntax="adetailer")


def test_a_negative_without_a_tag_goes_with_the_prompt() -> None:
    assert said("[DSC]a[SEP]b", "x[SEP]y") == ["a/x", "b/y", "a/x"]
    assert said("[DSC]a[SEP]b", "x") == ["a/x", "b/x", "a/x"]
    assert said("a[SEP]b", "[DSC]x[SEP]y") == ["a/x", "b/y", "a/x"]
    assert said("[LAB][face] a", "x[SEP]y") == ["a/x", "a/y", "a/y"]


def test_shuffled_pairs_stay_pairs() -> None:
    for seed in range(5):
        pairs = said("[RND]a[SEP]b[SEP]c", "x[SEP]y[SEP]z", seed=seed)
        assert sorted(pairs) == ["a/x", "b/y", "c/z"]


def test_a_negative_may_have_a_mode_of_its_own() -> None:
    texts = said("[DSC]a[SEP]b", "[WHO][ALL] x, [smallest] y")
    assert texts == ["a/x,", "b/x, y", "a/x,"]
    assert said("[WHO][left] a", "[LAB][face] x") == ["/x", "a/x", "/x"]


def test_the_separator_gives_the_region_after_it_a_seed() -> None:
    seeds = [share.seed for share in shares("[DSC]a[SEP:12]b[SEP:R]c", "x[SEP]y")]
    assert seeds == [None, 12, "random"]


def test_concat_is_each_texts_own() -> None:
    prompts = Prompts.of(Paint(prompt="[CONCAT] [ASC]a", negative="b"))
    assert (prompts.concat, prompts.negative_concat, prompts.order) == (True, False, "ASC")
    assert Prompts.of(Paint(negative="[CONCAT]b")).negative_concat


@pytest.mark.parametrize(
    ("prompt", "negative", "message"),
    [
        ("[ASC]a", "[DSC]b", r"prompt wants \[ASC\] and negative \[DSC\]"),
        ("a", "[SKIP]", r"\[SKIP\] stands in the negative"),
        ("a", "[WHO][left][SKIP]", r"\[SKIP\] stands in the negative"),
        ("a", "x[SEP:5]y", "the negative gives a seed"),
        ("a", "x[SEP:0]y", "the negative gives a seed"),
        ("a[SEP", "", "divides nothing"),
        ("a[SEP]b [SKIP]", "", "stand alone"),
        ("[LAB][face][SKIP]", "", r"write \[WHO\]"),
        ("[WHO]a", "", "before any key"),
        ("[ASCX]a", "", "did you mean ASC"),
        ("a", "[ASCX]b", "did you mean ASC"),
        ("a[SEP][SKPI]", "", "did you mean SKIP"),
    ],
)
def test_what_cannot_be_shared_out_is_refused(prompt: str, negative: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        Prompts.of(Paint(prompt=prompt, negative=negative))


@given(some.text(alphabet="ab [](){}:|_.\n", max_size=30), some.integers(0, 4))
def test_a_text_without_capitals_is_everybodys_as_it_stands(text: str, count: int) -> None:
    prompts = Prompts.of(Paint(prompt=text, negative=text))
    items = FOUND.holding([FOUND[0]] * count)
    assert prompts.shares(items) == [Share(text, text)] * count
    assert prompts.common == Share(text, text)


@pytest.mark.parametrize(
    ("prompt", "negative"), [("a[SEP]b", ""), ("", "a[SEP]b"), ("[LAB][face]a", ""),
                             ("", "[WHO][left]a"), ("[RND]a", "")],
)  # fmt: skip
def test_what_may_differ_has_nothing_in_common(prompt: str, negative: str) -> None:
    assert Prompts.of(Paint(prompt=prompt, negative=negative)).common is None


def test_spaces_around_a_label_count_to_the_letter_of_the_nodes_alone() -> None:
    items = (Region.from_box(Box(0, 0, 8, 8), label="left hand"),)
    regions = Regions(Size(9, 9), items)
    for syntax, expected in (("auto", "a"), ("nodes", "")):
        prompts = Prompts.of(Paint(prompt="[LAB][ left hand ] a", prompt_syntax=syntax))
        assert [share.prompt for share in prompts.shares(regions)] == [expected]
