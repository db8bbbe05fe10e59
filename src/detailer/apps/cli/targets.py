"""Targets: where each picture's result goes, all checked before anything is done."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from detailer.apps.files import SUFFIXES
from detailer.core.paths import is_there, local_path, refusal, shown, too_long
from detailer.errors import InputError, OutputError

_ADDED = "-detailed"


@dataclass(frozen=True)
class Job:
    """One picture and where its result goes; `preview` is for its contact sheet, if wanted."""

    source: Path
    target: Path
    preview: Path | None = None

    def frame(self, number: int) -> Job:
        """The same for one frame of several, counted from 1."""
        numbered = [
            path and path.with_stem(f"{path.stem}-{number:03}")
            for path in (self.target, self.preview)
        ]
        return replace(self, target=numbered[0] or self.target, preview=numbered[1])


@dataclass(frozen=True)
class Output:
    """What was asked for: a folder or a file (none: beside the source), sheets, overwriting."""

    path: str = ""
    previews: bool = False
    overwrite: bool = False

    def is_folder(self, several: bool) -> bool:
        """Whether the path means a folder: it is one, ends like one, or has no suffix."""
        path = local_path(self.path)
        ends_so = self.path.endswith(("/", os.sep)) or not path.suffix
        return path.is_dir() or ends_so or (several and not is_picture(path))


def is_picture(path: Path) -> bool:
    """Whether a path is named like a picture that can be written."""
    return path.suffix.lower() in SUFFIXES


def found(names: Sequence[str]) -> list[Path]:
    """The pictures that are there; patterns are resolved where the shell has not done so.

    Raises:
        InputError: If some are not there or are no files; one line for each.
    """
    paths = [path for name in names for path in _matching(name)]
    problems = [reason for reason in map(_missing, paths) if reason]
    if problems:
        raise InputError("\n".join(problems))
    return paths


def jobs(sources: Sequence[Path], output: Output) -> list[Job]:
    """A job for every source.

    Raises:
        InputError: If a target is named twice, is a source, has no format or cannot be written;
            one line for each.
    """
    several = len(sources) > 1
    folder = bool(output.path) and output.is_folder(several)
    if output.path and several and not folder:
        raise InputError(f"{output.path} is one file for {len(sources)} pictures; give a folder")
    made = [_job(source, output, folder) for source in sources]
    _check(made, SUFFIXES, _lost(made, sources, output))
    return made


def side_jobs(sources: Sequence[Path], output: Output, endings: Sequence[str]) -> list[Job]:
    """A job for something else than a picture, made for every source: a drawing, a plan.

    Args:
        sources: The pictures.
        output: A folder, or for one source a file, and whether it may be replaced.
        endings: Suffixes that the files may have; in a folder they take the first.

    Raises:
        InputError: As `jobs` does.
    """
    where = local_path(output.path)
    if output.is_folder(several=False):
        made = [Job(source, where / f"{source.stem}{endings[0]}") for source in sources]
    elif len(sources) > 1:
        raise InputError(f"{output.path} is one file for {len(sources)} pictures; give a folder")
    else:
        made = [Job(sources[0], where)]
    _check(made, endings, _lost(made, sources, output, replaces_sources=False))
    return made


def one_file(sources: Sequence[Path], output: Output) -> Path:
    """The one file that something about all sources, or about none, goes to.

    Raises:
        InputError: If it is a source or a folder, is there already, or cannot be written.
    """
    where = local_path(output.path)
    if output.path.endswith(("/", os.sep)):
        raise InputError(f"{output.path} is a folder; give the name of a file")
    made = [Job(sources[0] if sources else Path(), where)]
    _check(made, (where.suffix.lower(),), _lost(made, sources, output, replaces_sources=False))
    return where


def name_too_long(path: Path) -> str:
    """Why the file system could not hold a file of that name for its length; empty if it could."""
    name = too_long(path)
    if not name:
        return ""
    return (
        f"{shown(name)} is too long for a file's name on this system ({len(name)} characters);"
        " give another with -o"
    )


def make_folder(folder: Path) -> None:
    """The folder, and those it lies in.

    Raises:
        OutputError: If it cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"folder {folder} cannot be made: {error.strerror}") from error


