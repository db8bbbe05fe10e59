"""Source: a file's bytes and what is asked of them, and the decoders that several formats share."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import cv2
import numpy as np
from PIL import Image, ImageFile

from detailer.core.geometry import Size
from detailer.core.pixels import Native
from detailer.errors import InputError

FAILURES = (
    OSError,
    SyntaxError,
    ValueError,
    TypeError,
    LookupError,
    EOFError,
    ArithmeticError,
    UserWarning,
    RuntimeError,
    struct.error,
    zlib.error,
    cv2.error,
    Image.DecompressionBombError,
)
"""What the libraries raise over bytes that they cannot make sense of."""
_Result = TypeVar("_Result")


@dataclass(frozen=True, slots=True)
class Extent:
    """How large a file's picture is, and of how many frames; known from its head alone."""

    size: Size
    frames: int = 1


@dataclass(frozen=True, eq=False, slots=True)
class Source:
    """A file's bytes, and which of its frames is asked for."""

    path: Path
    content: bytes
    frame: int = 0

    def broken(self, reason: object) -> InputError:
        """The error for a file that cannot be decoded."""
        return InputError(f"{self.path} cannot be read: {reason}; it is damaged or cut short")

    def attempt(self, work: Callable[[], _Result]) -> _Result:
        """What a library makes of the bytes; whatever it stumbles over becomes an InputError."""
        try:
            return work()
        except InputError:
            raise
        except FAILURES as error:
            raise self.broken(error) from error

    def opened(self, kind: Callable[[io.BytesIO], ImageFile.ImageFile]) -> ImageFile.ImageFile:
        """The file in Pillow, by its plugin: `Image.open` would apply a limit of its own."""
        return self.attempt(lambda: kind(io.BytesIO(self.content)))


def by_opencv(content: bytes) -> Native:
    """The pixels as OpenCV decodes them, in their own depth, brought to RGB order."""
    pixels = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_UNCHANGED)
    if pixels is None:
        raise ValueError("OpenCV cannot decode it")
    return in_rgb_order(np.asarray(pixels))


def in_rgb_order(pixels: Native) -> Native:
    """BGR to RGB or RGB to BGR, alpha staying last; grey as it is."""
    if pixels.ndim == 2 or pixels.shape[2] < 3:
        return pixels
    swap = cv2.COLOR_BGR2RGB if pixels.shape[2] == 3 else cv2.COLOR_BGRA2RGBA
    return np.asarray(cv2.cvtColor(pixels, swap))
