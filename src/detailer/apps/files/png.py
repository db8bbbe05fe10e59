"""PNG: pixels of every depth, and every chunk kept."""

from __future__ import annotations

import struct
from collections.abc import Iterator

import numpy as np
from PIL.PngImagePlugin import PngImageFile

from detailer.apps.files import exif
from detailer.apps.files.chunks import Header, joined, split
from detailer.apps.files.encoding import Block, PngEncoding
from detailer.apps.files.photo import Metadata, Photo, colour_of
from detailer.apps.files.scanlines import (
    PALETTE,
    packed,
    packed_palette,
    unpacked,
    unpacked_palette,
)
from detailer.apps.files.source import Extent, Source
from detailer.apps.files.texts import (
    TEXTS,
    XMP_KEYWORD,
    profile_chunk,
    profile_in,
    raw_exif,
    text_chunk,
    texts,
    with_raw_exif,
    xmp_chunk,
)
from detailer.core.geometry import Size
from detailer.core.pixels import Native

RECORD = "detailer"
_INCH = 0.0254
_RENEWED = (RECORD.encode(), XMP_KEYWORD.encode())
# A chunk is kept if it is known here or, as PNG's rules have it, named safe to copy by a small
# fourth letter. Those of the pixels' own form are kept with that form.
_KNOWN = (b"iCCP", b"sRGB", b"gAMA", b"cHRM", b"cICP", b"mDCV", b"cLLI", b"sTER", b"sCAL", b"pCAL")
_OF_THE_FORM = (b"PLTE", b"tRNS", b"bKGD", b"hIST", b"sBIT")


def measure(source: Source) -> Extent:
    """Size and frames, by the header."""
    chunks = source.attempt(lambda: split(source.content))
    header = source.attempt(lambda: Header.of(chunks[0]))
    return Extent(Size(header.width, header.height), _frames(source, chunks))


def decode(source: Source) -> Photo:
    """The picture with its chunks; of an animation the frame that the source names."""
    chunks = source.attempt(lambda: split(source.content))
    palette = None
    if _frames(source, chunks) > 1:
        pixels = source.attempt(lambda: _frame(source))
    elif Header.of(chunks[0]).kind == PALETTE:
        palette = source.attempt(lambda: unpacked_palette(chunks))
        pixels = palette.pixels()
    else:
        pixels = source.attempt(lambda: unpacked(chunks))
    kept = tuple(Block(c.name, b"") if c.name == b"IDAT" else c for c in chunks)
    metadata = _metadata(chunks)
    colour = colour_of(pixels, metadata.icc)
    return Photo(source.path, pixels, colour, metadata, PngEncoding(kept), source.frame, palette)


def encode(photo: Photo, quality: int | None = None) -> bytes:
    """The file: pixels without loss, and the chunks that the photo came with.

    A palette is written where the photo has one; `quality` has no meaning here.
    """
    palette = photo.palette
    header, *body = packed(photo.pixels) if palette is None else packed_palette(palette.indices)
    image = [chunk for chunk in body if chunk.name == b"IDAT"]
    old = photo.encoded_as(PngEncoding).chunks
    start = next((i for i, chunk in enumerate(old) if chunk.name == b"IDAT"), len(old))
    same = bool(old) and _form(old[0]) == _form(header)
    old = tuple(_upright(chunk, photo.size) for chunk in old)
    new = _from_metadata(photo.metadata, old)
    # Before the pixels, where readers find them without decoding.
    before = [header, *_kept(old[:start], same), *new]
    return joined([*before, *image, *_kept(old[start:], same), Block(b"IEND", b"")])


def _upright(chunk: Block, size: Size) -> Block:
    """The chunk; EXIF in a raw profile made true of the picture as it now is."""
    block = raw_exif(chunk)
    return chunk if block is None else with_raw_exif(chunk, exif.renewed(block, size))


def _frames(source: Source, chunks: tuple[Block, ...]) -> int:
    if all(chunk.name != b"acTL" for chunk in chunks):
        return 1
    with source.opened(PngImageFile) as image:
        return int(getattr(image, "n_frames", 1))


def _frame(source: Source) -> Native:
    with source.opened(PngImageFile) as image:
        image.seek(source.frame)
        grey, clear = image.mode in ("1", "L", "LA"), image.has_transparency_data
        mode = ("LA" if clear else "L") if grey else ("RGBA" if clear else "RGB")
        return np.asarray(image.convert(mode))


def _metadata(chunks: tuple[Block, ...]) -> Metadata:
    first = {chunk.name: chunk.body for chunk in reversed(chunks)}
    found = tuple(texts(chunk for chunk in chunks if raw_exif(chunk) is None))
    packet = next((text.value for text in found if text.keyword == XMP_KEYWORD), None)
    raw = next(filter(None, map(raw_exif, chunks)), None)
    return Metadata(
        exif=first.get(b"eXIf", raw),
        xmp=packet.encode() if packet else None,
        icc=profile_in(first[b"iCCP"]) if b"iCCP" in first else None,
        dpi=_dpi(first.get(b"pHYs", b"")),
        texts=tuple(text for text in found if text.keyword != XMP_KEYWORD),
    )


def _dpi(body: bytes) -> tuple[float, float] | None:
    if len(body) != 9 or body[8] != 1:
        return None
    x, y = struct.unpack_from(">LL", body)
    return x * _INCH, y * _INCH


def _from_metadata(metadata: Metadata, old: tuple[Block, ...]) -> Iterator[Block]:
    """Chunks for what is renewed; for all the rest too where no chunks of the source hold it."""
    fresh = not old
    is_raw = all(c.name != b"eXIf" for c in old) and any(map(raw_exif, old))
    if fresh and metadata.icc:
        yield profile_chunk(metadata.icc)
    if fresh and metadata.dpi:
        x, y = (round(dots / _INCH) for dots in metadata.dpi)
        yield Block(b"pHYs", struct.pack(">LLB", x, y, 1))
    if metadata.exif and not is_raw:
        yield Block(b"eXIf", metadata.exif)
    if metadata.xmp:
        yield xmp_chunk(metadata.xmp)
    for text in metadata.texts:
        if fresh or text.keyword == RECORD:
            yield text_chunk(text)


def _form(chunk: Block) -> tuple[int, int]:
    """What a header says of the pixels; for indices the depth does not matter."""
    header = Header.of(chunk)
    return header.kind, 0 if header.kind == PALETTE else header.depth


def _kept(chunks: tuple[Block, ...], same_form: bool) -> Iterator[Block]:
    for chunk in chunks:
        small = chunk.name[0:1].islower() and chunk.name[3:4].islower()
        of_the_form = chunk.name in _OF_THE_FORM
        renewed = chunk.name == b"eXIf" or (
            chunk.name in TEXTS and chunk.body.partition(b"\0")[0] in _RENEWED
        )
        if (small or chunk.name in _KNOWN or (of_the_form and same_form)) and not renewed:
            yield chunk
