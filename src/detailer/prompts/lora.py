"""Lora: the tags <lora:name:weight> in a prompt, and what they ask for."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field

from detailer.core.paint import Lora
from detailer.errors import InputError
from detailer.prompts.weights import is_number

__all__ = ["TAG", "Blocks", "Lora", "blocks", "parsed"]

TAG = re.compile(r"<(?:lora|lyco):(?=\s*[^<>:\s])([^<>:]+)((?::[^<>]*)?)>")
"""A tag: its name, and what follows the name from the first colon on."""

_PRESET = re.compile(r"\s*([A-Za-z][\w-]*)\s*")


def parsed(prompt: str, *, compatible: bool = False) -> tuple[str, tuple[Lora, ...]]:
    """The prompt without its tags, all else as it is, and what they ask for.

    A tag is `<lora:name>`, `<lora:name:weight>` or `<lora:name:weight:text weight>`, as in the
    Impact Pack, and `lyco` for `lora`. The weight is 1 if none is given, the text weight is the
    weight. The WebUI's `te=` and `unet=` set the two by name, and as there the one for the network
    is the one for the text where only `te=` is given. Weights by blocks, `:LBW=…` or `:lbw=…`,
    become `Lora.blocks`; `blocks` reads them. Of one name the first tag counts. `<lora:>` names
    none and stays text.

    Args:
        compatible: What is no number and every weight after the second is passed over, as in the
            Impact Pack, and only LBW= in capitals has a name.

    Raises:
        InputError: If a weight is no number, there are more than two, or a name is not known.
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
    # The name of a preset may come before numbers of its own, or before nothing but letters.
    preset, colon, rest = text.partition(":")
    named = _PRESET.fullmatch(preset) if colon else None
    for part in (rest if named else text).split(";"):
        name, equals, value = part.strip().partition("=")
        letter = name.strip().lower()
        if equals and letter in ("a", "b"):
            letters[letter] = _number(value, f"LBW={text}")
        elif name:
            weights = part.strip()
    return Blocks(weights or (named[1] if named else None), **letters)


@dataclass
class _Said:
    """What the words of a tag say after its name."""

    weights: list[float] = field(default_factory=list)
    named: dict[str, float] = field(default_factory=dict)
    blocks: str = ""


def _lora(tag: re.Match[str], compatible: bool) -> Lora:
    said = _compatible(tag) if compatible else _said(tag)
    if len(said.weights) > 2:
        raise InputError(f"{tag[0]} has {len(said.weights)} weights; it takes two at most")
    weight = said.weights[0] if said.weights else 1.0
    text = said.named.get("te", said.weights[1] if len(said.weights) > 1 else weight)
    if "te" in said.named and len(said.weights) < 2:
        weight = text
    return Lora(
        name=tag[1].strip(),
        weight=said.named.get("unet", weight),
        text_weight=text,
        blocks=said.blocks,
    )


def _said(tag: re.Match[str]) -> _Said:
    said, words = _Said(), [word for word in tag[2].split(":") if word.strip()]
    while words:
        word = words.pop(0)
        name, equals, value = word.partition("=")
        key = name.strip().lower()
        if not equals:
            said.weights.append(_number(word, tag[0]))
        elif key == "lbw":
            said.blocks = _by_blocks(value, words)
        elif key in ("a", "b") and said.blocks:
            said.blocks = f"{said.blocks.rstrip(';')};{word.strip()}"
        elif key in ("te", "unet"):
            said.named[key] = _number(value, tag[0])
        else:
            raise InputError(f"{tag[0]} has {name.strip()}=; known are te=, unet= and LBW=")
    return said


def _compatible(tag: re.Match[str]) -> _Said:
    said, words = _Said(), tag[2].split(":")
    while words:
        word = words.pop(0)
        if is_number(word):
            said.weights = [*said.weights, float(word)][:2]
        elif word.startswith("LBW="):
            said.blocks = _by_blocks(word.removeprefix("LBW="), words)
    return said


def _by_blocks(value: str, words: list[str]) -> str:
    """What LBW= says; a preset's name takes the word behind it too, if that is no weight."""
    goes_on = words and _PRESET.fullmatch(value) and not is_number(words[0].strip())
    named = re.match(r"\s*(te|unet|lbw)\s*=", words[0], re.IGNORECASE) if goes_on else None
    return f"{value}:{words.pop(0)}" if goes_on and not named else value


def _number(word: str, tag: str) -> float:
    try:
        number = float(word)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise InputError(f"{tag} has {word!r} for a weight, which is no number; write 0.8")
    return number
