"""Control: one control image or reference as it is written on the command line."""

from __future__ import annotations

import argparse
import re

from detailer.core.nearest import nearest
from detailer.core.paint import Control
from detailer.errors import InputError

_NEXT = re.compile(r",(?=\s*[A-Za-z_]+=)")
SHAPE = "MODEL,NAME=VALUE,…"
"""How one is written."""

NAMES = ", ".join(name for name in Control.model_fields if name != "model")
"""What may be said of it."""


def control(text: str) -> Control:
    """The control that a text describes: its model, then NAME=VALUE after commas.

    A comma that no NAME= follows belongs to the value before it, and colons have no meaning, so
    that every path can be written.

    Raises:
        InputError: If a name is not known, is given twice, or a value is out of range.
    """
    parts = _NEXT.split(text)
    values: dict[str, str] = {}
    for number, part in enumerate(parts):
        name, _, value = part.partition("=")
        name = name.strip()
        if number == 0 and name not in Control.model_fields:
            name, value = "model", part
        if name not in Control.model_fields:
            hint = nearest(name, Control.model_fields)
            raise InputError(f"--control {text}: unknown setting {name!r}; {hint}")
        if name in values:
            raise InputError(f"--control {text}: {name} is given twice")
        values[name] = value.strip()
    if not values.get("model"):
        raise InputError(f"--control {text}: no model is named; write --control MODEL,image=FILE")
    try:
        return Control(**values)
    except InputError as error:
        raise InputError(f"--control {text}: {error}") from error


def typed(text: str) -> Control:
    """The same for argparse, with the same words where it is wrong."""
    # argparse would replace the words of any other ValueError by its own.
    try:
        return control(text)
    except InputError as error:
        raise argparse.ArgumentTypeError(str(error)) from error
