"""Infotext: what A1111 writes into a picture about how it was made, as values by their names."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

PROMPT, NEGATIVE = "Prompt", "Negative prompt"
"""The names of the two that stand before all others, without a name in the text."""

_FIRST = re.compile(r"^[ \t]*Steps:[ \t]*\d+[ \t]*(?:,|$)", re.MULTILINE)
_NEGATIVE = re.compile(rf"^[ \t]*{NEGATIVE}:", re.MULTILINE)
_BETWEEN = re.compile(r"[\s,]*+")
_NAME = re.compile(r"([A-Za-z][^:,\"{}\[\]\n]{0,99}):[ \t]*")
_QUOTED = re.compile(r'"(?:\\.|[^"\\])*+"', re.DOTALL)
_ESCAPED = re.compile(r"\\([\"\\])")
_END = re.compile(r"[ \t]*(?:[,\n]|\Z)")
_SEPARATOR = re.compile(r"[,\n]|\Z")
# As many as A1111 asks for before it takes a last line for parameters.
_FEWEST = 3


def parsed(text: str) -> dict[str, str]:
    """The values of an infotext by their names; "Prompt" and "Negative prompt" are always there.

    The prompt comes first, then `Negative prompt: …`, then `Steps: 20, Sampler: …` to the end. A
    value with commas, colons or line breaks is in quotes; older versions wrote the breaks as they
    are. What has no name is left out, and of a name that comes twice the last counts: whatever
    text is given, there is an answer.
    """
    head, values = _divided(text.replace("\r\n", "\n").strip())
    negative = _NEGATIVE.search(head)
    prompt = head[: negative.start()] if negative else head
    rest = head[negative.end() :] if negative else ""
    return {PROMPT: prompt.strip(), NEGATIVE: rest.strip()} | values


def _divided(text: str) -> tuple[str, dict[str, str]]:
    """The prompts, and the values after them."""
    lines = list(_FIRST.finditer(text))
    if lines:
        # A prompt may hold such a line too.
        start = lines[-1].start()
        return text[:start], dict(_pairs(text[start:]))
    head, _, last = text.rpartition("\n")
    values = dict(_pairs(last))
    return (head, values) if len(values) >= _FEWEST else (text, {})


def _pairs(text: str) -> Iterator[tuple[str, str]]:
    at = 0
    while (at := _skipped(text, at)) < len(text):
        name = _NAME.match(text, at)
        if name is None:
            at = _after(text, at)
            continue
        value, at = _value(text, name.end())
        yield name[1].strip(), value


def _skipped(text: str, at: int) -> int:
    found = _BETWEEN.match(text, at)
    return found.end() if found else at


def _value(text: str, at: int) -> tuple[str, int]:
    """The value that begins there, and where the next pair may begin."""
    quoted = _QUOTED.match(text, at)
    if quoted is not None and _END.match(text, quoted.end()):
        return _unquoted(quoted[0]), _after(text, quoted.end())
    end = _enclosed(text, at) or _end(text, at)
    return text[at:end].strip(), _after(text, end)


def _enclosed(text: str, at: int) -> int:
    """Where a value in JSON's braces ends, as newer hashes are written; 0 where none begins."""
    if text[at : at + 1] != "{":
        return 0
    try:
        _, end = json.JSONDecoder().raw_decode(text, at)
    except (ValueError, RecursionError):
        return 0
    return end if _END.match(text, end) else 0


def _unquoted(text: str) -> str:
    try:
        return str(json.loads(text, strict=False))
    except ValueError:
        # Before it wrote JSON, A1111 escaped quotes and backslashes only.
        return _ESCAPED.sub(r"\1", text[1:-1])


def _end(text: str, at: int) -> int:
    found = _SEPARATOR.search(text, at)
    return found.start() if found else len(text)


def _after(text: str, at: int) -> int:
    return _end(text, at) + 1
