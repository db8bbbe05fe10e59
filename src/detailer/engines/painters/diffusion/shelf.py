"""Shelf: folders whose files are called by name in a prompt."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from detailer.core.nearest import nearest
from detailer.core.paths import local_path
from detailer.engines.painters.diffusion.loading.source import Source
from detailer.errors import InputError

_SAFE = (".safetensors",)
_PICKLES = (".pt", ".bin", ".pth", ".ckpt")


@dataclass(frozen=True)
class Shelf:
    """Files by their names without suffixes; what is not in its folders is never read.

    `setting` is what it is called in messages, `allowed` the pickles that may be read.
    """

    setting: str
    folders: tuple[str, ...]
    allowed: tuple[str, ...] = ()

    def find(self, name: str) -> Path:
        """The file that is called `name`, with its folder or without, with its suffix or without.

        A name is only ever compared with what is there, so none leads out of the folders.

        Raises:
            InputError: If there is none or more than one, or it is a pickle that is not allowed.
        """
        if not self.folders:
            raise InputError(
                f"{name!r} is asked for, but no folder is given: --{self.setting} FOLDER,"
                f" {self.setting}=(FOLDER,) in Python"
            )
        wanted = _bare(name.replace("\\", "/").strip().removeprefix("./"))
        files = self._files()
        keys = [key for key in files if key == wanted]
        keys = keys or [key for key in files if key.rpartition("/")[2] == wanted]
        if not keys:
            short = [key.rpartition("/")[2] for key in files]
            places = ", ".join(self.folders)
            raise InputError(f"no {name!r} in {places}; {nearest(wanted, dict.fromkeys(short))}")
        if len(keys) > 1:
            raise InputError(f"{name!r} is the name of {' and '.join(keys)}; write one of these")
        path = files[keys[0]][0]
        Source(str(path), "file", path).allow(self.allowed)
        return path

    def _files(self) -> dict[str, list[Path]]:
        """By their places in the folders, without suffix; those that are no pickles first."""
        files: dict[str, list[Path]] = defaultdict(list)
        for folder in self.folders:
            for key, path in _within(self.setting, local_path(folder)):
                files[key].append(path)
        for paths in files.values():
            paths.sort(key=lambda path: path.suffix.lower() in _PICKLES)
        return files


def _within(setting: str, folder: Path) -> Iterator[tuple[str, Path]]:
    if not folder.is_dir():
        raise InputError(f"{setting}={str(folder)!r} is no folder")
    for path in sorted(folder.rglob("*")):
        if path.suffix.lower() in (*_SAFE, *_PICKLES) and path.is_file():
            yield _bare(path.relative_to(folder).as_posix()), path


def _bare(name: str) -> str:
    """Without the suffix of a model file; other dots belong to the name."""
    for suffix in (*_SAFE, *_PICKLES):
        if name.lower().endswith(suffix):
            return name[: -len(suffix)]
    return name
