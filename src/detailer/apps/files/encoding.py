"""Encodings: how each format held a picture, so that it can be written the same way."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar, TypeAlias


@dataclass(frozen=True, slots=True)
class Block:
    """A part of a file under its name: a PNG chunk or a JPEG segment, without its frame."""

    name: bytes
    body: bytes


@dataclass(frozen=True, slots=True)
class PngEncoding:
    """All chunks in their order, those of the pixels left empty."""

    format: ClassVar[str] = "PNG"
    chunks: tuple[Block, ...] = ()


@dataclass(frozen=True, slots=True)
class Behind:
    """What a JPEG file holds behind its first picture.

    Attributes:
        pictures: Where further pictures begin in it.
        distance: How many bytes it begins behind the place that the index of pictures counts from;
            0 if there is no index, or one that is wrong.
    """

    content: bytes = field(default=b"", repr=False)
    pictures: tuple[int, ...] = ()
    distance: int = 0


@dataclass(frozen=True, slots=True)
class JpegEncoding:
    """Quantisation tables and subsampling, which decide what is lost, and the segments.

    Where no pixel of a block changes, its coefficients are taken from the file itself.

    Attributes:
        tables: 64 values each, as Pillow orders them; none: by quality.
        subsampling: 0 is 4:4:4, 1 is 4:2:2, 2 is 4:2:0.
        stored_as_rgb: Whether the components are RGB, not YCbCr.
        coded: The file without the segments, up to its first picture's end.
        behind: What follows there.
    """

    format: ClassVar[str] = "JPEG"
    tables: tuple[tuple[int, ...], ...] = ()
    subsampling: int = 0
    progressive: bool = False
    stored_as_rgb: bool = False
    segments: tuple[Block, ...] = ()
    coded: bytes = field(default=b"", repr=False, compare=False)
    behind: Behind = field(default=Behind(), compare=False)


@dataclass(frozen=True, slots=True)
class WebpEncoding:
    """Lossless or not; how strongly it was compressed is not in the file."""

    format: ClassVar[str] = "WebP"
    lossless: bool = False


@dataclass(frozen=True, slots=True)
class TiffEncoding:
    """How the pixels were packed; the other tags are in the metadata, as an EXIF block.

    Attributes:
        compression: Its number in the TIFF specification.
        associated: Whether the colours are multiplied by alpha.
    """

    format: ClassVar[str] = "TIFF"
    compression: int = 8
    predictor: bool = True
    associated: bool = False


@dataclass(frozen=True, slots=True)
class AvifEncoding:
    """Bits per channel, subsampling, and whether it was kept without loss."""

    format: ClassVar[str] = "AVIF"
    depth: int = 8
    subsampling: str = "4:4:4"
    lossless: bool = False


Encoding: TypeAlias = PngEncoding | JpegEncoding | WebpEncoding | TiffEncoding | AvifEncoding
