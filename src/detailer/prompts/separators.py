"""Separators: the [SEP] that divide a prompt into one for each region, and the seeds they give."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from detailer.errors import InputError

_SEPARATOR = re.compile(r"\[SEP(?::(\w+))?\]")
_RANDOM = "R"
_MOST_DIGITS = 20


@dataclass(frozen=True)
class Item:
    """One part of a divided prompt."""

    text: str
    seed: int | Literal["random"] | None = None
    """What the separator before it says: a seed, "random" for `R`, None for the region's own."""


def separated(text: str) -> tuple[Item, ...]:
    """The parts between separators, with their spaces; always at least one.

    `[SEP]` says no seed, `[SEP:123]` gives one to the part that follows it, `[SEP:R]` a random one.
    As in the Impact Pack, a word that is no number, as in `[SEP:x]`, says no seed, and what has
    anything but letters, digits and `_` after the colon is text and no separator.

    Raises:
        InputError: If a seed is 2^64 or more.
    """
    first, *rest = _SEPARATOR.split(text)
    pairs = zip(rest[::2], rest[1::2], strict=True)
    return (Item(first), *(Item(part, _seed(word)) for word, part in pairs))


def _seed(word: str | None) -> int | Literal["random"] | None:
    if word == _RANDOM:
        return "random"
    if word is None or not word.isdecimal():
        return None
    # Python refuses to read numbers of thousands of digits, with an error of its own.
    if len(word) > _MOST_DIGITS or int(word) >= 2**64:
        raise InputError(f"[SEP:{word}] has a seed of 2^64 or more; write one below")
    return int(word)
