"""Chunks: the parts that a PNG file is made of."""

from __future__ import annotations

import logging
import struct
import zlib
from collections.abc import Iterable
from dataclasses import dataclass

from detailer.apps.files.encoding import Block

log = logging.getLogger(__name__)

SIGNATURE = b"\x89PNG\r\n\x1a\n"


@dataclass(frozen=True, slots=True)
class Header:
    """The IHDR chunk. `kind` is 0 grey, 2 RGB, 3 palette, 4 grey and alpha, 6 RGB and alpha."""

    width: int
    height: int
    depth: int
    kind: int
    interlaced: int = 0

    @classmethod
    def of(cls, chunk: Block) -> Header:
        """The header that a chunk holds; ValueError if it holds none."""
        if chunk.name != b"IHDR" or len(chunk.body) != 13:
            raise ValueError("it does not begin with a header")
        width, height, depth, kind, _, _, interlaced = struct.unpack(">LLBBBBB", chunk.body)
        return cls(width, height, depth, kind, interlaced)

    def chunk(self) -> Block:
        """The header as a chunk."""
        fields = (self.width, self.height, self.depth, self.kind, 0, 0, self.interlaced)
        return Block(b"IHDR", struct.pack(">LLBBBBB", *fields))


def split(content: bytes) -> tuple[Block, ...]:
    """All chunks up to the end; ValueError where one is cut short or its checksum is wrong.

    A damaged chunk that the pixels do not need is left out.
    """
    chunks = []
    at = len(SIGNATURE)
    while at + 12 <= len(content):
        (length,) = struct.unpack_from(">L", content, at)
        name, end = content[at + 4 : at + 8], at + 8 + length
        if end + 4 > len(content):
            raise ValueError(f"chunk {name!r} is cut short")
        whole = (
            zlib.crc32(memoryview(content)[at + 4 : end])
            == struct.unpack_from(">L", content, end)[0]
        )
        if whole:
            chunks.append(Block(name, content[at + 8 : end]))
        elif name[0:1].isupper():
            raise ValueError(f"chunk {name!r} has a wrong checksum")
        else:
            log.warning("chunk %r has a wrong checksum and is left out", name)
        if name == b"IEND":
            return tuple(chunks)
        at = end + 4
    raise ValueError("its end is missing")


def joined(chunks: Iterable[Block]) -> bytes:
    """A PNG file of these chunks."""
    parts = [SIGNATURE]
    for chunk in chunks:
        checksum = zlib.crc32(chunk.body, zlib.crc32(chunk.name))
        parts += [struct.pack(">L", len(chunk.body)), chunk.name, chunk.body]
        parts.append(struct.pack(">L", checksum))
    return b"".join(parts)
