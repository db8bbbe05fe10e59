"""Tokens: the words of a weighted prompt in a tokenizer's vocabulary."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, TypeAlias

from torch import Tensor

from detailer.engines.painters.diffusion.text.chunks import Token
from detailer.engines.painters.diffusion.text.weights import Weighted
from detailer.errors import InputError

Find: TypeAlias = Callable[[str], Tensor]
"""From an embedding's name to its vectors (n, width); InputError where there is none."""

_EMBEDDING = re.compile(r"(?:\A|[ \n])embedding:")


def tokenized(stretch: Weighted, tokenizer: Any, find: Find) -> list[list[Token]]:
    """The tokens of a stretch of text in words that belong together.

    A word here is what stands between two embeddings or the stretch's ends, as in ComfyUI.
    Raises InputError for an embedding that is not there.
    """
    text, *mentions = _EMBEDDING.split(stretch.text)
    words = [_spelled(text, stretch.weight, tokenizer)]
    for mention in mentions:
        name, rest = _named(mention)
        words.append([Token(0, stretch.weight, vector) for vector in find(name)])
        words.append(_spelled(rest, stretch.weight, tokenizer))
    return [word for word in words if word]


def mentioned(text: str) -> list[str]:
    """The names of the embeddings in a text."""
    return [_named(each)[0] for each in _EMBEDDING.split(text)[1:]]


def refuse(name: str) -> Tensor:
    """Finds no embedding: for when no folder of them was given."""
    raise InputError(f"embedding:{name} cannot be read: give its folder: --embeddings FOLDER")


def _spelled(text: str, weight: float, tokenizer: Any) -> list[Token]:
    if not text:
        return []
    numbers = tokenizer(text, add_special_tokens=False, verbose=False)["input_ids"]
    return [Token(number, weight) for number in numbers]


def _named(mention: str) -> tuple[str, str]:
    """The embedding's name, which ends at a space or its commas, and the text after it."""
    first, *rest = mention.split() or [""]
    name = first.rstrip(",")
    return name, " ".join([first[len(name) :], *rest]).strip()
