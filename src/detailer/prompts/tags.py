"""Tags: the words in brackets that lead a prompt and say how it is shared out to regions."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Final, Literal, TypeAlias, get_args

from detailer.core.nearest import nearest
from detailer.errors import InputError

Mode: TypeAlias = Literal["ASC", "DSC", "ASC-SIZE", "DSC-SIZE", "RND", "LAB", "WHO"]
MODES: Final[tuple[Mode, ...]] = get_args(Mode)
SKIP, STOP, PROMPT = "[SKIP]", "[STOP]", "[PROMPT]"

_CONCAT = "[CONCAT]"
_KNOWN: Final = (*MODES, "CONCAT", "SEP", "SKIP", "STOP", "PROMPT", "ALL")
_LEADING = re.compile(r"\s*\[([A-Za-z][A-Za-z0-9-]+)(\]?)")
_SEPARATOR = re.compile(r"\[SEP(?!\]|:(?:\d+|R)\])[^\]\s]*\]?")
_CONTROL = re.compile(rf"\[(?:{'|'.join(MODES)}|CONCAT|SKIP|STOP|ALL)\]")


@dataclass(frozen=True)
class Tagged:
    """A prompt without the tags that lead it; `concat`: it comes after the picture's own."""

    text: str
    mode: Mode | None = None
    concat: bool = False


def tagged(text: str) -> Tagged:
    """A prompt parted from its tags: [CONCAT] first, if at all, then that of a mode.

    As in the nodes, only what stands at the very beginning is a tag.
    """
    concat = text.startswith(_CONCAT)
    text = text.removeprefix(_CONCAT)
    for mode in MODES:
        if text.startswith(f"[{mode}]"):
            return Tagged(text.removeprefix(f"[{mode}]"), mode, concat)
    return Tagged(text, None, concat)


def trimmed(text: str) -> Tagged:
    """The same where spaces and line ends before tags do not count.

    Raises:
        InputError: If a tag leads that is not known, or is not closed.
    """
    bare = text.strip()
    if bare.startswith(_CONCAT):
        bare = _CONCAT + bare.removeprefix(_CONCAT).lstrip()
    found = tagged(bare)
    check_leading(found.text)
    if not (found.mode or found.concat):
        return Tagged(text)
    return replace(found, text=found.text.strip())


def check_leading(text: str) -> None:
    """Refuse a text that begins with a tag nobody knows; `[word]` in small letters is no tag.

    Raises:
        InputError: With the tag that was meant, if one is like it.
    """
    match = _LEADING.match(text)
    if match is None:
        return
    name, closed = match[1], match[2]
    if name.upper() in _KNOWN and name != name.upper():
        raise InputError(f"[{name}] is no tag: tags are in capitals: [{name.upper()}]")
    if name in _KNOWN and not closed and not text.lstrip().startswith("[SEP:"):
        raise InputError(f"the prompt's [{name} is not closed; write [{name}]")
    if closed and name == name.upper() and name not in _KNOWN:
        hint = nearest(name, _KNOWN)
        raise InputError(f"[{name}] is no tag; {hint} (as a word of a prompt: \\[{name}])")


def check_separators(text: str) -> None:
    """Refuse a [SEP] that is not closed, or whose seed is neither a number nor R."""
    match = _SEPARATOR.search(text)
    if match:
        raise InputError(f"{match[0]} divides nothing; write [SEP], [SEP:123] or [SEP:R]")


def check_item(text: str) -> None:
    """Refuse tags in a region's own text, where they would be painted: there they mean nothing.

    Raises:
        InputError: For a tag that leads only whole prompts, and for [SKIP] and [STOP] beside
            words; what stands in braces is not looked at.
    """
    check_leading(text)
    match = None if "{" in text else _CONTROL.search(text)
    if match and text.strip() not in (SKIP, STOP):
        raise InputError(
            f"{match[0]} means nothing in {text.strip()!r}: [SKIP] and [STOP] stand alone between"
            " [SEP], and all other tags lead the whole prompt"
        )
