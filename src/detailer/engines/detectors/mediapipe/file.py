"""Asset: what a model file of MediaPipe holds, read whole and checked before it is used."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, TypeAlias

from detailer.core.paths import local_path
from detailer.errors import EngineError

Network: TypeAlias = Literal["faces", "mesh", "hands"]
"""What a file finds: boxes of faces, points of faces, or points of hands."""

PARTS: Final[dict[Network, tuple[str, ...]]] = {
    "mesh": ("face_detector.tflite", "face_landmarks_detector.tflite"),
    "hands": ("hand_detector.tflite", "hand_landmarks_detector.tflite"),
}
"""The networks that a bundle needs, by what it finds; whatever else it holds is left out."""

LARGEST: Final = 256 << 20
"""No file, and nothing in it, has more bytes; MediaPipe's own have up to 14 MiB."""

_TFLITE = b"TFL3"
_STEP = 4
_HEADER = 30  # bytes before an entry's name
_PAD = 0xD935  # the mark of Android's zipalign for bytes that only align


@dataclass(frozen=True)
class Asset:
    """A checked model: what it finds, and its bytes in the form that MediaPipe takes."""

    network: Network
    content: bytes
    path: Path


def read_asset(path: str | Path) -> Asset:
    """A .tflite or .task file; what it holds is told by its content, not by its name.

    A bundle is packed anew with nothing but the networks that are needed: MediaPipe believes
    what an archive says of its own sizes, and would read beyond its end.

    Raises:
        EngineError: If the file is not there, too large, damaged, or holds something else.
    """
    path = local_path(path)
    content = _content(path)
    if content[4:8] == _TFLITE:
        return Asset("faces", content, path)
    if not zipfile.is_zipfile(io.BytesIO(content)):
        raise EngineError(
            f"{path} is no model of MediaPipe: it is neither a .tflite file nor a .task bundle"
        )
    network, parts = _parts(content, path)
    return Asset(network, _packed(parts), path)


def _content(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            content = file.read(LARGEST + 1)
    except OSError as error:
        raise EngineError(f"model file {path} cannot be read: {error.strerror}") from error
    if len(content) > LARGEST:
        raise EngineError(
            f"{path} has more than {LARGEST >> 20} MiB; that is no face or hand model"
        )
    return content


def _parts(content: bytes, path: Path) -> tuple[Network, dict[str, bytes]]:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            network = _network(archive.namelist(), path)
            return network, {name: _part(archive, name, path) for name in PARTS[network]}
    except (zipfile.BadZipFile, zlib.error, struct.error, OSError, EOFError) as error:
        raise EngineError(f"{path} is a damaged bundle: {error}; fetch it again") from error
    except (NotImplementedError, RuntimeError, ValueError) as error:
        # An unknown compression, a password, a name that is no text.
        raise EngineError(f"{path} is a bundle that cannot be read: {error}") from error


def _network(names: list[str], path: Path) -> Network:
    for network, parts in PARTS.items():
        if all(names.count(part) == 1 for part in parts):
            return network
    held = ", ".join(sorted(names)[:8]) or "nothing"
    raise EngineError(
        f"{path} holds {held}; expected the bundle of a face landmarker"
        f" ({' and '.join(PARTS['mesh'])}) or of a hand landmarker ({' and '.join(PARTS['hands'])})"
    )


def _part(archive: zipfile.ZipFile, name: str, path: Path) -> bytes:
    with archive.open(name) as file:
        # What it says of its size is not believed: no more than this is unpacked.
        part = file.read(LARGEST + 1)
    if len(part) > LARGEST:
        raise EngineError(f"{name} in {path} has more than {LARGEST >> 20} MiB")
    if part[4:8] != _TFLITE:
        raise EngineError(f"{name} in {path} is no .tflite file")
    return part


def _packed(parts: dict[str, bytes]) -> bytes:
    """A bundle as MediaPipe reads it: not compressed, every file on a multiple of four bytes."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
        for name, part in parts.items():
            entry = zipfile.ZipInfo(name)
            room = -(out.tell() + _HEADER + len(name)) % _STEP
            entry.extra = struct.pack("<HH", _PAD, room) + bytes(room)
            archive.writestr(entry, part)
    return out.getvalue()
