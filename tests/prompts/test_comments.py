"""Comments: lines that begin with # go, the rest stays."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detailer.prompts.comments import uncommented


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("a\n\nb", "a\n\nb"),
        ("a # b", "a # b"),
        ("# a", ""),
        ("a\n# b", "a"),
        ("# a\nb", "b"),
        ("a\n  # b\n\t# c\nd\ne", "a d\ne"),
        ("# a\nb\nc\nd", "b c\nd"),
    ],
)
def test_a_text_without_its_comments_is_this(text: str, kept: str) -> None:
    assert uncommented(text) == kept


@given(st.text().filter(lambda text: "#" not in text))
def test_a_text_without_comments_stays_as_it_is(text: str) -> None:
    assert uncommented(text) == text
