"""Chunks: long prompts in the lengths that an encoder reads."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as some

from detailer.engines.painters.diffusion.text.chunks import Chunk, Marks, Token, chunked, empty

MARKS = Marks(begin=900, end=901, pad=902)
ROOM = 75


def word(first: int, count: int, weight: float = 1.0) -> list[Token]:
    return [Token(first + place, weight) for place in range(count)]


def ids(chunk: Chunk) -> list[int]:
    return [token.id for token in chunk]


def said(chunks: Sequence[Chunk]) -> list[int]:
    return [token.id for chunk in chunks for token in chunk if token.id < 900]


def test_an_empty_prompt_is_one_chunk_of_padding() -> None:
    (chunk,) = chunked([], MARKS)
    assert ids(chunk) == ids(empty(MARKS)) == [900, 901] + [902] * 75


def test_75_tokens_fill_a_chunk() -> None:
    (chunk,) = chunked([word(0, ROOM)], MARKS)
    assert ids(chunk) == [900, *range(ROOM), 901]


def test_a_long_word_is_cut_where_the_chunk_is_full() -> None:
    first, second = chunked([word(0, 70), word(100, 8)], MARKS)
    assert ids(first) == [900, *range(70), *range(100, 105), 901]
    assert ids(second) == [900, *range(105, 108), 901] + [902] * 72


def test_a_short_word_that_does_not_fit_goes_to_the_next_chunk() -> None:
    first, second = chunked([word(0, 70), word(100, 7)], MARKS)
    assert ids(first) == [900, *range(70), 901] + [902] * 5
    assert ids(second) == [900, *range(100, 107), 901] + [902] * 68


def test_a_word_after_a_full_chunk_begins_the_next() -> None:
    for count in (3, 30):
        first, second = chunked([word(0, ROOM), word(100, count)], MARKS)
        assert ids(first) == [900, *range(ROOM), 901]
        assert ids(second)[1 : count + 1] == list(range(100, 100 + count))


def test_padding_and_marks_have_no_weight() -> None:
    (chunk,) = chunked([word(0, 3, 1.4)], MARKS)
    assert [token.weight for token in chunk] == [1.0] + [1.4] * 3 + [1.0] * 73


@given(some.lists(some.integers(0, 200), max_size=20))
def test_every_token_stands_in_a_chunk_once_and_in_order(lengths: list[int]) -> None:
    numbers = iter(range(10**6))
    words = [[Token(next(numbers) % 900) for _ in range(length)] for length in lengths]
    chunks = chunked(words, MARKS)
    assert said(chunks) == [token.id for each in words for token in each]
    assert {len(chunk) for chunk in chunks} == {77}
    assert all(chunk[0].id == 900 for chunk in chunks)
    assert all(901 in ids(chunk) for chunk in chunks)
