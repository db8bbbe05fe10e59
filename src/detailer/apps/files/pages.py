"""Pages: the pictures of a TIFF file, and their pixels whatever way they lie."""

from __future__ import annotations

import io
from types import ModuleType
from typing import Any

import numpy as np

from detailer.apps.files.palette import Palette
from detailer.apps.files.source import Source
from detailer.core.colour import Colour
from detailer.core.pixels import Native
from detailer.core.profile import Model
from detailer.errors import InputError

JPEG = 7
_DNG = 50706
_MODELS: dict[str, Model] = {
    "MINISBLACK": "grey",
    "MINISWHITE": "grey",
    "RGB": "rgb",
    "PALETTE": "rgb",
    "YCBCR": "rgb",
    "SEPARATED": "cmyk",
}


def library() -> ModuleType:
    """The module tifffile; InputError with the remedy where it is not installed."""
    try:
        import imagecodecs  # noqa: F401 - tifffile finds it by itself
        import tifffile
    except ImportError as error:
        raise InputError(f"TIFF needs {error.name}: pip install 'detailer[files]'") from None
    module: ModuleType = tifffile
    return module


def pages_of(source: Source) -> list[Any]:
    """The full pages; smaller copies of a page and masks are left out."""
    opened = library().TiffFile
    found = source.attempt(lambda: list(opened(io.BytesIO(source.content)).pages))
    full = [page for page in found if not (page.is_reduced or page.is_mask)]
    if not full or source.content[8:10] == b"CR" or _DNG in full[0].tags:
        raise InputError(f"{source.path} is a camera's raw file; develop it to a TIFF first")
    return full


def checked(source: Source, page: Any) -> Model:
    """The colour model of a page of a kind that is understood."""
    name = getattr(page.photometric, "name", str(page.photometric))
    if name not in _MODELS or (name == "YCBCR" and page.compression != JPEG):
        raise InputError(f"{source.path} holds {name} colours; save it as RGB, grey or CMYK")
    model = _MODELS[name]
    samples = page.samplesperpixel
    base = 1 if name == "PALETTE" else Colour(model).channels
    most = 4 if model == "cmyk" or name == "PALETTE" else base + 1
    if not base <= samples <= most or page.imagedepth != 1:
        raise InputError(
            f"{source.path} has {samples} channels of {name}; save it with one alpha channel"
            " at most, CMYK without"
        )
    if str(page.dtype) not in ("bool", "uint8", "uint16", "float16", "float32"):
        raise InputError(
            f"{source.path} holds {page.dtype} values; save it with 8, 16 or float 32 bits"
        )
    for offset, count in zip(page.dataoffsets, page.databytecounts, strict=False):
        if offset + count > len(source.content):
            raise source.broken(f"pixels end at byte {offset + count:,}")
    return model


def pixels_of(page: Any) -> Native:
    """(h, w) or (h, w, channels), black being 0 and few bits spread over all of the type."""
    pixels = np.asarray(page.asarray())
    if page.planarconfig == 2 and pixels.ndim == 3:
        pixels = np.moveaxis(pixels, 0, -1)
    if pixels.dtype == np.float16:
        pixels = pixels.astype(np.float32)
    if pixels.dtype == bool:
        pixels = pixels.astype(np.uint8) * np.uint8(255)
    elif pixels.dtype.kind == "u" and page.photometric.name != "PALETTE":
        pixels = _spread(pixels, page.bitspersample)
    if page.photometric.name == "MINISWHITE":
        top = 1.0 if pixels.dtype.kind == "f" else np.iinfo(pixels.dtype).max
        pixels = np.subtract(top, pixels, dtype=pixels.dtype)
    if pixels.ndim == 3 and pixels.shape[2] == 1:
        pixels = pixels[..., 0]
    return np.ascontiguousarray(pixels)


def _spread(pixels: Native, bits: int) -> Native:
    top, most = np.iinfo(pixels.dtype).max, 2**bits - 1
    if top == most:
        return pixels
    return np.asarray(np.rint(pixels * np.float64(top / most)), pixels.dtype)


def palette_of(page: Any, indices: Native) -> Palette:
    """A palette page's colours, in 8 bits."""
    if indices.dtype != np.uint8 or indices.ndim != 2:
        raise ValueError("a palette of more than 256 colours")
    colours = np.zeros((256, 3), np.uint8)
    known = (np.asarray(page.colormap).T[:256] >> 8).astype(np.uint8)
    colours[: len(known)] = known
    return Palette(indices, colours, len(known))
