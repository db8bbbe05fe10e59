"""Picture files made for the tests, in every mode and depth."""

from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from tests.core import profiles

PACKET = (
    b'<?xpacket begin="\xef\xbb\xbf" id="W5M0MpCehiHzreSzNTczkc9d"?>'
    b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF'
    b' xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
    b'<rdf:Description rdf:about="uuid:7" xmlns:tiff="http://ns.adobe.com/tiff/1.0/"'
    b' xmlns:dc="http://purl.org/dc/elements/1.1/" tiff:Orientation="6">'
    b"<dc:creator><rdf:Seq><rdf:li>Ada</rdf:li></rdf:Seq></dc:creator></rdf:Description>"
    b'</rdf:RDF></x:xmpmeta>   <?xpacket end="w"?>'
)
RECORD = '{"version": 1, "skipped": ["zu groß"]}'
THUMBNAIL = b"\xff\xd8 an old face \xff\xd9"
KINDS = {
    "grey8": ((), np.uint8),
    "grey-alpha8": ((2,), np.uint8),
    "rgb8": ((3,), np.uint8),
    "rgba8": ((4,), np.uint8),
    "grey16": ((), np.uint16),
    "grey-alpha16": ((2,), np.uint16),
    "rgb16": ((3,), np.uint16),
    "rgba16": ((4,), np.uint16),
}


def noise(kind: str, width: int = 37, height: int = 23, seed: int = 0) -> np.ndarray:
    """Every level that the kind has, alike probable."""
    channels, dtype = KINDS[kind]
    shape = (height, width, *channels)
    return np.random.default_rng(seed).integers(0, np.iinfo(dtype).max, shape, dtype, endpoint=True)


def smooth(width: int = 48, height: int = 32) -> np.ndarray:
    """RGB that compresses well, different in every corner."""
    corners = np.random.default_rng(5).integers(30, 220, (2, 2, 3)).astype(np.float32)
    return np.rint(cv2.resize(corners, (width, height))).astype(np.uint8)


def exif(orientation: int = 1, *, order: str = "<") -> bytes:
    """A block with a maker, an orientation, EXIF's own size, and a thumbnail."""
    make = b"Maker\0"
    inner_at = 8 + 2 + 12 * 4 + 4
    thumbnail_at = inner_at + 2 + 12 * 2 + 4 + len(make)
    block = struct.pack(order + "2sHL", b"II" if order == "<" else b"MM", 42, 8)
    block += struct.pack(order + "H", 4)
    block += struct.pack(order + "HHLL", 0x010F, 2, len(make), thumbnail_at - len(make))
    block += struct.pack(order + "HHLHH", 0x0112, 3, 1, orientation, 0)
    block += struct.pack(order + "HHLL", 0x8769, 4, 1, inner_at)
    block += struct.pack(order + "HHLL", 0x8298, 2, 3, int.from_bytes(b"me\0\0", _endian(order)))
    block += struct.pack(order + "L", thumbnail_at)
    block += struct.pack(order + "H", 2)
    block += struct.pack(order + "HHLHH", 0xA002, 3, 1, 999, 0)
    block += struct.pack(order + "HHLL", 0xA003, 4, 1, 999)
    block += struct.pack(order + "L", 0) + make
    shown = thumbnail_at + 2 + 12 * 2 + 4
    block += struct.pack(order + "H", 2)
    block += struct.pack(order + "HHLL", 0x0201, 4, 1, shown)
    block += struct.pack(order + "HHLL", 0x0202, 4, 1, len(THUMBNAIL))
    return block + struct.pack(order + "L", 0) + THUMBNAIL


def _endian(order: str) -> str:
    return "little" if order == "<" else "big"


def chunk(name: bytes, body: bytes) -> bytes:
    checksum = zlib.crc32(name + body)
    return struct.pack(">L", len(body)) + name + body + struct.pack(">L", checksum)


def with_chunks(content: bytes, *chunks: bytes) -> bytes:
    """A PNG with more chunks, before its pixels."""
    at = content.index(b"IDAT") - 4
    return content[:at] + b"".join(chunks) + content[at:]


def pillow(pixels: np.ndarray, form: str, mode: str | None = None, **options: object) -> bytes:
    """A file as Pillow writes it."""
    image = Image.fromarray(pixels)
    file = io.BytesIO()
    (image.convert(mode) if mode else image).save(file, form, **options)
    return file.getvalue()


def tiff(pixels: np.ndarray, **options: object) -> bytes:
    """A file as tifffile writes it."""
    import tifffile

    file = io.BytesIO()
    tifffile.imwrite(file, pixels, **options)
    return file.getvalue()


def png16(pixels: np.ndarray) -> bytes:
    """A 16-bit PNG by an encoder that is not ours."""
    import imagecodecs

    return imagecodecs.png_encode(pixels)


def saved(folder: Path, name: str, content: bytes) -> Path:
    path = folder / name
    path.write_bytes(content)
    return path


def full_png() -> bytes:
    """A PNG that carries all that a PNG can."""
    return with_chunks(
        pillow(smooth(), "PNG", icc_profile=profiles.wide_gamut(), dpi=(300, 300)),
        chunk(b"gAMA", struct.pack(">L", 45455)),
        chunk(b"eXIf", exif(1)),
        chunk(b"tEXt", b"parameters\0a photo of Ada\nSteps: 20, Seed: 7"),
        chunk(b"zTXt", b"prompt\0\0" + zlib.compress(b'{"3": {"class_type": "KSampler"}}')),
        chunk(b"iTXt", b"workflow\0\0\0\0\0" + '{"title": "Größe"}'.encode()),
        chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + PACKET),
        chunk(b"prVt", b"safe to copy"),
        chunk(b"prVT", b"depends on the pixels"),
        chunk(b"tIME", b"\x07\xea\x01\x01\0\0\0"),
    )


def full_jpeg() -> bytes:
    """A JPEG that carries all that a JPEG can."""
    content = pillow(
        smooth(),
        "JPEG",
        quality=90,
        dpi=(300, 300),
        exif=b"Exif\0\0" + exif(6, order=">"),
        xmp=PACKET,
        icc_profile=profiles.wide_gamut() + bytes(70_000),
        comment=b"shot by Ada",
    )
    more = b""
    for marker, body in (
        (0xED, b"Photoshop 3.0\x008BIM the IPTC"),
        (0xE1, b"http://ns.adobe.com/xmp/extension/\0" + bytes(40) + b"more"),
        (0xE2, b"MPF\0 where the other pictures lie"),
        (0xE9, b"a maker's own"),
    ):
        more += bytes([0xFF, marker]) + struct.pack(">H", len(body) + 2) + body
    at = content.index(b"\xff\xdb")
    return content[:at] + more + content[at:]
