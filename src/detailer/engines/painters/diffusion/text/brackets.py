"""Brackets: [word] in a prompt, which makes a word count less, as the WebUI has it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

OPEN, CLOSE = "\ufdd2", "\ufdd3"
"""What stands for brackets that weaken: noncharacters, which Unicode leaves to a program's use."""

_STEPS: Final = {"(": 1, ")": -1}
_ESCAPED = re.compile(r"\\([\[\]])")
_LETTERS = re.compile(r"(?<!\\)[\[\]]")


def marked(text: str) -> str:
    """The text with OPEN and CLOSE for every pair of brackets that weakens what it holds.

    One that is never closed, or closes nothing, is a letter, and so are those of the WebUI's
    `[a:b:0.5]` and `[a|b]`, which change the prompt while it is painted, and of what takes half of
    a pair of parentheses.
    """
    letters, depth = list(text), 0
    opened: list[_Opened] = []
    for place, letter in enumerate(text):
        depth += _STEPS.get(letter, 0)
        if letter in "[]" and text[place - 1 : place] == "\\":
            continue
        if letter == "[":
            opened.append(_Opened(place, depth, depth))
        elif letter == "]" and opened:
            pair = opened.pop()
            if pair.weakens(place, depth):
                letters[pair.place], letters[place] = OPEN, CLOSE
            if opened:
                opened[-1].note("", pair.lowest)
        elif opened:
            opened[-1].note(letter, depth)
    return "".join(letters)


def unescaped(text: str) -> str:
    """`\\[` and `\\]` as the letters that they stand for."""
    return _ESCAPED.sub(r"\1", text)


def literal(text: str) -> str:
    """The text with all its brackets as letters; escaped ones are that already."""
    return _LETTERS.sub(r"\\\g<0>", text)


def to_the_letter(text: str) -> str:
    """The same as ComfyUI reads it, where a backslash before a bracket is a letter too."""
    return re.sub(r"[\[\]]", r"\\\g<0>", text)


@dataclass
class _Opened:
    """A bracket that waits for its partner, and what came since; depths are of parentheses."""

    place: int
    depth: int
    lowest: int
    changes: bool = False

    def note(self, letter: str, depth: int) -> None:
        self.lowest = min(self.lowest, depth)
        self.changes |= depth == self.depth and letter in (":", "|")

    def weakens(self, place: int, depth: int) -> bool:
        whole = self.lowest == self.depth == depth
        return whole and not self.changes and place > self.place + 1
