"""Weights: a prompt taken apart at its (parentheses:1.2), as ComfyUI reads them, and [brackets]."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass

from detailer.engines.painters.diffusion.text.brackets import CLOSE, OPEN, marked, unescaped
from detailer.engines.painters.diffusion.text.breaks import unbroken
from detailer.errors import InputError

_STRONGER = 1.1
_STRONGEST = 10_000  # beyond it, half precision has no numbers for what comes out
# Noncharacters, which Unicode leaves to a program's own use: escaped parentheses meanwhile.
_GUARD = str.maketrans("()", "\ufdd0\ufdd1")
_UNGUARD = str.maketrans(f"\ufdd0\ufdd1{OPEN}{CLOSE}", "()[]")
_ESCAPED = re.compile(r"\\([()])")
_PAIRS = ("()", OPEN + CLOSE)


@dataclass(frozen=True)
class Weighted:
    """A stretch of text and how much it counts; 1 is as it is."""

    text: str
    weight: float = 1.0


def weighted(text: str) -> tuple[Weighted, ...]:
    """The stretches of a prompt between its parentheses, in order; of an empty one, none.

    `(word)` is 1.1 times what is around it, `(word:1.3)` is 1.3 whatever is around it, `[word]` is
    what is around it divided by 1.1, as in the WebUI, and `\\(` is a parenthesis. One that is
    never closed, or closes nothing, is a letter like any other, and so is what stands behind a
    colon and is not a number.

    Raises InputError for a weight beyond ±10000, which a hundred parentheses reach.
    """
    found: list[Weighted] = []
    inside = [(_pieces(marked(_ESCAPED.sub(_guarded, text))), 1.0)]
    while inside:
        pieces, weight = inside[-1]
        piece = next(pieces, None)
        if piece is None:
            inside.pop()
        elif len(piece) > 1 and piece[0] + piece[-1] in _PAIRS:
            inner = _group(piece[1:-1], weight, piece[0])
            inside.append((_pieces(inner.text), inner.weight))
        else:
            found.append(Weighted(unescaped(piece.translate(_UNGUARD)), weight))
    return tuple(found)


def plain(text: str) -> str:
    """A prompt for language models, which take no weights: parentheses stay, escapes go.

    So does BREAK, as they read a text as a whole.

    ComfyUI does the same for Qwen-Image and Z-Image: it switches weights off and reads the prompt
    as it stands.
    """
    return unescaped(_ESCAPED.sub(r"\1", unbroken(text)))


def _guarded(match: re.Match[str]) -> str:
    return match[1].translate(_GUARD)


def _pieces(text: str) -> Iterator[str]:
    """What stands between outermost parentheses, and those with what they hold."""
    start, depth = 0, 0
    for place, letter in enumerate(text):
        if letter in ("(", OPEN):
            if depth == 0 and place > start:
                yield text[start:place]
            if depth == 0:
                start = place
            depth += 1
        elif letter in (")", CLOSE):
            depth -= 1
            if depth == 0:
                yield text[start : place + 1]
                start = place + 1
    if start < len(text):
        yield text[start:]


def _group(text: str, around: float, opened: str) -> Weighted:
    """What a pair of parentheses or brackets holds, and its weight."""
    if opened == OPEN:
        return Weighted(text, around / _STRONGER)
    before, colon, number = text.rpartition(":")
    own = _number(number) if colon and before else None
    inner = Weighted(text, around * _STRONGER) if own is None else Weighted(before, own)
    if abs(inner.weight) > _STRONGEST:
        raise InputError(f"a weight of {inner.weight:g} is out of range: it must be within ±10000")
    return inner


def _number(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) else None
