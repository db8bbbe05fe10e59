"""Tags: the directories of a TIFF structure, as TIFF files and EXIF blocks hold them."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

EXIF, GPS, INTEROPERABILITY = 0x8769, 0x8825, 0xA005
_POINTERS = (EXIF, GPS, INTEROPERABILITY)
_WIDTHS = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4}
_DEEPEST = 3
_ORDERS = {b"II*\0": "<", b"MM\0*": ">"}

Directory: TypeAlias = Mapping[int, "Tag"]


@dataclass(frozen=True, slots=True)
class Tag:
    """A value as it lies in the file.

    Attributes:
        kind: The type's number in the TIFF specification.
        count: How many values of that type.
        body: The values in the structure's byte order.
        at: Where the values begin.
        inside: The directory that it points to, for EXIF, GPS and interoperability.
    """

    kind: int
    count: int
    body: bytes
    at: int = 0
    inside: Directory = field(default_factory=dict)

    def number(self, order: str) -> int | None:
        """Its first value, where it is a SHORT or a LONG."""
        if self.kind not in (3, 4) or self.count < 1:
            return None
        return int(struct.unpack_from(order + ("H" if self.kind == 3 else "L"), self.body)[0])


@dataclass(frozen=True, slots=True)
class Structure:
    """The first directory of a TIFF structure, its byte order, and where the next is named."""

    order: str
    directory: Directory
    next_at: int


def opened(content: bytes) -> Structure | None:
    """The structure of an EXIF block or a TIFF file; None if it is none or is broken."""
    order = _ORDERS.get(content[:4])
    if order is None:
        return None
    try:
        (start,) = struct.unpack_from(order + "L", content, 4)
        (count,) = struct.unpack_from(order + "H", content, start)
        return Structure(order, loaded(content, order, start), start + 2 + 12 * count)
    except struct.error:
        return None


def loaded(content: bytes, order: str, start: int, depth: int = 0) -> Directory:
    """The directory at an offset, with those inside; tags that point nowhere are left out.

    Of a number given twice the first counts: a few kilobytes of directories that point back at
    themselves, many times each, would otherwise never be read to an end.
    """
    (count,) = struct.unpack_from(order + "H", content, start)
    directory: dict[int, Tag] = {}
    for at in range(start + 2, start + 2 + 12 * count, 12):
        number, kind, values = struct.unpack_from(order + "HHL", content, at)
        length = _WIDTHS.get(kind, 0) * values
        begin = at + 8 if length <= 4 else struct.unpack_from(order + "L", content, at + 8)[0]
        if length == 0 or begin + length > len(content) or number in directory:
            continue
        tag = Tag(kind, values, content[begin : begin + length], begin)
        if number in _POINTERS and depth < _DEEPEST:
            tag = _followed(content, order, tag, depth)
        directory[number] = tag
    return directory


def _followed(content: bytes, order: str, tag: Tag, depth: int) -> Tag:
    start = tag.number(order) or len(content)
    try:
        inside = loaded(content, order, start, depth + 1)
    except struct.error:
        inside = {}
    return Tag(tag.kind, tag.count, tag.body, tag.at, inside)


def block(directory: Directory, order: str) -> bytes:
    """The directory as an EXIF block."""
    head = struct.pack(order + "2sHL", b"II" if order == "<" else b"MM", 42, 8)
    return head + packed(directory, order, 8)


def packed(directory: Directory, order: str, start: int) -> bytes:
    """The directory as bytes to lie at an offset, what it points to behind it, no next one."""
    numbers = sorted(n for n, tag in directory.items() if n not in _POINTERS or tag.inside)
    table = bytearray(struct.pack(order + "H", len(numbers)))
    rest = bytearray()
    behind = start + 2 + 12 * len(numbers) + 4
    for number in numbers:
        tag = directory[number]
        body = tag.body
        if tag.inside:
            body = struct.pack(order + "L", behind + len(rest))
            rest += packed(tag.inside, order, behind + len(rest))
        elif len(body) > 4:
            body = struct.pack(order + "L", behind + len(rest))
            rest += tag.body
        rest += bytes(len(rest) % 2)
        kind, count = (4, 1) if tag.inside else (tag.kind, tag.count)
        table += struct.pack(order + "HHL", number, kind, count) + body.ljust(4, b"\0")
    return bytes(table + bytes(4) + rest)
