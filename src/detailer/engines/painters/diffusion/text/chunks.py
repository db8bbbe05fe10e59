"""Chunks: tokens cut into the lengths that a CLIP text encoder reads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

from torch import Tensor

_LONG_WORD = 8


@dataclass(frozen=True, eq=False)
class Token:
    """A token's place in the vocabulary and its weight; or a vector that stands in its place."""

    id: int
    weight: float = 1.0
    vector: Tensor | None = None
    """(width,), of a textual inversion; the id is then only a place holder."""


Chunk: TypeAlias = tuple[Token, ...]


@dataclass(frozen=True)
class Marks:
    """The tokens around a text: its beginning, its end, what fills the rest; and how long it is."""

    begin: int
    end: int
    pad: int
    length: int = 77


def chunked(words: Sequence[Sequence[Token]], marks: Marks) -> tuple[Chunk, ...]:
    """Chunks of marks.length tokens, at least one; a word stays whole if it has under 8 tokens.

    A word that does not fit moves to the next chunk, as in ComfyUI; from 8 tokens on it is cut
    where the chunk is full.
    """
    room = marks.length - 2
    bodies: list[list[Token]] = [[]]
    for word in words:
        rest = list(word)
        is_long = len(rest) >= _LONG_WORD
        while len(rest) > room - len(bodies[-1]):
            free = room - len(bodies[-1]) if is_long else 0
            bodies[-1] += rest[:free]
            rest = rest[free:]
            bodies.append([])
        bodies[-1] += rest
    return tuple(_framed(body, marks) for body in bodies)


def empty(marks: Marks) -> Chunk:
    """The chunk of a text that says nothing, which weights are measured from."""
    return _framed([], marks)


def _framed(body: list[Token], marks: Marks) -> Chunk:
    framed = [Token(marks.begin), *body, Token(marks.end)]
    return (*framed, *[Token(marks.pad)] * (marks.length - len(framed)))
