"""Segments: the parts before the pixels of a JPEG file."""

from __future__ import annotations

import re
import struct
from collections.abc import Iterable, Iterator

from detailer.apps.files.encoding import Block

EXIF, XMP, ICC = b"Exif\0\0", b"http://ns.adobe.com/xap/1.0/\0", b"ICC_PROFILE\0"
JFIF, ADOBE, MULTIPLE = b"JFIF\0", b"Adobe", b"MPF\0"
APP0, APP1, APP2, APP14, COMMENT = b"\xff\xe0", b"\xff\xe1", b"\xff\xe2", b"\xff\xee", b"\xff\xfe"
ROOM = 65_533
"""Most bytes that one segment holds."""
ISO_GAIN_MAP = b"urn:iso:std:iso:ts:21496:-1\0"
"""What ISO 21496-1's metadata of gain maps begin with, in APP2."""

# In the pixels' own bytes every 0xFF is followed by a 0 or the number of a restart.
_MARKER = re.compile(rb"\xff[^\x00\xff\xd0-\xd7]")
_ALONE = {0x01, *range(0xD0, 0xD9)}
_SCAN, _END, _BEGIN = 0xDA, 0xD9, 0xD8


def split(content: bytes) -> tuple[tuple[Block, ...], bytes]:
    """The application and comment segments, and the file without them.

    What the decoder needs to know of colours, JFIF's and Adobe's, is in both. ValueError where
    the file ends before its pixels begin.
    """
    segments: list[Block] = []
    coded = [content[:2]]
    for name, begin, end in _walked(content):
        body = content[begin + 4 : end]
        if _is_carried(name):
            segments.append(Block(name, body))
        if not _is_carried(name) or body.startswith((JFIF, ADOBE)):
            coded.append(content[begin:end])
    return tuple(segments), b"".join(coded)


def end_of(content: bytes) -> int:
    """Where a file's first picture ends; its last byte where no end is marked.

    ValueError where the file ends before its pixels begin.
    """
    *_, (_, at, end) = _walked(content)
    while content[at + 1] != _END:
        length = int.from_bytes(content[at + 2 : at + 4], "big")
        found = _MARKER.search(content, at + 2 + length)
        if found is None:
            return end
        at = found.start()
        if content[at + 1] == _BEGIN:
            return at
    return at + 2


def place_of(content: bytes, prefix: bytes) -> int:
    """Where the body of the first segment that begins so lies in a file; -1 if there is none."""
    for name, begin, _ in _walked(content):
        if _is_carried(name) and content.startswith(prefix, begin + 4):
            return begin + 4
    return -1


def joined(segments: Iterable[Block], coded: bytes) -> bytes:
    """A file of these segments, and the tables and pixels of a file that may have its own."""
    parts = [coded[:2]]
    parts += [_framed(segment) for segment in segments]
    parts += [
        coded[begin:end]
        for name, begin, end in _walked(coded)
        if not _is_carried(name) or name == APP14
    ]
    return b"".join(parts)


def profile_in(segments: Iterable[Block]) -> bytes | None:
    """The ICC profile, put together from its numbered parts; None if one is missing."""
    bodies = [s.body for s in segments if s.name == APP2 and s.body.startswith(ICC)]
    parts = {body[12]: body for body in bodies if len(body) > 14}
    if not parts or sorted(parts) != list(range(1, next(iter(parts.values()))[13] + 1)):
        return None
    return b"".join(parts[number][14:] for number in sorted(parts))


def profile_segments(icc: bytes) -> Iterator[Block]:
    """An ICC profile cut into as many segments as it needs."""
    room = ROOM - len(ICC) - 2
    count = -(-len(icc) // room)
    for i in range(count):
        body = ICC + bytes([i + 1, count]) + icc[i * room : (i + 1) * room]
        yield Block(APP2, body)


def _is_carried(name: bytes) -> bool:
    """Whether it is a segment of an application, or a comment."""
    return name[1] in range(0xE0, 0xF0) or name == COMMENT


def _framed(segment: Block) -> bytes:
    return segment.name + struct.pack(">H", len(segment.body) + 2) + segment.body


def _walked(content: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Marker, begin and end of each segment; from the first scan on, all is one."""
    at = 2
    while at + 4 <= len(content):
        marker = content[at + 1]
        if content[at] != 0xFF or marker in (0x00, 0xFF):
            # Filling, or stray bytes that decoders pass over too.
            at += 1
            continue
        if marker == _SCAN:
            yield content[at : at + 2], at, len(content)
            return
        alone = marker in _ALONE
        end = at + 2 if alone else at + 2 + int.from_bytes(content[at + 2 : at + 4], "big")
        if end < at + 2 + 2 * (not alone) or end > len(content):
            break
        yield content[at : at + 2], at, end
        at = end
    raise ValueError("it ends before its pixels begin")
