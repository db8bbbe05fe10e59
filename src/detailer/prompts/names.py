"""Names: where a text says __name__, and what goes in a circle there."""

from __future__ import annotations

import re
from collections.abc import Iterator

from detailer.errors import InputError
from detailer.prompts.folder import normal
from detailer.prompts.wildcards import Wildcards

_NAME = re.compile(r"__([\w.\-+/*\\]+?)__")
_REPEATED = re.compile(rf"([0-9]{{1,9}})#({_NAME.pattern})")


def named(text: str) -> list[str]:
    """The names in a text, in order, without their underscores; a row of underscores is none."""
    return [name for name in _NAME.findall(text) if name.strip("_")]


def only_names(text: str) -> bool:
    """Whether there is nothing but names in a text, one or more."""
    # Word by word: names without a space between them can be parted in very many ways.
    words = text.split()
    return bool(words) and all(_NAME.fullmatch(word) for word in words)


def repeated(text: str, longest: int) -> str:
    """The text with `3#__name__` written out: `__name__|__name__|__name__`.

    Raises:
        InputError: If that takes more than so many characters.
    """
    length = 0
    for match in _REPEATED.finditer(text):
        length += int(match[1]) * len(match[2])
        if length > longest:
            raise InputError(f"{match[0]} takes more than {longest} characters; ask for fewer")
    return _REPEATED.sub(lambda match: "|".join([match[2]] * int(match[1])), text)


def circle(text: str, wildcards: Wildcards) -> tuple[str, ...]:
    """Names that lead from one to the next and back to the first; () if none in the text do."""
    path: list[str] = []
    waiting = [_leading(text, wildcards)]
    seen: set[str] = set()
    while waiting:
        name = next(waiting[-1], None)
        if name is None:
            waiting.pop()
            path = path[:-1]
        elif name in path:
            return (*path[path.index(name) :], name)
        elif name not in seen:
            seen.add(name)
            path.append(name)
            waiting.append(_leading("\n".join(wildcards.find(name) or ()), wildcards))
    return ()


def _leading(text: str, wildcards: Wildcards) -> Iterator[str]:
    for name in dict.fromkeys(normal(each) for each in named(text)):
        found = wildcards.anywhere(name)
        if found is not None:
            yield found
