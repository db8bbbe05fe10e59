"""Checks of what an engine is told, with messages that name value and remedy."""

from __future__ import annotations

from detailer.errors import InputError


def check_share(name: str, value: float) -> float:
    """The value, if it is from 0 to 1."""
    if not 0 <= value <= 1:
        raise InputError(f"{name}={value} is outside 0 to 1")
    return value


def check_length(name: str, value: int, least: int = 32) -> int:
    """The value, if it is a length in whole pixels of at least so many."""
    if not isinstance(value, int) or value < least:
        raise InputError(f"{name}={value} px; give a whole number from {least}")
    return value
