"""Prompts one after the other, and what comes when there are none left."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as some

from detailer.core.geometry import Box, Size
from detailer.core.region import Region
from detailer.core.regions import Regions
from detailer.prompts.separators import Item, separated
from detailer.prompts.turns import InTurn, Shuffled

FACE = Region.from_box(Box(0, 0, 8, 8), label="face")
COUNTS = some.integers(0, 9)


def faces(count: int) -> Regions:
    return Regions(Size(64, 64), (FACE,) * count)


def texts(items: list[Item]) -> str:
    return "".join(item.text for item in items)


@given(COUNTS)
def test_the_nodes_start_over_and_adetailer_goes_on_with_the_last(count: int) -> None:
    items = separated("a[SEP]b[SEP]c")
    assert texts(InTurn(items, wraps=True).shared(faces(count))) == "abcabcabc"[:count]
    assert texts(InTurn(items, wraps=False).shared(faces(count))) == "abccccccc"[:count]


def test_a_seed_comes_around_with_its_prompt() -> None:
    shared = InTurn(separated("a[SEP:7]b"), wraps=True).shared(faces(4))
    assert [item.seed for item in shared] == [None, 7, None, 7]


@given(some.integers(0, 2**64 - 1), COUNTS)
def test_shuffled_prompts_are_all_given_out_before_one_comes_again(seed: int, count: int) -> None:
    shuffled = Shuffled(separated("a[SEP]b[SEP]c"), seed)
    said = texts(shuffled.shared(faces(count)))
    assert said == texts(shuffled.shared(faces(count)))
    for start in range(0, count, 3):
        assert max(Counter(said[start : start + 3]).values()) == 1


def test_another_seed_is_another_order() -> None:
    items = separated("a[SEP]b[SEP]c[SEP]d")
    orders = {texts(Shuffled(items, seed).shared(faces(4))) for seed in range(20)}
    assert len(orders) > 5
