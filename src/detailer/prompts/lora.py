"""Lora: the tags <lora:name:weight> in a prompt, and what they ask for."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

from detailer.core.paint import Lora
from detailer.errors import InputError
from detailer.prompts.weights import is_number

__all__ = ["TAG", "Blocks", "Lora", "blocks", "parsed"]

TAG = re.compile(r"<(?:lora|lyco):(?=\s*[^<>:\s])([^<>:]+)((?::[^<>]*)?)>")
"""A tag: its name, and what follows the name from the first colon on."""

# Weights by blocks may begin with a name and a colon, and end before a weight: LBW=B1:0,1;A=4;:0.5
_BLOCKS = re.compile(r":LBW=((?:[A-Za-z][\w-]*:)?[^:]*)")
_PRESET = re.compile(r"[A-Za-z][\w-]*:")


def parsed(prompt: str, *, compatible: bool = False) -> tuple[str, tuple[Lora, ...]]:
    """The prompt without its tags, all else as it is, and what they ask for.

    A tag is `<lora:name>`, `<lora:name:weight>` or `<lora:name:weight:text weight>`, as in the
    Impact Pack, and `lyco` for `lora`. The weight is 1 if none is given, the text weight is the
    weight. Weights by blocks, `:LBW=…`, become `Lora.blocks`; `blocks` reads them. Of one name the
    first tag counts. `<lora:>` names none and stays text.

    Args:
        compatible: What is no number and every weight after the second is passed over, as there.

    Raises:
        InputError: If a weight is no number, or there are more than two.
    """
    loras: dict[str, Lora] = {}
    for tag in TAG.finditer(prompt):
        lora = _lora(tag, compatible)
        loras.setdefault(lora.name, lora)
    return TAG.sub("", prompt), tuple(loras.values())


@dataclass(frozen=True)
class Blocks:
    """Weights by blocks, as LBW= says them."""

    weights: str | None
    """Numbers and letters with commas, or the name of a preset; None if there are none."""
    a: float | None = None
    """What the letter A stands for in them."""
    b: float | None = None
    """What the letter B stands for in them."""


def blocks(text: str) -> Blocks:
    """What `Lora.blocks` says: the weights, without the name before them, and A= and B=.

    Raises:
        InputError: If A= or B= is no number.
    """
    weights, letters = None, {}
    for part in text.split(";"):
        name, equals, value = part.strip().partition("=")
        if equals and name in ("A", "B"):
            letters[name.lower()] = _number(value, f"LBW={text}")
        elif name:
            weights = _PRESET.sub("", part.strip(), count=1)
    return Blocks(weights, **letters)


def _lora(tag: re.Match[str], compatible: bool) -> Lora:
    rest = _BLOCKS.sub("", tag[2])
    words = [word for word in rest.split(":") if word.strip()]
    weights = _weights(words) if compatible else [_number(word, tag[0]) for word in words]
    if len(weights) > 2:
        raise InputError(f"{tag[0]} has {len(weights)} weights; it takes two at most")
    by_blocks = _BLOCKS.search(tag[2])
    weight = weights[0] if weights else 1.0
    return Lora(
        name=tag[1].strip(),
        weight=weight,
        text_weight=weights[1] if len(weights) > 1 else weight,
        blocks=by_blocks[1] if by_blocks else "",
    )


def _weights(words: list[str]) -> list[float]:
    numbers = [float(word) for word in words if is_number(word)]
    return numbers[:2]


def _number(word: str, tag: str) -> float:
    try:
        number = float(word)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise InputError(f"{tag} has {word!r} for a weight, which is no number; write 0.8")
    return number
