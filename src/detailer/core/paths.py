"""Paths: texts that a person typed, as places that the system can be asked about."""

from __future__ import annotations

import errno
import os
from pathlib import Path

from detailer.errors import InputError

_SHOWN = 120
_HEAD, _TAIL = 80, 30
# Nothing there is no refusal: it may be a place to write to, or a name of something else.
_ABSENT = (errno.ENOENT, errno.ENOTDIR)


def local_path(path: str | Path, what: str = "") -> Path:
    """The place that is meant, be anything there or not: `~` is a person's home.

    Args:
        path: What was typed.
        what: What it is to be, for the message.

    Raises:
        InputError: If the system cannot so much as look there: a name is too long, holds a null
            character or half of one, a folder must not be searched, links lead in circles.
    """
    if reason := refusal(path):
        raise InputError(f"{what} {shown(path)} cannot be a file's name: {reason}".lstrip())
    return Path(path).expanduser()


def refusal(path: str | Path) -> str:
    """Why the system does not look at a place; empty if it does, be anything there or not."""
    try:
        Path(path).expanduser().stat()
    except OSError as error:
        return "" if error.errno in _ABSENT else str(error.strerror or error)
    except (ValueError, RuntimeError) as error:
        # A null character, half of a surrogate pair; ~ of somebody who is not known here.
        return str(error)
    return ""


def is_there(path: str | Path) -> bool:
    """Whether anything is at a place; nothing is where the system cannot look."""
    try:
        Path(path).expanduser().stat()
    except (OSError, ValueError, RuntimeError):
        return False
    return True


def too_long(path: Path) -> str:
    """The first name in a path that is longer than its file system allows; empty if none is.

    Asked of what is not there yet, too, which the system itself only says on writing.
    """
    path = path.absolute()
    there = next((each for each in path.parents if is_there(each)), path)
    longest = os.pathconf(there, "PC_NAME_MAX") if hasattr(os, "pathconf") else 255
    names = path.relative_to(there).parts
    return next((name for name in names if len(os.fsencode(name)) > longest), "")


def shown(path: str | Path) -> str:
    """A path for a message: in full, or its ends where it is longer than any sentence."""
    text = str(path)
    if len(text) <= _SHOWN:
        return text
    return f"{text[:_HEAD]}…{text[-_TAIL:]} ({len(text)} characters)"
