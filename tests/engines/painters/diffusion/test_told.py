"""Told: what a prompt says by its syntax."""

from __future__ import annotations

import pytest

from detailer.core.paint import Paint
from detailer.engines.painters.diffusion.text.weights import Weighted, weighted
from detailer.engines.painters.diffusion.told import told

TEXTS = ("prompt", "negative", "refiner_prompt", "refiner_negative")


@pytest.mark.parametrize("name", TEXTS)
@pytest.mark.parametrize("syntax", ["auto", "nodes"])
def test_brackets_are_letters_as_in_comfyui(name: str, syntax: str) -> None:
    said = told(Paint(**{name: "(word:1.3) portrait, [x]", "prompt_syntax": syntax}))
    expected = (Weighted("word", 1.3), Weighted(" portrait, [x]"))
    assert weighted(getattr(said, name)) == expected


@pytest.mark.parametrize("name", TEXTS)
def test_brackets_weaken_in_what_comes_from_adetailer(name: str) -> None:
    said = told(Paint(**{name: "portrait, [x]", "prompt_syntax": "adetailer"}))
    expected = (Weighted("portrait, "), Weighted("x", pytest.approx(1 / 1.1)))
    assert weighted(getattr(said, name)) == expected


def test_a_backslash_before_a_bracket_is_a_letter_to_the_nodes_alone() -> None:
    assert weighted(told(Paint(prompt=r"\[x]")).prompt) == (Weighted("[x]"),)
    exact = told(Paint(prompt=r"\[x]", prompt_syntax="nodes"))
    assert weighted(exact.prompt) == (Weighted(r"\[x]"),)
