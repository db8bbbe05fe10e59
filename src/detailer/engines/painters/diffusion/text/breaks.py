"""Breaks: BREAK in a prompt, where a CLIP begins a new chunk."""

from __future__ import annotations

import re

_BREAK = re.compile(r"\s*\bBREAK\b\s*")


def parts(text: str) -> list[str]:
    """The texts between BREAKs, blank ones left out; always at least one.

    Each is encoded by itself and their hidden states are put one after the other, as the nodes and
    the WebUI do. Only the whole word counts: the nodes also take BREAKFAST apart.
    """
    return [part for part in _BREAK.split(text) if part] or [""]


def unbroken(text: str) -> str:
    """The text with spaces for BREAKs, for encoders that read a text as a whole."""
    return " ".join(parts(text)) if _BREAK.search(text) else text
