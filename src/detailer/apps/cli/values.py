"""Values: what is written on the command line, as numbers, lists and tables."""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable, Mapping
from typing import Any, Final

GROUPS: Final = "array of groups"
"""The kind of a list of groups of settings."""


def kind_of(schema: Mapping[str, Any]) -> str:
    """What a JSON schema wants: its type, and of a list what it is of."""
    kind = str(schema.get("type"))
    return f"array of {schema['items'].get('type', 'groups')}" if kind == "array" else kind


def _integer(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number") from None


def _integer_or_auto(text: str) -> int | str:
    if text.lower() == "auto":
        return "auto"
    try:
        return int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is neither a whole number nor auto") from None


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number") from None


def _truth(text: str) -> bool:
    if text.lower() in ("true", "on", "yes"):
        return True
    if text.lower() in ("false", "off", "no"):
        return False
    raise argparse.ArgumentTypeError(f"{text!r} is neither on nor off")


def _list(text: str) -> list[str]:
    return [word.strip() for word in text.split(",") if word.strip()]


def _numbers(text: str) -> list[float]:
    return [_number(word) for word in _list(text)]


def _table(text: str) -> dict[str, bool | int | float | str]:
    table = {}
    for part in re.split("[,;]", text):
        name, equals, value = part.partition("=")
        if not equals or not name.strip():
            raise argparse.ArgumentTypeError(f"{part.strip()!r} is not NAME=VALUE")
        table[name.strip()] = _plain(value.strip())
    return table


def _plain(text: str) -> bool | int | float | str:
    """A number or a truth where it reads as one, else the text."""
    for read in (int, float):
        try:
            return read(text)
        except ValueError:
            continue
    return text.lower() == "true" if text.lower() in ("true", "false") else text


KINDS: Final[Mapping[str, tuple[Callable[[str], Any], str]]] = {
    "boolean": (_truth, "on|off"),
    "integer": (_integer, "N"),
    "integer or auto": (_integer_or_auto, "N|auto"),
    "number": (_number, "N"),
    "string": (str, "TEXT"),
    "array of string": (_list, "A,B"),
    "array of number": (_numbers, "N,N"),
    "object": (_table, "NAME=VALUE,…"),
}
"""By kind: what reads a value, and how one is written."""
