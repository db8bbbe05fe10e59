"""Imported: the ONNX that was once made of a checkpoint, found by the checkpoint's bytes."""

from __future__ import annotations

import hashlib
from pathlib import Path

from detailer.core.paths import local_path
from detailer.engines.files.models import cache_directory
from detailer.errors import EngineError, MissingEngineError

_CHECKPOINT = ".pt"
_CHUNK = 1 << 20
# Weights without their network, and networks for other machinery.
_OTHERS = (".safetensors", ".gguf", ".ckpt", ".pth", ".bin", ".torchscript", ".engine", ".tflite")


def onnx_of(path: str | Path) -> Path:
    """The ONNX file that is meant: the path itself, or what a .pt was imported as.

    Raises:
        MissingEngineError: If it is a .pt that was not imported; it says what to do.
        EngineError: If it is another kind of file, or cannot be read.
    """
    file = local_path(path)
    kind = file.suffix.lower()
    if kind in _OTHERS:
        raise EngineError(
            f"{file} is no ONNX model; yolo takes .onnx, or the .pt of Ultralytics once imported:"
            " detailer engines import FILE.pt"
        )
    if kind != _CHECKPOINT:
        return file
    made = place_of(fingerprint(file))
    if not made.is_file():
        raise MissingEngineError(
            f"{file} is a pickle, which can run any code when it is read, and was not imported;"
            f" if you trust where it comes from: detailer engines import {file}"
        )
    return made


def fingerprint(path: Path) -> str:
    """The sha256 of a file's bytes, in hexadecimal digits.

    Raises:
        EngineError: If it cannot be read.
    """
    digest = hashlib.sha256()
    try:
        with path.open("rb") as file:
            while piece := file.read(_CHUNK):
                digest.update(piece)
    except OSError as error:
        raise EngineError(f"model file {path} cannot be read: {error.strerror}") from error
    return digest.hexdigest()


def place_of(sha256: str) -> Path:
    """Where the ONNX made of a checkpoint with this sha256 is kept, be it there or not."""
    return cache_directory() / "imported" / f"{sha256}.onnx"
