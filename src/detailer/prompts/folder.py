"""Folder: a folder of wildcards, listed once, each of its files read when it is needed."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path

from detailer.core.paths import local_path
from detailer.errors import InputError
from detailer.prompts.outline import outlined

LARGEST_FILE = 16 * 2**20
"""Bytes that a file may have."""

MOST_FILES = 100_000
"""Files that a folder may hold, with those below it."""

_LINE_BREAK = re.compile(r"\r\n|\r|\n")


def normal(name: str) -> str:
    r"""A name as it is compared: in lower case, `-` for a space, `/` for a backslash."""
    return name.lower().replace(" ", "-").replace("\\", "/")


class Folder:
    """Wildcards in the files of a folder and those below it.

    `hair/long.txt` is `hair/long`: one choice on each line; spaces at its ends, empty lines and
    lines that begin with # do not count. A `.yaml` or `.yml` file holds names, nested ones joined
    by /, with lists of choices; its own name does not count. It is read when a name is not that of
    a `.txt`, which goes before it. Files whose names come to the same are read one after another.

    Texts are UTF-8, else Latin-1. Hidden files and folders do not count, nor do links to folders.
    Nothing is read that lies outside of the folder.
    """

    def __init__(self, path: str | Path) -> None:
        """Nothing is read yet.

        Raises:
            InputError: If there is no such folder.
        """
        self.path = local_path(path, "the folder of wildcards")
        if not self.path.is_dir():
            there = "is a file" if self.path.exists() else "does not exist"
            raise InputError(f"the folder of wildcards {str(path)!r} {there}; give a folder")
        self._read: dict[str, tuple[str, ...]] = {}

    def names(self) -> tuple[str, ...]:
        """All names, sorted, so that they are the same on every machine.

        Raises:
            InputError: If a file is broken, or there are more than `MOST_FILES`.
        """
        return tuple(sorted({*self._texts, *self._outlines}))

    def lines(self, name: str) -> tuple[str, ...] | None:
        """The lines of a name; None if nothing here has that name.

        Raises:
            InputError: If its file is broken, has more than `LARGEST_FILE` bytes, or is a link to
                one outside of the folder.
            MissingEngineError: If there are .yaml files to look in and PyYAML is not installed.
        """
        if name not in self._texts:
            return self._outlines.get(name)
        if name not in self._read:
            lines = (_lines(self._text(path)) for path in self._texts[name])
            self._read[name] = tuple(line for each in lines for line in each)
        return self._read[name]

    @cached_property
    def _files(self) -> tuple[Path, ...]:
        files: list[Path] = []
        for path in _files(self.path):
            if len(files) == MOST_FILES:
                raise InputError(f"{self.path} holds more than {MOST_FILES} files; give one below")
            files.append(path)
        return tuple(sorted(files))

    @cached_property
    def _texts(self) -> dict[str, list[Path]]:
        texts: dict[str, list[Path]] = {}
        for path in self._files:
            if path.suffix.lower() == ".txt":
                name = normal(str(path.relative_to(self.path).with_suffix("")))
                texts.setdefault(name, []).append(path)
        return texts

    @cached_property
    def _outlines(self) -> dict[str, tuple[str, ...]]:
        found: dict[str, tuple[str, ...]] = {}
        for path in self._files:
            if path.suffix.lower() in (".yaml", ".yml"):
                for name, lines in outlined(self._text(path), str(path)).items():
                    found[normal(name)] = (*found.get(normal(name), ()), *lines)
        return found

    def _text(self, path: Path) -> str:
        try:
            real = path.resolve(strict=True)
            if not real.is_relative_to(self.path.resolve()):
                raise InputError(f"{path} leads out of the folder of wildcards; copy it there")
            with real.open("rb") as file:
                content = file.read(LARGEST_FILE + 1)
        except OSError as error:
            raise InputError(f"{path} cannot be read: {error.strerror}") from error
        if len(content) > LARGEST_FILE:
            raise InputError(f"{path} is larger than {LARGEST_FILE} bytes; divide it")
        return _decoded(content, path)


def _files(folder: Path) -> Iterator[Path]:
    def refuse(error: OSError) -> None:
        raise InputError(f"{error.filename} cannot be listed: {error.strerror}") from error

    for here, below, names in os.walk(folder, onerror=refuse):
        below[:] = [name for name in below if not name.startswith(".")]
        for name in names:
            path = Path(here, name)
            # What is no file, such as a pipe, would be waited for.
            if not name.startswith(".") and path.is_file():
                yield path


def _decoded(content: bytes, path: Path) -> str:
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = content.decode("latin-1")
    if "\0" in text:
        raise InputError(f"{path} is no text; save it as UTF-8")
    return text


def _lines(text: str) -> list[str]:
    lines = (line.strip() for line in _LINE_BREAK.split(text))
    return [line for line in lines if line and not line.startswith("#")]
