"""Factory: what makes an engine of a path and options, which are checked by its signature."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import dataclass
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin

from detailer.core.nearest import nearest
from detailer.errors import InputError, MissingEngineError

_PLAIN = (bool, int, float, str)


@dataclass(frozen=True)
class Factory:
    """What an engine is made by; `source` says where its model comes from."""

    engine: str
    make: Any
    source: str = ""

    def __call__(self, path: str, options: Mapping[str, Any]) -> Any:
        """The engine.

        Raises:
            InputError: If it takes no path, or an option is not known or of the wrong kind.
            MissingEngineError: If it needs a path.
        """
        known = parameters(self.make)
        takes_path = known.get("path")
        if path and takes_path is None:
            raise InputError(f"{self.engine} takes no file; leave out :{path}")
        if not path and takes_path and takes_path.default is inspect.Parameter.empty:
            need = self.source or f"a file: {self.engine.partition(' ')[2]}:FILE"
            raise MissingEngineError(f"{self.engine} needs {need}")
        for name, value in options.items():
            self._check(name, value, known)
        return self.make(**({"path": path} if path else {}), **options)

    def _check(self, name: str, value: Any, known: Mapping[str, inspect.Parameter]) -> None:
        names = [one for one in known if one != "path"]
        if name not in names:
            takes_all = any(one.kind is inspect.Parameter.VAR_KEYWORD for one in known.values())
            if takes_all:
                return
            raise InputError(f"{self.engine} has no option {name!r}; {nearest(name, names)}")
        wanted = known[name].annotation
        if isinstance(value, _PLAIN) and not _takes(wanted, value):
            raise InputError(f"{self.engine}: {name}={value!r}; give {_in_words(wanted)}")


def parameters(make: Any) -> Mapping[str, inspect.Parameter]:
    """What a factory takes, by name; annotations stay texts where they cannot be read here."""
    try:
        return inspect.signature(make, eval_str=True).parameters
    except NameError:
        return inspect.signature(make).parameters


def _takes(wanted: Any, value: bool | float | str) -> bool:
    """Whether a plain value is what is wanted; so is all where that is not known."""
    if wanted in (Any, inspect.Parameter.empty) or isinstance(wanted, str):
        return True
    kinds = _kinds(wanted)
    chosen = any(get_origin(kind) is Literal and value in get_args(kind) for kind in kinds)
    return chosen or type(value) in kinds or (type(value) is int and float in kinds)


def _in_words(wanted: Any) -> str:
    words = {bool: "true or false", int: "a whole number", float: "a number", str: "a text"}
    kinds = _kinds(wanted)
    literals = [kind for kind in kinds if get_origin(kind) is Literal]
    found = [words[kind] for kind in kinds if kind in words]
    found += [repr(each) for kind in literals for each in get_args(kind)]
    return " or ".join(found) if found else "it in Python; it cannot be written as a text"


def _kinds(wanted: Any) -> tuple[Any, ...]:
    return get_args(wanted) if get_origin(wanted) in (Union, UnionType) else (wanted,)
