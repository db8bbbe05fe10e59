"""Note: something of ADetailer that has no counterpart, or another meaning here."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Note:
    """An argument, as it is called in its source, and what must be known of it.

    `tabs` are the numbers of the tabs that it is about, from 1; none: the picture, or all.
    """

    argument: str
    said: str
    tabs: tuple[int, ...] = ()

    def __str__(self) -> str:
        where = f"tab {', '.join(map(str, self.tabs))}: " if self.tabs else ""
        return f"{where}{self.argument}: {self.said}"


def gathered(notes: Iterable[Note], tabs: Iterable[int]) -> tuple[Note, ...]:
    """Each note once, with the tabs that it is about; none where it is about all of them."""
    found: dict[Note, set[int]] = {}
    for note in notes:
        found.setdefault(replace(note, tabs=()), set()).update(note.tabs)
    every = set(tabs)
    return tuple(
        replace(note, tabs=() if about == every else tuple(sorted(about)))
        for note, about in found.items()
    )
