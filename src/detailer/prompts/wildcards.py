"""Wildcards: the lines behind each __name__, from folders of text files or from a dictionary."""

from __future__ import annotations

import difflib
import logging
import re
from collections.abc import Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Protocol, Self

from detailer.errors import InputError
from detailer.prompts.folder import Folder, normal

log = logging.getLogger(__name__)

_TOLD = 5


class Source(Protocol):
    """Where wildcards come from; names are in lower case, with / between folders."""

    def names(self) -> Sequence[str]:
        """All names, in the order in which patterns take them."""

    def lines(self, name: str) -> tuple[str, ...] | None:
        """The lines of a name; None if it has none of that name."""


class Wildcards:
    """Lines by name; the first source that has a name counts.

    Names are compared in lower case, with `-` for a space and `/` for a backslash. They are only
    looked up among those that a source lists: none is ever made into a path, so none leads out of
    a folder.
    """

    def __init__(self, lines: Mapping[str, Sequence[str]], *sources: Source) -> None:
        """From a dictionary, and after it from what else holds wildcards.

        Raises:
            InputError: If a value is a text, or has something else than texts in it.
        """
        self._sources = ((_Given(lines),) if lines else ()) + sources
        self._patterns: dict[str, tuple[str, ...] | None] = {}
        self._missed: set[str] = set()

    @classmethod
    def of(cls, folders: Iterable[str | Path]) -> Self:
        """From folders; each is listed when the first name is asked for, a file is read when it is.

        See `Folder` for what a folder may hold.

        Raises:
            InputError: If a folder does not exist.
        """
        return cls({}, *(Folder(folder) for folder in folders))

    def names(self) -> tuple[str, ...]:
        """All names, each once. This reads the .yaml files."""
        return tuple(dict.fromkeys(name for source in self._sources for name in source.names()))

    def find(self, name: str) -> tuple[str, ...] | None:
        """The lines of a name, or those of all names that a pattern fits; None if there are none.

        `*` in a pattern stands for any text. A pattern fits the names of a folder that it fits, and
        `person/*` also fits `person`. Lines come in the order of the names: sorted for a folder, as
        they stand for a dictionary.

        Raises:
            InputError: If a file cannot be read, or all that is found has no lines.
            MissingEngineError: If there are .yaml files to look in and PyYAML is not installed.
        """
        name = normal(name)
        found = self._fitting(name) if "*" in name else self._exact(name)
        if found is not None and not found:
            raise InputError(f"wildcard __{name}__ has no lines; write one choice on each line")
        return found

    def anywhere(self, name: str) -> str | None:
        """How a name is found: as it is, or as `*/name` if only some folder has it; else None."""
        bare = not {"*", "/"} & set(normal(name))
        places = (name, f"*/{name}") if bare else (name,)
        return next((place for place in places if self.find(place) is not None), None)

    def miss(self, name: str) -> None:
        """Warn, once, of a name that does not exist and stays in the text."""
        if name not in self._missed:
            self._missed.add(name)
            log.warning("wildcard __%s__ does not exist and stays; %s", name, self.hint(name))

    def hint(self, name: str) -> str:
        """What to say about a name that does not exist: those most like it, or some there are."""
        names = self.names()
        if not names:
            return "there are no wildcards here: give the folder that has them"
        last = {each.rpartition("/")[2]: each for each in reversed(names)}
        meant = normal(name).removeprefix("*/")
        near = [
            *difflib.get_close_matches(meant, names, n=3),
            *(last[each] for each in difflib.get_close_matches(meant, last, n=2)),
        ]
        if near:
            return f"did you mean {' or '.join(f'__{each}__' for each in dict.fromkeys(near))}?"
        more = f" and {len(names) - _TOLD} more" if len(names) > _TOLD else ""
        return f"there are {', '.join(names[:_TOLD])}{more}"

    def _exact(self, name: str) -> tuple[str, ...] | None:
        for source in self._sources:
            found = source.lines(name)
            if found is not None:
                return found
        return None

    def _fitting(self, pattern: str) -> tuple[str, ...] | None:
        if pattern not in self._patterns:
            fitting = [self._exact(name) or () for name in self.names() if _fits(pattern, name)]
            lines = tuple(line for each in fitting for line in each)
            self._patterns[pattern] = lines if fitting else None
        return self._patterns[pattern]


class _Given:
    """Wildcards of a dictionary."""

    def __init__(self, lines: Mapping[str, Sequence[str]]) -> None:
        self._lines = {normal(name): _checked(name, each) for name, each in lines.items()}

    def names(self) -> tuple[str, ...]:
        return tuple(self._lines)

    def lines(self, name: str) -> tuple[str, ...] | None:
        return self._lines.get(name)


def _checked(name: str, lines: Sequence[str]) -> tuple[str, ...]:
    if isinstance(lines, str) or not all(isinstance(line, str) for line in lines):
        raise InputError(f"wildcard {name!r} is {lines!r}; give a list of texts")
    return tuple(lines)


def _fits(pattern: str, name: str) -> bool:
    folders = name.split("/")[:-1]
    above = ("/".join(folders[:i]) for i in range(1, len(folders) + 1))
    # Of what fnmatch knows, only * is meant.
    stars = re.sub(r"[\[?]", r"[\g<0>]", pattern)
    return any(fnmatchcase(each, stars) for each in (name, f"{name}/", *above))
