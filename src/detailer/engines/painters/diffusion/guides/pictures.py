"""Pictures: control images and references, read from files that are not trusted."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from detailer.core.canvas import Canvas
from detailer.core.geometry import Size
from detailer.core.paths import local_path
from detailer.core.pixels import Native, Pixels, resize, size_of, to_unit
from detailer.errors import InputError

LARGEST = 80_000_000
"""Pixels that a control image may have."""

_FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "TIFF")
_KEPT = 2


def read_picture(path: str | Path) -> Pixels:
    """A picture file upright, (h, w, 3) float32 sRGB 0..1; what is transparent in it is black.

    Raises:
        InputError: If it is not there, no picture of a known format, or larger than LARGEST.
    """
    file = local_path(path)
    try:
        with warnings.catch_warnings():
            # Pillow's own limit is a warning that comes too late to stop anything.
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            with Image.open(file, formats=_FORMATS) as image:
                if image.width * image.height > LARGEST:
                    size = Size(image.width, image.height)
                    raise InputError(f"{file} is {size}; give a control image of {LARGEST} pixels")
                return to_unit(_rgb(ImageOps.exif_transpose(image)))
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"control image {file} cannot be read: {error}") from error


def _rgb(image: Image.Image) -> Native:
    if image.mode.startswith("I"):
        # Depth is often kept in 16 bits, which Pillow's own conversion would cut off at 255.
        grey = np.clip(np.asarray(image), 0, 65535).astype(np.uint16)
        return np.repeat(grey[..., None], 3, axis=2)
    if image.has_transparency_data:
        opaque = image.convert("RGBA")
        black = Image.new("RGBA", opaque.size, (0, 0, 0, 255))
        image = Image.alpha_composite(black, opaque)
    return np.asarray(image.convert("RGB"))


@dataclass(eq=False)
class Pictures:
    """Control images laid over a picture: fitted to its size once, and the latest ones kept."""

    _laid: dict[tuple[str, int, Size], Canvas] = field(default_factory=dict)

    def laid(self, path: str, size: Size) -> Canvas:
        """A picture file at a picture's size, whatever its own.

        Raises:
            InputError: As `read_picture` does.
        """
        # A picture that was painted over meanwhile is another one.
        file = local_path(path)
        key = path, file.stat().st_mtime_ns if file.is_file() else 0, size
        if key not in self._laid:
            while len(self._laid) >= _KEPT:
                del self._laid[next(iter(self._laid))]
            pixels = read_picture(path)
            fitted = pixels if size_of(pixels) == size else np.clip(resize(pixels, size), 0, 1)
            self._laid[key] = Canvas(fitted)
        return self._laid[key]
