"""[SEP]: parts of a prompt with the seeds that stand before them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detailer.errors import InputError
from detailer.prompts.separators import Item, separated


@pytest.mark.parametrize(
    ("text", "items"),
    [
        ("", [Item("")]),
        (" a [SEP]b", [Item(" a "), Item("b")]),
        ("[SEP:7]a[SEP:R]b", [Item(""), Item("a", 7), Item("b", "random")]),
        ("a[SEP:r]b[SEP:x1]c", [Item("a"), Item("b"), Item("c")]),
        ("a[sep]b[SEP:]c[SEP: 1]d[SEP:-1]e", [Item("a[sep]b[SEP:]c[SEP: 1]d[SEP:-1]e")]),
        (f"a[SEP:{2**64 - 1}]b", [Item("a"), Item("b", 2**64 - 1)]),
    ],
)
def test_a_text_is_parted_at_its_separators(text: str, items: list[Item]) -> None:
    assert list(separated(text)) == items


@pytest.mark.parametrize("seed", [str(2**64), "9" * 5000], ids=["a little", "far"])
def test_a_seed_that_is_too_large_is_refused(seed: str) -> None:
    with pytest.raises(InputError, match=r"has a seed of 2\^64 or more; write one below"):
        separated(f"a[SEP:{seed}]b")


@given(st.lists(st.text("ab [];:1"), min_size=1))
def test_joining_the_parts_again_gives_the_text(parts: list[str]) -> None:
    text = "[SEP]".join(parts)
    assert "[SEP]".join(item.text for item in separated(text)) == text
