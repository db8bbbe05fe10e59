"""JPEG: written again with the tables and the subsampling that it had, and every segment kept."""

from __future__ import annotations

import io
import logging
import struct
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from PIL import Image
from PIL.JpegImagePlugin import JpegImageFile, get_sampling

from detailer.apps.files import dct, exif, mpf, xmp
from detailer.apps.files.encoding import Block, JpegEncoding
from detailer.apps.files.photo import Metadata, Photo, Text
from detailer.apps.files.segments import (
    APP0,
    APP1,
    APP14,
    COMMENT,
    EXIF,
    JFIF,
    ROOM,
    XMP,
    end_of,
    joined,
    profile_in,
    profile_segments,
    split,
)
from detailer.apps.files.source import FAILURES, Extent, Source
from detailer.core.colour import Colour
from detailer.core.geometry import Size
from detailer.core.pixels import Native
from detailer.core.profile import Model

log = logging.getLogger(__name__)

_MODES: dict[str, Model] = {"L": "grey", "RGB": "rgb", "CMYK": "cmyk"}
_NEW_QUALITY = 95
_CENTIMETRES = 2.54


def measure(source: Source) -> Extent:
    """Size, by the frame header; what lies behind the picture (previews, films) is not counted."""
    _, coded = source.attempt(lambda: split(source.content))
    with _opened(source, coded) as image:
        return Extent(Size(*image.size))


def decode(source: Source) -> Photo:
    """The picture with its tables and segments."""
    end = source.attempt(lambda: end_of(source.content))
    segments, coded = source.attempt(lambda: split(source.content[:end]))
    with _opened(source, coded) as image:
        pixels = source.attempt(lambda: np.asarray(image))
        encoding = JpegEncoding(
            tables=source.attempt(lambda: _tables(image)),
            subsampling=max(get_sampling(image), 0),
            progressive="progressive" in image.info,
            stored_as_rgb=_stored_as_rgb(image),
            segments=segments,
            coded=coded,
            behind=mpf.behind(source.content, end),
        )
        model = _MODES[image.mode]
    metadata = _metadata(segments)
    return Photo(source.path, pixels, Colour(model, metadata.icc), metadata, encoding)


def encode(photo: Photo, quality: int | None = None) -> bytes:
    """The file, coded as it was, or with a quality of 1 to 100 if one is given.

    The picture lies in it as the EXIF block's orientation says. Without a quality, blocks of
    which no pixel differs from the file that was read keep their coefficients. What lay behind
    the picture, such as a gain map, stays if it is still true, else it goes with its claims.
    """
    old = photo.encoded_as(JpegEncoding)
    pixels = exif.stored(photo.pixels, exif.orientation(photo.metadata.exif))
    before = _pixels(old.coded) if old.coded else None
    cells = None if before is None or before.shape != pixels.shape else dct.changed(before, pixels)
    coded = None
    if before is not None and cells is not None and quality is None:
        coded = _kept(photo, _Change(before, pixels, cells)) if cells.any() else old.coded
    coded = coded or _coded(photo.colour.model, pixels, old, quality)
    if mpf.may_stay(old.behind, cells, (pixels.shape[1], pixels.shape[0])):
        segments = tuple(s for s in old.segments if not mpf.is_claim(s, old.behind))
        return mpf.appended(joined(_segments(photo.metadata, segments), coded), old.behind)
    if lost := mpf.told(old.behind):
        log.warning("%s: %s is of what was there before, and is left out", photo.path, lost)
    metadata = replace(photo.metadata, xmp=xmp.without_claims(photo.metadata.xmp))
    segments = tuple(s for s in old.segments if not mpf.is_claim(s))
    return joined(_segments(metadata, segments), coded)


@dataclass(frozen=True, eq=False)
class _Change:
    """A file's pixels before and after, and the cells in which they differ."""

    before: Native
    after: Native
    cells: dct.Cells


def _pixels(coded: bytes) -> Native:
    with JpegImageFile(io.BytesIO(coded)) as image:
        return np.asarray(image)


def _kept(photo: Photo, change: _Change) -> bytes | None:
    """The file that was read with only the blocks replaced that must be; None if it cannot be."""
    if not dct.available():
        log.info("pyjpegio is not installed: all blocks of %s are coded anew", photo.path)
        return None
    coded = photo.encoded_as(JpegEncoding).coded
    try:
        merged = dct.merged(coded, change.after, change.cells)
        with JpegImageFile(io.BytesIO(coded)) as image:
            factors = [(layer[1], layer[2]) for layer in image.layer]
        moved = dct.changed(change.before, _pixels(merged))
        if (moved & ~dct.reach(change.cells, factors)).any():
            raise ValueError("unpainted blocks would not stay as they were")
    except FAILURES as error:
        log.warning("all blocks of %s are coded anew: %s", photo.path, error)
        return None
    return merged


