"""BREAK begins a new chunk, and is a space to those that have none."""

from __future__ import annotations

import pytest

from detailer.engines.painters.diffusion.text.breaks import parts, unbroken


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", [""]),
        ("a face", ["a face"]),
        (" a face ", [" a face "]),
        ("a BREAK b", ["a", "b"]),
        ("a\nBREAK\nb BREAK(c)", ["a", "b", "(c)"]),
        ("BREAK a BREAK BREAK b BREAK", ["a", "b"]),
        ("BREAK", [""]),
        ("a,BREAK,b", ["a,", ",b"]),
    ],
)
def test_a_text_is_divided_at_the_word(text: str, expected: list[str]) -> None:
    assert parts(text) == expected


@pytest.mark.parametrize("text", ["a BREAKFAST", "OUTBREAK", "break", "BREAK_1", "Break b"])
def test_other_words_divide_nothing(text: str) -> None:
    assert parts(text) == [text]
    assert unbroken(text) == text


def test_what_reads_a_text_as_a_whole_reads_a_space() -> None:
    assert unbroken("a,\nBREAK b BREAK") == "a, b"
    assert unbroken(" a  b ") == " a  b "
