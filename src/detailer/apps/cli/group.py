"""Group: settings that belong together, such as one control image, in one word of the command."""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from detailer.apps.cli.values import KINDS, kind_of
from detailer.core.nearest import nearest
from detailer.core.settings import Settings
from detailer.errors import InputError

_NEXT = re.compile(r",(?=\s*[A-Za-z_]+=)")


@dataclass(frozen=True)
class Grouped:
    """An option that takes the settings of one model: FIRST,NAME=VALUE,…"""

    option: str
    settings: type[Settings]

    @property
    def shape(self) -> str:
        """How one is written."""
        return f"{self._first.upper()},NAME=VALUE,…"

    @property
    def names(self) -> str:
        """What may be said of it."""
        return ", ".join(name for name in self._schemas if name != self._first)

    def __call__(self, text: str) -> Settings:
        """The settings that a text describes: the first of them, then NAME=VALUE after commas.

        A comma that no NAME= follows belongs to the value before it, and colons have no meaning,
        so that every path can be written.

        Raises:
            InputError: If a name is not known, is given twice, or a value is out of range.
        """
        values: dict[str, str] = {}
        for number, part in enumerate(_NEXT.split(text)):
            name, _, value = part.partition("=")
            name = name.strip()
            if number == 0 and name not in self._schemas:
                name, value = self._first, part
            if name not in self._schemas:
                hint = nearest(name, self._schemas)
                raise InputError(f"{self.option} {text}: unknown setting {name!r}; {hint}")
            if name in values:
                raise InputError(f"{self.option} {text}: {name} is given twice")
            values[name] = value.strip()
        if not values.get(self._first):
            shape = f"{self.option} {self.shape}"
            raise InputError(f"{self.option} {text}: no {self._first} is named; write {shape}")
        try:
            return self.settings(**{name: self._read(name, text) for name, text in values.items()})
        except (InputError, argparse.ArgumentTypeError) as error:
            raise InputError(f"{self.option} {text}: {error}") from error

    @property
    def typed(self) -> Callable[[str], Settings]:
        """The same for argparse, with the same words where it is wrong."""

        # argparse would replace the words of any other ValueError by its own.
        def read(text: str) -> Settings:
            try:
                return self(text)
            except InputError as error:
                raise argparse.ArgumentTypeError(str(error)) from error

        return read

    @property
    def _schemas(self) -> Mapping[str, Any]:
        schemas: Mapping[str, Any] = self.settings.model_json_schema()["properties"]
        return schemas

    @property
    def _first(self) -> str:
        return next(iter(self.settings.model_fields))

    def _read(self, name: str, text: str) -> Any:
        return KINDS[kind_of(self._schemas[name])][0](text)
