"""MPF: what a JPEG holds behind its first picture, such as a gain map, and what claims it.

The Multi-Picture Format (CIPA DC-007) is how MPO, Ultra HDR and Apple's HDR photographs tell
where their further pictures lie.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL.JpegImagePlugin import JpegImageFile

from detailer.apps.files import tags, xmp
from detailer.apps.files.dct import Cells
from detailer.apps.files.encoding import Behind, Block
from detailer.apps.files.segments import ISO_GAIN_MAP, MULTIPLE, XMP, place_of, split
from detailer.apps.files.source import FAILURES

_BEGIN = b"\xff\xd8"
_ENTRIES, _ENTRY = 0xB002, 16
_CELL = 8
# What JPEG makes of black.
_NEUTRAL = 2
_APPLE = b"urn:com:apple:photo:2020:aux:hdrgainmap"
_HEAD = struct.Struct(">HHB")
_MANY, _FRACTIONS = 0x80, ">iI"


def behind(content: bytes, end: int) -> Behind:
    """What lies behind a file's first picture, which ends there, and its pictures."""
    rest = content[end:]
    index = _Index.of(content)
    if index is None:
        return Behind(rest, (0,) if rest.startswith(_BEGIN) else ())
    distance = end - index.origin
    starts = tuple(offset - distance for offset in index.offsets[1:])
    known = all(start >= 0 and rest.startswith(_BEGIN, start) for start in starts)
    return Behind(rest, starts, distance) if known else Behind(rest)


def appended(content: bytes, more: Behind) -> bytes:
    """A file of one picture with these behind it, and its index telling where they now lie."""
    index = _Index.of(content) if more.distance else None
    if index is None:
        return content + more.content
    out = bytearray(content)
    moved = len(content) - index.origin - more.distance
    for i, offset in enumerate(index.offsets):
        field, value = (8, offset + moved) if i else (4, len(content))
        struct.pack_into(index.order + "L", out, index.at + i * _ENTRY + field, value % 2**32)
    return bytes(out) + more.content


def may_stay(more: Behind, cells: Cells | None, size: tuple[int, int]) -> bool:
    """Whether what lies behind a picture is still true of it.

    All of it is where nothing was painted. Else only a gain map that changes nothing under what
    was painted is, and only if nothing else lies there, such as a preview or a film.

    Args:
        more: What lies there.
        cells: The 8 x 8 cells of the picture that were painted; None if its size is another.
        size: Its width and height, as it is stored.
    """
    if cells is not None and not cells.any():
        return True
    if cells is None or more.pictures != (0,):
        return False
    try:
        return _is_neutral(more.content.rstrip(b"\0"), cells, size)
    except FAILURES:
        # What cannot be read may say anything.
        return False


def is_claim(segment: Block, more: Behind | None = None) -> bool:
    """Whether a segment tells of pictures that are not among these; None: there are none."""
    if segment.body.startswith(MULTIPLE):
        return more is None or not more.distance
    return more is None and segment.body.startswith(ISO_GAIN_MAP)


def told(more: Behind) -> str:
    """What lies behind a picture, in words; empty for nothing but padding."""
    if not more.content.strip(b"\0"):
        return ""
    starts = [start for start in more.pictures if _is_gain_map(more.content[start:])]
    others = len(more.pictures) - len(starts)
    parts = ["the gain map"] if starts else []
    parts += [f"{others} other picture{'s' * (others > 1)}"] if others else []
    return " and ".join(parts) or f"{len(more.content)} bytes behind the picture"


@dataclass(frozen=True)
class _Index:
    """The index of a file's pictures.

    Attributes:
        origin: The place in the file that offsets count from.
        at: Where its entries lie in the file; each has a size at 4 and an offset at 8.
        offsets: Of each picture; the first one's is 0.
    """

    origin: int
    order: str
    at: int
    offsets: tuple[int, ...]

    @classmethod
    def of(cls, content: bytes) -> _Index | None:
        """That of a file; None if it has none, or a broken one."""
        place = place_of(content, MULTIPLE)
        origin, length = place + len(MULTIPLE), int.from_bytes(content[place - 2 : place], "big")
        # Never beyond its own segment, whatever it says: entries are written to.
        structure = tags.opened(content[origin : place - 2 + length]) if place >= 0 else None
        tag = structure.directory.get(_ENTRIES) if structure else None
        if structure is None or tag is None:
            return None
        ends = range(_ENTRY, len(tag.body) + 1, _ENTRY)
        offsets = (struct.unpack_from(structure.order + "L", tag.body, end - 8)[0] for end in ends)
        return cls(origin, structure.order, origin + tag.at, tuple(offsets))


def _is_gain_map(content: bytes) -> bool:
    try:
        segments, _ = split(content)
    except ValueError:
        return False
    return any(
        xmp.GAIN_MAP.encode() in s.body or _APPLE in s.body or s.body.startswith(ISO_GAIN_MAP)
        for s in segments
    )


def _is_neutral(content: bytes, cells: Cells, size: tuple[int, int]) -> bool:
    """Whether a gain map brightens nothing in these cells."""
    segments, coded = split(content)
    if not _starts_at_zero(segments):
        return False
    with JpegImageFile(io.BytesIO(coded)) as image:
        gains = np.asarray(image)
    height, width = gains.shape[:2]
    tops, bottoms = _spans(cells.shape[0], height, size[1])
    lefts, rights = _spans(cells.shape[1], width, size[0])
    return all(
        gains[tops[row] : bottoms[row], lefts[column] : rights[column]].max() <= _NEUTRAL
        for row, column in np.argwhere(cells)
    )


def _spans(cells: int, pixels: int, side: int) -> tuple[NDArray[np.int_], NDArray[np.int_]]:
    """First and last map pixels, one more on either side, that tell of each cell of a side."""
    edges = np.arange(cells + 1) * _CELL * pixels / side
    first = np.maximum(np.floor(edges[:-1]).astype(int) - 1, 0)
    last = np.minimum(np.ceil(edges[1:]).astype(int) + 1, pixels)
    return np.minimum(first, pixels - 1), last


def _starts_at_zero(segments: Iterable[Block]) -> bool:
    """Whether a gain map's 0 is no gain at all."""
    for segment in segments:
        if segment.body.startswith(XMP):
            packet = segment.body[len(XMP) :]
            if xmp.GAIN_MAP.encode() in packet:
                return xmp.gain_starts_at_zero(packet)
            if _APPLE in packet:
                return True
        if segment.body.startswith(ISO_GAIN_MAP):
            return _iso_starts_at_zero(segment.body[len(ISO_GAIN_MAP) :])
    return False


def _iso_starts_at_zero(body: bytes) -> bool:
    """The same of ISO 21496-1's metadata: each channel's least gain is 0, its offsets agree."""
    _, _, flags = _HEAD.unpack_from(body)
    values = [n / d for n, d in struct.iter_unpack(_FRACTIONS, body[_HEAD.size :]) if d]
    channels = 3 if flags & _MANY else 1
    # Two headrooms, then least and greatest gain, gamma and two offsets of each channel.
    each = [values[2 + 5 * i : 7 + 5 * i] for i in range(channels)]
    return all(len(one) == 5 and one[0] == 0 and one[3] == one[4] for one in each)
