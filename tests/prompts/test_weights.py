"""Weights before alternatives."""

from __future__ import annotations

import pytest

from detailer.prompts.weights import Weighed, is_number


@pytest.mark.parametrize("text", ["0", "1.", "-.5", "007", "1.5"])
def test_this_is_a_number(text: str) -> None:
    assert is_number(text)


@pytest.mark.parametrize("text", ["", ".", "-", "1.2.3", "1e3", " 1", "1\n", "+1", "١", "inf"])
def test_this_is_no_number(text: str) -> None:
    assert not is_number(text)


@pytest.mark.parametrize(
    ("text", "weighed"),
    [
        (" 2.5 :: a ", Weighed(" a ", 2.5)),
        ("2::3::a", Weighed("3::a", 2)),
        ("a:1.2", Weighed("a:1.2")),
        ("x::a", Weighed("x::a")),
        ("::a", Weighed("::a")),
        ("...::a", Weighed("...::a")),
        ("1a::b", Weighed("1a::b")),
    ],
)
def test_an_alternative_is_parted_into_weight_and_text(text: str, weighed: Weighed) -> None:
    assert Weighed.parsed(text) == weighed
