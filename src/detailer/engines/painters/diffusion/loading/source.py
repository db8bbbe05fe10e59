"""Source: where a model's files are, as a person writes it."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, TypeAlias

from detailer.core.paths import local_path
from detailer.engines.files.hub import HubName
from detailer.errors import InputError, MissingEngineError

Kind: TypeAlias = Literal["folder", "file", "hub"]

INDEX = "model_index.json"
"""What a folder of diffusers has at its top."""

_SAFE = (".safetensors", ".sft")
_PICKLES = (".ckpt", ".pt", ".pth", ".bin")


@dataclass(frozen=True, slots=True)
class Source:
    """A folder as diffusers writes them, a checkpoint in one file, or a name on the Hub.

    `path` is empty for a name on the Hub; `revision` is what followed its @, if anything did.
    """

    text: str
    kind: Kind
    path: Path = Path()
    revision: str = ""

    @classmethod
    def parse(cls, text: str) -> Source:
        """What is meant: what is there as a path, else what can only be a name on the Hub.

        Args:
            text: `folder`, `file.safetensors`, `owner/name` or `owner/name@revision`; `~` is
                the home folder.

        Raises:
            InputError: If it is none of these, or a folder or file of another sort.
            MissingEngineError: If it can only be a path and nothing is there.
        """
        text = text.strip()
        if not text:
            raise InputError("no model is given; give a folder, a .safetensors file or owner/name")
        path = local_path(text)
        if path.is_dir():
            return cls._folder(text, path)
        if path.is_file():
            return cls._file(text, path)
        hub = HubName.parse(text)
        if hub is None or path.suffix.lower() in (*_SAFE, *_PICKLES):
            raise MissingEngineError(_nothing_at(text, path))
        return cls(hub.name, "hub", revision=hub.revision)

    @property
    def name(self) -> str:
        """A Hub name without its revision."""
        return self.text.partition("@")[0]

    def at(self, revision: str) -> Source:
        """The same of another revision, unless one was written into it."""
        return replace(self, revision=self.revision or revision) if self.kind == "hub" else self

    @property
    def is_pickle(self) -> bool:
        """Whether the file may run code when it is read."""
        return self.kind == "file" and self.path.suffix.lower() in _PICKLES

    def allow(self, pickles: tuple[str, ...]) -> None:
        """Refuses a pickle that is not among those that are allowed by their paths.

        Raises:
            InputError: If the file is a pickle and not allowed.
        """
        if self.is_pickle and not any(_same(self.path, local_path(each)) for each in pickles):
            raise InputError(
                f"{self.path} is a pickle, which can run any code when it is read; take the"
                f" model's .safetensors file, or --allow-pickle {self.text} if you trust it"
            )

    @classmethod
    def _folder(cls, text: str, path: Path) -> Source:
        if (path / INDEX).is_file():
            return cls(text, "folder", path)
        files = sorted(each.name for each in path.glob("*.safetensors"))
        hint = f"; it holds {files[0]}: give that file" if files else ""
        raise InputError(f"{path} has no {INDEX}, so it is no folder of diffusers{hint}")

    @classmethod
    def _file(cls, text: str, path: Path) -> Source:
        if path.suffix.lower() in (*_SAFE, *_PICKLES):
            return cls(text, "file", path)
        if path.name == INDEX:
            raise InputError(f"{path} is a list of parts; give its folder: {path.parent}")
        kind = f"a {path.suffix} file" if path.suffix else "a file without suffix"
        raise InputError(f"{path} is {kind}; a checkpoint is a .safetensors file")


def _same(one: Path, other: Path) -> bool:
    # As the file system sees them: links, ../ and, where it knows none, upper and lower case.
    return other.exists() and os.path.samefile(one, other)  # noqa: PTH121  # reads as a sentence


def _nothing_at(text: str, path: Path) -> str:
    # C:model and C:\model have a drive; what looks so elsewhere is shown as it was understood.
    place = path if path.is_absolute() else f"{text!r} (seen from {Path.cwd()})"
    near = sorted(path.parent.glob("*.safetensors"))[:3] if path.parent.is_dir() else []
    hint = f"; there are {', '.join(each.name for each in near)}" if near else ""
    return f"nothing is at {place}{hint}; a model is a folder, a .safetensors file or owner/name"
