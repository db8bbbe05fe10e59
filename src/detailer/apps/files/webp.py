"""WebP: lossless stays lossless; EXIF, profile and XMP kept."""

from __future__ import annotations

import io
from collections.abc import Iterator

import numpy as np
from PIL import Image
from PIL.WebPImagePlugin import WebPImageFile

from detailer.apps.files import exif
from detailer.apps.files.encoding import WebpEncoding
from detailer.apps.files.photo import Metadata, Photo, colour_of
from detailer.apps.files.source import Extent, Source, by_opencv
from detailer.core.geometry import Size

_NEW_QUALITY = 95
_EFFORT = 80  # without loss, the quality is how hard it tries to be small
_LOSSLESS, _LOSSY, _EXTENDED, _FRAME = b"VP8L", b"VP8 ", b"VP8X", b"ANMF"


def measure(source: Source) -> Extent:
    """Size and frames, by the chunks' heads."""
    parts = source.attempt(lambda: list(_walked(source.content)))
    frames = sum(name == _FRAME for name, _ in parts)
    return Extent(source.attempt(lambda: _size(*parts[0])), max(frames, 1))


def decode(source: Source) -> Photo:
    """The picture; of an animation the frame that the source names."""
    parts = list(_walked(source.content))
    first = {name: bytes(body) for name, body in reversed(parts)}
    if _FRAME in first:
        with source.opened(WebPImageFile) as image:
            source.attempt(lambda: image.seek(source.frame))
            pixels = np.asarray(source.attempt(lambda: image.convert(image.mode)))
    else:
        pixels = source.attempt(lambda: by_opencv(source.content))
    block = exif.bare(first.get(b"EXIF"))
    metadata = Metadata(
        exif=block,
        xmp=first.get(b"XMP "),
        icc=first.get(b"ICCP"),
        dpi=exif.resolution(block),
    )
    encoding = WebpEncoding(lossless=_LOSSLESS in first)
    colour = colour_of(pixels, metadata.icc)
    return Photo(source.path, pixels, colour, metadata, encoding, source.frame)


def encode(photo: Photo, quality: int | None = None) -> bytes:
    """The file: without loss if it was so and no quality of 1 to 100 is given."""
    old = photo.encoded_as(WebpEncoding)
    file = io.BytesIO()
    Image.fromarray(photo.pixels).save(
        file,
        "WEBP",
        lossless=old.lossless and quality is None,
        quality=quality or (_EFFORT if old.lossless else _NEW_QUALITY),
        exact=True,
        exif=photo.metadata.exif or b"",
        xmp=photo.metadata.xmp or b"",
        icc_profile=photo.metadata.icc or b"",
    )
    return file.getvalue()


def _walked(content: bytes) -> Iterator[tuple[bytes, memoryview]]:
    """Name and body of each chunk; ValueError where the file ends before it says it does."""
    whole = memoryview(content)
    end = 8 + int.from_bytes(content[4:8], "little")
    if end > len(content) + 1:
        raise ValueError(f"{end:,} bytes are announced and {len(content):,} are there")
    at = 12
    while at + 8 <= min(end, len(content)):
        length = int.from_bytes(whole[at + 4 : at + 8], "little")
        if at + 8 + length > len(content):
            raise ValueError(f"chunk {bytes(whole[at : at + 4])!r} is cut short")
        yield bytes(whole[at : at + 4]), whole[at + 8 : at + 8 + length]
        at += 8 + length + length % 2


def _size(name: bytes, body: memoryview) -> Size:
    if name == _EXTENDED:
        width, height = (int.from_bytes(body[i : i + 3], "little") + 1 for i in (4, 7))
    elif name == _LOSSLESS:
        bits = int.from_bytes(body[1:5], "little")
        width, height = (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    elif name == _LOSSY:
        width, height = (int.from_bytes(body[i : i + 2], "little") & 0x3FFF for i in (6, 8))
    else:
        raise ValueError(f"its first chunk is {name!r}")
    return Size(width, height)
