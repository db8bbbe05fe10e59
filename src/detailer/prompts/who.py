"""Who: prompts bound to a person or a place, whoever else is in the picture."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from detailer.core.regions import Regions
from detailer.errors import InputError
from detailer.prompts.places import PLACES, Area, at_place
from detailer.prompts.separators import Item, separated
from detailer.prompts.tags import MODES, SKIP

# After a backslash it is a letter like any other; [a:b:0.5] and [a|b] are words too.
_KEY = re.compile(r"(?<!\\)\[([^\[\]\n:|]+)\]")
_LETTERS = re.compile(r"\\\[[^\[\]]*\]|\\[\[\]]")
_WORDS = ("SKIP", "PROMPT")
_REFUSED = (*MODES, "CONCAT", "SEP", "STOP")


@dataclass(frozen=True)
class Place:
    """The one region that is farthest in a place, by the place's name."""

    name: str


@dataclass(frozen=True)
class Label:
    """All regions of a label; capitals do not count."""

    name: str


Key: TypeAlias = Area | Place | Label


@dataclass(frozen=True)
class Line:
    """A key and what is said of those that it is bound to."""

    key: Key
    text: str


@dataclass(frozen=True)
class Who:
    """Lines by key, and what is said of all: before each line's text, and alone of the others."""

    lines: tuple[Line, ...]
    all: str = ""

    @classmethod
    def of(cls, text: str) -> Who:
        """The lines `[key] text`: a place's name, `box` with four numbers, or else a label.

        Raises:
            InputError: If a box is none, a key stands there twice, a bracket is not closed, text
                stands before the first key, or a tag of another mode within.
        """
        _check(text)
        before, *rest = _joined(_KEY.split(text))
        if before.strip():
            raise InputError(f"[WHO] has {before.strip()!r} before any key; write [ALL] before it")
        said: dict[Key | None, str] = {}
        for name, line in zip(rest[::2], rest[1::2], strict=True):
            key = _key(name.strip())
            if key in said:
                raise InputError(f"[WHO] has [{name.strip()}] twice; say all of it in one place")
            said[key] = line.strip()
        lines = (Line(key, own) for key, own in said.items() if key is not None)
        return cls(tuple(lines), said.get(None, ""))

    def shared(self, regions: Regions) -> list[Item]:
        """The prompt of each region."""
        bound = self.bound(regions)
        return [self._item(bound.get(place)) for place in range(len(regions))]

    def bound(self, regions: Regions) -> dict[int, Line]:
        """The line of each region that has one: that of a box, else of a place, else of its label.

        Among boxes the one that overlaps most, among places the one that is written first.
        """
        found = _by_label(self.lines, regions)
        if not len(regions):
            return found
        return found | dict(_by_place(self.lines, regions)) | _by_box(self.lines, regions)

    def _item(self, line: Line | None) -> Item:
        own = line.text if line else ""
        if own == SKIP or (self.all == SKIP and line is None):
            return Item(SKIP)
        return Item(" ".join(part for part in (self.all, own) if part and part != SKIP))


def _by_label(lines: Sequence[Line], regions: Regions) -> dict[int, Line]:
    texts = {line.key.name: line for line in lines if isinstance(line.key, Label)}
    labels = [region.label.casefold() for region in regions]
    return {place: texts[label] for place, label in enumerate(labels) if label in texts}


def _by_place(lines: Sequence[Line], regions: Regions) -> Iterator[tuple[int, Line]]:
    for line in reversed(lines):  # so that the first has the last word
        if isinstance(line.key, Place):
            yield at_place(line.key.name, regions), line


def _by_box(lines: Sequence[Line], regions: Regions) -> dict[int, Line]:
    best: dict[int, tuple[float, Line]] = {}
    for line in lines:
        if not isinstance(line.key, Area):
            continue
        overlaps = line.key.overlaps(regions)
        most = max(overlaps)
        place = overlaps.index(most)
        if most > best.get(place, (0.0, line))[0]:
            best[place] = most, line
    return {place: line for place, (_, line) in best.items()}


def _key(name: str) -> Key | None:
    """What a name in brackets means; None for all regions."""
    if name == "ALL":
        return None
    word, _, rest = name.partition(" ")
    if word.lower() == "box":
        return Area.parse(rest)
    place = "centre" if name.lower() == "center" else name.lower()
    return Place(place) if place in PLACES else Label(name.casefold())


def _joined(parts: list[str]) -> list[str]:
    """Text, key, text …: where the key is a word of the text, all three in one."""
    joined = parts[:1]
    for name, text in zip(parts[1::2], parts[2::2], strict=True):
        if name.strip() in _WORDS:
            joined[-1] += f"[{name.strip()}]{text}"
        else:
            joined += [name, text]
    return joined


def _check(text: str) -> None:
    for match in _KEY.finditer(text):
        if match[1].strip() in _REFUSED:
            raise InputError(f"{match[0]} means nothing under [WHO]; its lines are [key] text")
    if len(separated(text)) > 1:
        raise InputError("[WHO] divides by [key], not by [SEP]; leave [SEP] out")
    depth = 0
    for bracket in re.findall(r"[\[\]]", _LETTERS.sub("", text)):
        depth += 1 if bracket == "[" else -1
        if depth not in (0, 1):
            raise InputError(
                "[WHO] has brackets that are not closed, or within each other; a word in brackets"
                " is written \\[word]"
            )
    if depth:
        raise InputError("[WHO] has a bracket that is not closed; write [key] text")