def _coded(model: Model, pixels: Native, old: JpegEncoding, quality: int | None) -> bytes:
    """All of the picture coded anew, with the old tables and subsampling."""
    options: dict[str, object] = {"quality": quality or _NEW_QUALITY}
    if quality is None and old.tables:
        options = {"qtables": [list(table) for table in old.tables]}
    file = io.BytesIO()
    mode = next(mode for mode, one in _MODES.items() if one == model)
    size = pixels.shape[1], pixels.shape[0]
    Image.frombuffer(mode, size, pixels, "raw", mode, 0, 1).save(
        file,
        "JPEG",
        subsampling=old.subsampling,
        progressive=old.progressive,
        keep_rgb=old.stored_as_rgb,
        **options,
    )
    return file.getvalue()


def _opened(source: Source, coded: bytes) -> JpegImageFile:
    """The file without the segments, which a decoder has no use for and may stumble over."""
    image = source.attempt(lambda: JpegImageFile(io.BytesIO(coded)))
    if image.mode not in _MODES:
        raise source.broken(f"a JPEG of mode {image.mode}")
    return image


def _tables(image: JpegImageFile) -> tuple[tuple[int, ...], ...]:
    """One table for each component, as Pillow takes them; CMYK, written plain, needs but one."""
    tables = [tuple(image.quantization[layer[3]]) for layer in image.layer]
    if image.mode != "RGB":
        return tuple(tables[:1])
    # The last one given is Pillow's for the components that follow.
    while len(tables) > 1 and tables[-1] == tables[-2]:
        tables.pop()
    return tuple(tables)


def _stored_as_rgb(image: JpegImageFile) -> bool:
    if image.mode != "RGB" or "jfif" in image.info:
        return False
    names = bytes(layer[0] for layer in image.layer)
    return bool(image.info.get("adobe_transform", 0 if names == b"RGB" else 1) == 0)


def _metadata(segments: tuple[Block, ...]) -> Metadata:
    def first(name: bytes, prefix: bytes) -> bytes | None:
        found = (s.body for s in segments if s.name == name and s.body.startswith(prefix))
        body = next(found, None)
        return body[len(prefix) :] if body else None

    block = first(APP1, EXIF)
    comments = (s.body.rstrip(b"\0") for s in segments if s.name == COMMENT)
    return Metadata(
        exif=block,
        xmp=first(APP1, XMP),
        icc=profile_in(segments),
        dpi=_density(first(APP0, JFIF)) or exif.resolution(block),
        texts=tuple(Text("Comment", body.decode("utf-8", "replace")) for body in comments),
    )


def _density(body: bytes | None) -> tuple[float, float] | None:
    if body is None or len(body) < 7 or body[2] not in (1, 2):
        return None
    x, y = struct.unpack_from(">HH", body, 3)
    unit = 1.0 if body[2] == 1 else _CENTIMETRES
    return x * unit, y * unit


def _segments(metadata: Metadata, old: tuple[Block, ...]) -> Iterator[Block]:
    """JFIF first, EXIF and XMP renewed behind it, then all others as they were."""
    fresh = [] if old else list(_fresh(metadata))
    others = [s for s in (*old, *fresh) if not _renewed(s)]
    yield from (s for s in others if s.body.startswith(JFIF))
    packet = metadata.xmp
    if packet and not _fits(XMP, packet):
        packet = xmp.with_record(packet, None)
    for prefix, body in ((EXIF, metadata.exif), (XMP, packet)):
        if body and _fits(prefix, body):
            yield Block(APP1, prefix + body)
    yield from (s for s in others if not s.body.startswith(JFIF))


def _fits(prefix: bytes, body: bytes) -> bool:
    if len(prefix) + len(body) <= ROOM:
        return True
    log.warning("%d bytes of %r are more than a JPEG can hold", len(body), prefix)
    return False


def _renewed(segment: Block) -> bool:
    """Whether a segment is written from the metadata, or by the encoder."""
    return segment.name == APP14 or segment.body.startswith((EXIF, XMP))


def _fresh(metadata: Metadata) -> Iterator[Block]:
    if metadata.dpi:
        x, y = (min(round(dots), 65535) for dots in metadata.dpi)
        yield Block(APP0, JFIF + struct.pack(">HBHHBB", 0x0102, 1, x, y, 0, 0))
    yield from profile_segments(metadata.icc or b"")
    comment = (metadata.text("Comment") or "").encode()
    if 0 < len(comment) <= ROOM:
        yield Block(COMMENT, comment)
