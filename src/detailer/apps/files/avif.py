"""AVIF: 8, 10 and 12 bits; EXIF, profile and XMP kept."""

from __future__ import annotations

import io

import cv2
import numpy as np
from PIL import Image
from PIL.AvifImagePlugin import AvifImageFile

from detailer.apps.files import exif
from detailer.apps.files.encoding import AvifEncoding
from detailer.apps.files.photo import Metadata, Photo, colour_of
from detailer.apps.files.source import Extent, Source, by_opencv, in_rgb_order
from detailer.core.geometry import Size
from detailer.core.pixels import Native

_NEW_QUALITY = 90
_NEW_DEPTH = 12
_LOSSLESS = 100
# Flags in the box av1C.
_DEEP, _TWELVE, _GREY, _HALF_WIDTH, _HALF_HEIGHT = 0x40, 0x20, 0x10, 0x08, 0x04


def measure(source: Source) -> Extent:
    """Size and frames, before anything is decoded."""
    with source.opened(AvifImageFile) as image:
        return Extent(Size(*image.size), getattr(image, "n_frames", 1))


def decode(source: Source) -> Photo:
    """The picture; of an animation the frame that the source names, in 8 bits."""
    encoding = _encoding(source.content)
    with source.opened(AvifImageFile) as image:
        block = exif.bare(image.info.get("exif"))
        metadata = Metadata(
            exif=block,
            xmp=image.info.get("xmp"),
            icc=image.info.get("icc_profile"),
            dpi=exif.resolution(block),
        )
        if encoding.depth == 8 or getattr(image, "n_frames", 1) > 1:
            source.attempt(lambda: image.seek(source.frame))
            pixels = source.attempt(lambda: np.asarray(image))
        else:
            pixels = source.attempt(lambda: _deep(source.content, encoding.depth))
    colour = colour_of(pixels, metadata.icc)
    return Photo(source.path, pixels, colour, metadata, encoding, source.frame)


def encode(photo: Photo, quality: int | None = None) -> bytes:
    """The file: without loss if it was so and no quality of 1 to 100 is given."""
    old = photo.encoded_as(AvifEncoding)
    if photo.pixels.dtype == np.uint16:
        depth = old.depth if photo.format == old.format else _NEW_DEPTH
        return _by_opencv(photo, depth, quality, old.lossless)
    if old.lossless and quality is None:
        return _by_opencv(photo, 8, quality, lossless=True)
    metadata = photo.metadata
    file = io.BytesIO()
    Image.fromarray(photo.pixels).save(
        file,
        "AVIF",
        quality=quality or _NEW_QUALITY,
        subsampling="4:0:0" if photo.pixels.ndim == 2 else old.subsampling,
        exif=exif.without_orientation(metadata.exif) or b"",
        xmp=metadata.xmp or b"",
        icc_profile=metadata.icc or b"",
    )
    return file.getvalue()


def _encoding(content: bytes) -> AvifEncoding:
    at = content.find(b"av1C")
    flags = content[at + 6] if 0 <= at < len(content) - 6 else 0
    depth = 8 if not flags & _DEEP else 12 if flags & _TWELVE else 10
    halved = bool(flags & _HALF_WIDTH) + bool(flags & _HALF_HEIGHT)
    subsampling = "4:4:4" if flags & _GREY else ("4:4:4", "4:2:2", "4:2:0")[halved]
    # Without loss, colours are stored as they are, by the identity matrix (number 0).
    colours = content.find(b"colrnclx")
    identity = colours >= 0 and content[colours + 12 : colours + 14] == b"\0\0"
    return AvifEncoding(depth, subsampling, identity and not halved)


def _deep(content: bytes, depth: int) -> Native:
    """10 or 12 bits spread over the 16 of the array."""
    pixels = by_opencv(content)
    if pixels.dtype != np.uint16:
        raise ValueError(f"this OpenCV does not decode AVIF of {depth} bits")
    top = 2**depth - 1
    return np.asarray((pixels.astype(np.uint32) * 65535 + top // 2) // top, np.uint16)


def _by_opencv(photo: Photo, depth: int, quality: int | None, lossless: bool) -> bytes:
    """Through OpenCV, which writes more than 8 bits and, at quality 100, without loss."""
    pixels = photo.pixels
    if depth > 8:
        top = 2**depth - 1
        pixels = np.asarray((pixels.astype(np.uint32) * top + 32767) // 65535, np.uint16)
    if lossless and quality is None:
        quality = _LOSSLESS
    kinds = {
        cv2.IMAGE_METADATA_EXIF: photo.metadata.exif,
        cv2.IMAGE_METADATA_XMP: photo.metadata.xmp,
        cv2.IMAGE_METADATA_ICCP: photo.metadata.icc,
    }
    given = {kind: np.frombuffer(body, np.uint8) for kind, body in kinds.items() if body}
    _, content = cv2.imencodeWithMetadata(
        ".avif",
        in_rgb_order(pixels),
        list(given),
        list(given.values()),
        [cv2.IMWRITE_AVIF_DEPTH, depth, cv2.IMWRITE_AVIF_QUALITY, quality or _NEW_QUALITY],
    )
    return content.tobytes()
