"""Outline: names and lists of choices in YAML."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from detailer.errors import InputError, MissingEngineError

DEEPEST = 32
"""Names in names."""

_NOTHING = ("", "~", "null", "Null", "NULL")


def outlined(text: str, file: str) -> dict[str, tuple[str, ...]]:
    """The choices by name; nested names are joined by /.

    What stands there is taken as it is written: `yes`, `1.50` and `2024-01-01` stay texts. No
    objects are made of it, whatever it says. An alias (`*name`) is refused: a few of them in one
    another are a text of many GB.

    Raises:
        InputError: If it is not YAML, not names with choices, has aliases, or names are nested
            deeper than `DEEPEST`; it says the file and the line.
        MissingEngineError: If PyYAML is not installed.
    """
    try:
        import yaml
    except ImportError as error:
        raise MissingEngineError(
            f"{file} needs PyYAML; run: pip install 'detailer[cli]'"
        ) from error
    # Events come one by one; libyaml's are ten times as fast, and not installed everywhere.
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    outline = _Outline(file, yaml.parse(text, Loader=loader))
    try:
        outline.read()
    except yaml.YAMLError as error:
        raise InputError(f"{file} is not YAML: {' '.join(str(error).split())}") from error
    return {name: tuple(lines) for name, lines in outline.lines.items()}


@dataclass(frozen=True)
class _Outline:
    """What has been read so far; events are known by the names of their classes."""

    file: str
    events: Iterator[Any]
    lines: dict[str, list[str]] = field(default_factory=dict)

    def read(self) -> None:
        for event in self.events:
            if _is(event, "MappingStart"):
                self._names(())
            elif _is(event, "SequenceStart", "Scalar", "Alias") and not _nothing(event):
                raise self._fault(event, "is no name with choices; write name: before them")

    def _names(self, above: tuple[str, ...]) -> None:
        while not _is(event := next(self.events), "MappingEnd"):
            if not _is(event, "Scalar"):
                raise self._fault(event, "has a name that is no text")
            if len(above) == DEEPEST:
                raise self._fault(event, f"nests names deeper than {DEEPEST}")
            self._choices((*above, event.value))

    def _choices(self, name: tuple[str, ...]) -> None:
        event = next(self.events)
        if _is(event, "MappingStart"):
            self._names(name)
            return
        lines = self.lines.setdefault("/".join(name), [])
        if _is(event, "SequenceStart"):
            while not _is(event := next(self.events), "SequenceEnd"):
                self._choice(event, lines)
        else:
            self._choice(event, lines)

    def _choice(self, event: Any, lines: list[str]) -> None:
        if not _is(event, "Scalar"):
            raise self._fault(event, "has a choice that is no text; put it in quotes")
        if not _nothing(event):
            lines.append(event.value)

    def _fault(self, event: Any, fault: str) -> InputError:
        line = event.start_mark.line + 1
        if _is(event, "Alias"):
            fault = "has an alias (*name), which is not read here; write it out"
        return InputError(f"{self.file}, line {line}: {fault}")


def _is(event: Any, *kinds: str) -> bool:
    return type(event).__name__.removesuffix("Event") in kinds


def _nothing(event: Any) -> bool:
    """Whether there is nothing, as in `name:`; what is in quotes is something."""
    return _is(event, "Scalar") and event.value in _NOTHING and event.implicit[0]
