"""Headers: what a safetensors file holds, read without its weights and without torch."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Final, TypeGuard

from detailer.errors import EngineError

# The format's own limit: a longer header is not read by anyone.
_LONGEST = 100_000_000
_LENGTH = 8
_POINTER = b"version "
_PAGES = (b"<!DOCTYP", b"<!doctyp", b"<html", b"<HTML")

BITS: Final[Mapping[str, int]] = {
    "F4": 4, "F6_E2M3": 6, "F6_E3M2": 6, "BOOL": 8, "U8": 8, "I8": 8, "F8_E4M3": 8, "F8_E5M2": 8,
    "F8_E8M0": 8, "F8_E4M3FNUZ": 8, "F8_E5M2FNUZ": 8, "I16": 16, "U16": 16, "F16": 16, "BF16": 16,
    "I32": 32, "U32": 32, "F32": 32, "I64": 64, "U64": 64, "F64": 64, "C64": 64,
}  # fmt: skip
"""Bits of one number, by the format's name of its type."""


@dataclass(frozen=True, slots=True)
class Weight:
    """One tensor of a file: its type by the format's name, its shape, and where it begins."""

    dtype: str
    shape: tuple[int, ...]
    start: int = 0

    @property
    def numbers(self) -> int:
        """How many numbers it has."""
        return math.prod(self.shape)

    @property
    def bytes(self) -> int:
        """What it takes in the file."""
        return self.numbers * BITS[self.dtype] // 8


@dataclass(frozen=True, slots=True)
class Header:
    """The tensors of a file by name, and what its maker noted."""

    path: Path
    weights: Mapping[str, Weight]
    notes: Mapping[str, str]

    def under(self, prefix: str) -> dict[str, Weight]:
        """The tensors whose names begin so, without that beginning."""
        return {
            name[len(prefix) :]: weight
            for name, weight in self.weights.items()
            if name.startswith(prefix)
        }


def read_header(path: Path) -> Header:
    """The header of a file, checked against the file's size.

    Raises:
        EngineError: If the file is cut short, is no safetensors file, or contradicts itself.
    """
    try:
        with path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            length, text = _read(file, size, path)
    except OSError as error:
        raise EngineError(f"{path} cannot be read ({error})") from error
    entries = _parsed(text, path)
    notes = entries.pop("__metadata__", {})
    if not isinstance(notes, dict):
        raise _nonsense(path, "its notes are no table")
    weights = {name: _weight(name, entry, path) for name, entry in entries.items()}
    _check_places(weights, size - length - _LENGTH, path)
    kept = {str(name): str(note) for name, note in notes.items()}
    placed = {
        name: Weight(each.dtype, each.shape, each.start + length + _LENGTH)
        for name, each in weights.items()
    }
    return Header(path, placed, kept)


def _read(file: BinaryIO, size: int, path: Path) -> tuple[int, bytes]:
    begin = file.read(_LENGTH)
    if begin.startswith(_POINTER) or begin.startswith(_PAGES):
        what = "a git-lfs pointer" if begin.startswith(_POINTER) else "a web page"
        raise EngineError(f"{path} is {what} of {size} bytes, not the model; fetch the file itself")
    length = int.from_bytes(begin, "little")
    if len(begin) == _LENGTH and length > _LONGEST:
        raise _nonsense(path, f"its header would have {length} bytes")
    if size < _LENGTH + length:
        raise _truncated(path, size, f"more than {_LENGTH + length}")
    return length, file.read(length)


def _parsed(text: bytes, path: Path) -> dict[str, Any]:
    try:
        entries = json.loads(text.decode("utf-8"), object_pairs_hook=_once)
    except (ValueError, RecursionError) as error:
        raise _nonsense(path, f"its header is no JSON ({error})") from error
    if not isinstance(entries, dict):
        raise _nonsense(path, "its header is no table")
    return entries


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name stands in it twice")
    return found


def _weight(name: str, entry: Any, path: Path) -> Weight:
    """A tensor's entry; its start counts from the end of the header yet."""
    wrong = _nonsense(path, f"the entry of {name!r} cannot be understood")
    if not isinstance(entry, dict) or entry.get("dtype") not in BITS:
        raise wrong
    shape, places = entry.get("shape"), entry.get("data_offsets")
    if not _are_whole(shape) or not _are_whole(places) or len(places) != 2:
        raise wrong
    weight = Weight(entry["dtype"], tuple(shape), places[0])
    if places[1] - places[0] != weight.bytes:
        said = f"{weight.dtype} {list(weight.shape)}, which is {weight.bytes} bytes"
        raise _nonsense(path, f"{name!r} is {said}, but has {places[1] - places[0]}")
    return weight


def _are_whole(numbers: Any) -> TypeGuard[list[int]]:
    # True and False are whole numbers to Python.
    return isinstance(numbers, list) and all(type(each) is int and each >= 0 for each in numbers)


def _check_places(weights: Mapping[str, Weight], there: int, path: Path) -> None:
    """Tensors lie end to end: one that overlaps another is a forgery, a gap hides something."""
    end = 0
    for name, weight in sorted(weights.items(), key=lambda each: (each[1].start, each[1].bytes)):
        if weight.start != end:
            what = "overlaps another" if weight.start < end else "leaves a gap before it"
            raise _nonsense(path, f"{name!r} {what}")
        end += weight.bytes
    if there < end:
        size = path.stat().st_size
        raise _truncated(path, size, str(size - there + end))
    if there > end:
        raise _nonsense(path, f"{there - end} bytes follow its last tensor")


def _truncated(path: Path, size: int, expected: str) -> EngineError:
    return EngineError(
        f"{path} is cut short: it has {size} bytes, expected {expected}; fetch it again"
    )


def _nonsense(path: Path, why: str) -> EngineError:
    return EngineError(f"{path} is no whole safetensors file: {why}; fetch it again")
