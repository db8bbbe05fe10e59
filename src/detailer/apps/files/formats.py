"""Formats: what can be read and written, told by content in reading, by suffix in writing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from detailer.apps.files import avif, jpeg, png, tiff, webp
from detailer.apps.files.photo import Photo
from detailer.apps.files.source import Extent, Source
from detailer.core.profile import Model
from detailer.errors import InputError

_BYTE, _WORD, _FLOAT = np.dtype(np.uint8), np.dtype(np.uint16), np.dtype(np.float32)


@dataclass(frozen=True, slots=True)
class Format:
    """A format with its three verbs, and what its files can hold.

    Attributes:
        models: The colour models, and those that may have alpha.
        depths: From the least to the most.
        longest: The longest side in pixels.
        turned: Whether a file stored turned is written so again: upright, no block would be
            what it was. Other formats lose nothing, or all pixels alike, and are written upright.
        begins: Whether a file beginning with these 64 bytes is one.
    """

    name: str
    suffixes: tuple[str, ...]
    begins: Callable[[bytes], bool]
    measure: Callable[[Source], Extent]
    decode: Callable[[Source], Photo]
    encode: Callable[[Photo, int | None], bytes]
    models: tuple[Model, ...]
    with_alpha: tuple[Model, ...]
    depths: tuple[np.dtype[np.generic], ...]
    longest: int
    turned: bool = False


FORMATS = (
    Format(
        name="PNG",
        suffixes=(".png", ".apng"),
        begins=lambda head: head.startswith(b"\x89PNG\r\n\x1a\n"),
        measure=png.measure,
        decode=png.decode,
        encode=png.encode,
        models=("grey", "rgb"),
        with_alpha=("grey", "rgb"),
        depths=(_BYTE, _WORD),
        longest=2**31 - 1,
    ),
    Format(
        name="JPEG",
        suffixes=(".jpg", ".jpeg", ".jpe", ".jfif"),
        begins=lambda head: head.startswith(b"\xff\xd8\xff"),
        measure=jpeg.measure,
        decode=jpeg.decode,
        encode=jpeg.encode,
        models=("grey", "rgb", "cmyk"),
        with_alpha=(),
        depths=(_BYTE,),
        longest=65_500,
        turned=True,
    ),
    Format(
        name="WebP",
        suffixes=(".webp",),
        begins=lambda head: head.startswith(b"RIFF") and head[8:12] == b"WEBP",
        measure=webp.measure,
        decode=webp.decode,
        encode=webp.encode,
        models=("rgb",),
        with_alpha=("rgb",),
        depths=(_BYTE,),
        longest=16_383,
    ),
    Format(
        name="TIFF",
        suffixes=(".tif", ".tiff"),
        begins=lambda head: head[:4] in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"),
        measure=tiff.measure,
        decode=tiff.decode,
        encode=tiff.encode,
        models=("grey", "rgb", "cmyk"),
        with_alpha=("grey", "rgb"),
        depths=(_BYTE, _WORD, _FLOAT),
        longest=2**31 - 1,
    ),
    Format(
        name="AVIF",
        suffixes=(".avif",),
        begins=lambda head: head[4:8] == b"ftyp" and (b"avif" in head or b"avis" in head),
        measure=avif.measure,
        decode=avif.decode,
        encode=avif.encode,
        models=("grey", "rgb"),
        with_alpha=("rgb",),
        depths=(_BYTE, _WORD),
        longest=65_536,
    ),
)
NAMES = ", ".join(form.name for form in FORMATS)
SUFFIXES = tuple(suffix for form in FORMATS for suffix in form.suffixes)

_OTHERS = (
    (b"GIF8", 0, "a GIF"),
    (b"BM", 0, "a BMP"),
    (b"heic", 8, "HEIC"),
    (b"heix", 8, "HEIC"),
    (b"mif1", 8, "HEIF"),
    (b"\0\0\0\x0cJXL ", 0, "JPEG XL"),
    (b"\xff\x0a", 0, "JPEG XL"),
    (b"\0\0\0\x0cjP  ", 0, "JPEG 2000"),
    (b"8BPS", 0, "a Photoshop file"),
    (b"%PDF", 0, "a PDF"),
    (b"PK\x03\x04", 0, "a ZIP archive"),
    (b"<svg", 0, "an SVG drawing"),
    (b"<?xml", 0, "XML"),
    (b"<!DOCTYPE html", 0, "a web page"),
    (b"<html", 0, "a web page"),
)


def by_content(path: Path, head: bytes) -> Format:
    """The format of a file, by its first bytes; InputError that says what else they are."""
    for form in FORMATS:
        if form.begins(head):
            return form
    what = next((name for mark, at, name in _OTHERS if head[at:].startswith(mark)), None)
    if what is None:
        raise InputError(f"{path} is not a picture; give one of {NAMES}")
    raise InputError(f"{path} is {what}, which cannot be read; convert it to one of {NAMES}")


def by_suffix(path: Path) -> Format:
    """The format that a target is to be written in; InputError where its suffix tells none."""
    for form in FORMATS:
        if path.suffix.lower() in form.suffixes:
            return form
    raise InputError(
        f"{path} has the suffix {path.suffix or '(none)'}, which names no format to write;"
        f" use one of {', '.join(SUFFIXES)}"
    )
