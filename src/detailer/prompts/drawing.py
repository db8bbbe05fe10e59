"""Drawing: choices made from one generator, in the order in which the Impact Pack makes them."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np

from detailer.errors import InputError
from detailer.prompts.alternatives import Alternatives
from detailer.prompts.lora import TAG
from detailer.prompts.names import circle, named, only_names
from detailer.prompts.wildcards import Wildcards

LONGEST = 100_000
"""Characters that a text may grow to."""

MOST_DRAWN = 10_000
"""Lines of wildcards that one text may draw."""

DEEPEST = 100
"""Braces in braces."""

_BRACES = re.compile(r"\{([^{}]*)\}")


class Drawing:
    """A generator, the wildcards it draws from, and how many lines it has drawn."""

    def __init__(self, random: np.random.Generator, wildcards: Wildcards, compatible: bool) -> None:
        """Nothing is drawn yet; compatible: names that do not exist stay in the text."""
        self.drawn = 0
        self._random = random
        self._wildcards = wildcards
        self._compatible = compatible

    def braces(self, text: str) -> str:
        """The text with all braces that have a partner chosen from, innermost ones first."""
        for _ in range(DEEPEST):
            if not _BRACES.search(text):
                return text
            text = self._checked(_BRACES.sub(self._chosen, text))
        raise self.fault(text, f"has braces nested deeper than {DEEPEST}")

    def names(self, text: str) -> str:
        """The text with a line in the place of each name in it.

        A name that only some folder has sends the Impact Pack over the whole text again, before it
        goes on with the names that it had found at first. They are drawn for even if they are not
        in the text by then: the generator's next numbers depend on it.
        """
        waiting = [iter(named(text))]
        while waiting:
            name = next(waiting[-1], None)
            if name is None:
                waiting.pop()
                continue
            place = self._place(name, text)
            if place == name:
                text = self._checked(text.replace(f"__{name}__", self._line(name), 1))
            elif place is not None and f"__{name}__" in text:
                text = text.replace(f"__{name}__", f"__{place}__", 1)
                waiting.append(iter(named(text)))
        return text

    def fault(self, text: str, why: str) -> InputError:
        """Why a text does not come to an end, and the names that are the cause."""
        names = [f"__{name}__" for name in circle(text, self._wildcards)]
        cause = f", for wildcards lead in a circle: {' → '.join(names)}" if names else ""
        start = text if len(text) <= 60 else f"{text[:60]}…"
        return InputError(f"the prompt {why}{cause}; it begins {start!r}")

    def _chosen(self, braces: re.Match[str]) -> str:
        alternatives = Alternatives.parsed(braces[1])
        if alternatives.counted and len(alternatives.texts) == 1:
            alternatives = replace(alternatives, texts=self._lines(alternatives.texts[0]))
        return alternatives.draw(self._random)

    def _lines(self, text: str) -> tuple[str, ...]:
        """The lines of all names of a text, if it is nothing but names; else the text itself."""
        names = named(text) if only_names(text) else []
        places = [self._place(name, text) for name in names]
        lines = [self._wildcards.find(place) or () for place in places if place]
        return tuple(line for each in lines for line in each) or (text,)

    def _line(self, name: str) -> str:
        lines = self._wildcards.find(name) or ()
        self.drawn += 1
        return lines[int(self._random.integers(len(lines)))]

    def _place(self, name: str, text: str) -> str | None:
        """The name or pattern under which its lines are; None if it may stay in the text."""
        place = self._wildcards.anywhere(name)
        if place is not None or any(f"__{name}__" in tag[0] for tag in TAG.finditer(text)):
            return place
        if not self._compatible:
            hint = self._wildcards.hint(name)
            raise InputError(f"wildcard __{name}__ does not exist; {hint}")
        self._wildcards.miss(name.removeprefix("*/"))
        return None if {"*", "/", "\\"} & set(name) else f"*/{name}"

    def _checked(self, text: str) -> str:
        if len(text) > LONGEST:
            raise self.fault(text, f"grows beyond {LONGEST} characters")
        if self.drawn > MOST_DRAWN:
            raise self.fault(text, f"draws more than {MOST_DRAWN} lines of wildcards")
        return text
