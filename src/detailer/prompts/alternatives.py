"""Alternatives: what stands between braces, a|b|c, and how many of it are taken."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Self

import numpy as np

from detailer.errors import InputError
from detailer.prompts.weights import Weighed, drawn

# Nine digits are more than anybody has alternatives, and fit numpy's integers.
_COUNT = re.compile(r"\s*(?:(\d{1,9})\s*(?:-\s*(\d{1,9}))?|-\s*(\d{1,9}))\s*", re.ASCII)


@dataclass(frozen=True)
class Alternatives:
    """Texts to take some of: from `least` to `most`, joined by the separator."""

    texts: tuple[str, ...]
    least: int = 1
    most: int = 1
    separator: str = " "
    counted: bool = False
    """Whether it was said how many."""

    @classmethod
    def parsed(cls, inside: str) -> Self:
        """What stands between braces: `a|b`, `2$$a|b`, `1-3$$a|b`, `-2$$a|b`, `2$$, $$a|b`.

        Raises:
            InputError: If what stands before the first $$ is no count, or one that falls.
        """
        first, *others = inside.split("|")
        # Only the first alternative is looked at: elsewhere, and a third time, $$ is text.
        head, *rest = first.split("$$", 2)
        if not rest:
            return cls((first, *others))
        least, most = _count(head, inside)
        separator = rest[0] if len(rest) > 1 else " "
        return cls((rest[-1], *others), least, most, separator, counted=True)

    def draw(self, random: np.random.Generator) -> str:
        """As many as asked, without repeats, joined; a count beyond their number is all of them.

        Raises:
            InputError: If a weight cannot be used, or none is above 0.
        """
        weighed = [Weighed.parsed(text) for text in self.texts]
        # Where least is most numpy draws nothing.
        count = int(random.integers(self.least, self.most + 1))
        return self.separator.join(drawn(weighed, count, random))


def _count(head: str, inside: str) -> tuple[int, int]:
    match = _COUNT.fullmatch(head)
    if match is None:
        raise InputError(
            f"{{{inside}}} has {head!r} before $$, which is no count; write {{2$$…}}, {{1-3$$…}}"
            " or {-2$$…}"
        )
    least = int(match[1] or 1)
    most = int(match[2] or match[3] or least)
    if least > most:
        raise InputError(f"{{{inside}}} asks for {least} to {most}; write the smaller one first")
    return least, most