def _check(made: Sequence[Job], endings: Sequence[str], lost: Iterator[str]) -> None:
    refused = list(_refused(made))
    if refused:
        raise InputError("\n".join(refused))
    checks = (_nameless(made, endings), _clashes(made), lost, _unwritable(made))
    problems = [problem for check in checks for problem in check]
    if problems:
        raise InputError("\n".join(dict.fromkeys(problems)))


def _matching(name: str) -> list[Path]:
    if refusal(name):
        return [Path(name)]
    path = Path(name).expanduser()
    if not path.exists() and any(mark in name for mark in "*?["):
        return sorted(path.parent.glob(path.name)) or [path]
    return [path]


def _missing(path: Path) -> str:
    if reason := refusal(path):
        return f"{shown(path)} cannot be read: {reason}"
    if path.is_dir():
        return f"{path} is a folder; give its pictures: {path / '*.jpg'}"
    if not path.exists():
        return f"{path} does not exist; check the name"
    return "" if os.access(path, os.R_OK) else f"{path} must not be read; change its permissions"


def _job(source: Path, output: Output, folder: bool) -> Job:
    if not output.path:
        suffix = source.suffix if is_picture(source) else ".png"
        target = source.with_name(f"{source.stem}{_ADDED}{suffix}")
    elif folder:
        name = source.name if is_picture(source) else f"{source.name}.png"
        target = local_path(output.path) / name
    else:
        target = local_path(output.path)
    preview = target.with_name(f"{target.stem}-preview.png") if output.previews else None
    return Job(source, target, preview)


def _files(job: Job) -> list[Path]:
    return [job.target, *([job.preview] if job.preview else [])]


def _identity(path: Path) -> object:
    """What is the same for all paths to one file, whether it is there yet or not."""
    try:
        found = path.stat()
    except OSError:
        return os.path.normcase(os.path.realpath(path))
    return found.st_dev, found.st_ino


def _nameless(made: Sequence[Job], endings: Sequence[str]) -> Iterator[str]:
    for job in made:
        if job.target.suffix.lower() not in endings:
            yield f"{job.target} names no format to write; use one of {' '.join(endings)}"


def _clashes(made: Sequence[Job]) -> Iterator[str]:
    owners: dict[object, Path] = {}
    for job in made:
        for path in _files(job):
            owner = owners.setdefault(_identity(path), job.source)
            if owner is not job.source:
                yield f"{path} would be written twice: for {owner} and for {job.source}"


def _lost(
    made: Sequence[Job], sources: Sequence[Path], output: Output, replaces_sources: bool = True
) -> Iterator[str]:
    """Files that would be overwritten without leave; where no source may be replaced, with it."""
    owners = {_identity(source): source for source in sources}
    for job in made:
        owner = owners.get(_identity(job.target))
        allowed = replaces_sources and output.overwrite and owner is job.source
        if owner is not None and not allowed:
            hint = ", or --overwrite" if replaces_sources else ""
            yield f"{job.target} is a source; give another target{hint}"
        elif owner is None and not output.overwrite and job.target.is_file():
            yield f"{job.target} is there already; give another target, or --overwrite"
        if job.preview and _identity(job.preview) in owners:
            yield f"{job.preview} is a source and a sheet would replace it; use -o"


def _refused(made: Sequence[Job]) -> Iterator[str]:
    """Places that the system would not look at, or could not give a file of that name."""
    for path in (path for job in made for path in _files(job)):
        if reason := name_too_long(path):
            yield reason
        elif reason := refusal(path):
            yield f"{shown(path)} cannot be written: {reason}"


def _unwritable(made: Sequence[Job]) -> Iterator[str]:
    for path in (path for job in made for path in _files(job)):
        there = next((one for one in (path, *path.parents) if is_there(one)), Path())
        if path.is_dir():
            yield f"{path} is a folder; give the name of a file"
        elif there != path and not there.is_dir():
            yield f"{path} cannot be written: {there} is no folder"
        elif not os.access(there, os.W_OK):
            yield f"{path} cannot be written: {there} must not be written to"
