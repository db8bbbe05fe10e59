"""EXIF: which way up a picture lies, and a block made true again after painting."""

from __future__ import annotations

import struct

import numpy as np

from detailer.apps.files import tags
from detailer.core.geometry import Size
from detailer.core.pixels import Native

ORIENTATION = 0x0112
_RESOLUTIONS, _UNIT, _INCHES, _CENTIMETRES = (0x011A, 0x011B), 0x0128, 2, 3
_THUMBNAIL = (0x0201, 0x0202)
_PREFIX = b"Exif\0\0"
_WIDTHS, _HEIGHTS = (0x0100, 0xA002), (0x0101, 0xA003)


def bare(block: bytes | None) -> bytes | None:
    """The block without the name that JPEG, and some writers of other files, put before it."""
    while block and block.startswith(_PREFIX):
        block = block[len(_PREFIX) :]
    return block


def opened(block: bytes | None) -> tags.Structure | None:
    """What a block holds, named or bare; offsets count from behind the name."""
    block = bare(block)
    return tags.opened(block) if block else None


def orientation(block: bytes | None) -> int:
    """1 to 8 as EXIF numbers them; 1, upright, where the block does not say."""
    structure = opened(block)
    if structure is None or ORIENTATION not in structure.directory:
        return 1
    value = structure.directory[ORIENTATION].number(structure.order)
    return value if value is not None and 1 <= value <= 8 else 1


def resolution(block: bytes | None) -> tuple[float, float] | None:
    """Pixels per inch, (x, y), where the block gives them."""
    structure = opened(block)
    if structure is None:
        return None
    order, directory = structure.order, structure.directory
    found = [directory[number] for number in _RESOLUTIONS if number in directory]
    if len(found) < 2 or any(tag.kind != 5 for tag in found):
        return None
    x, y = (struct.unpack_from(order + "LL", tag.body) for tag in found)
    unit = directory[_UNIT].number(order) if _UNIT in directory else _INCHES
    per_inch = {_INCHES: 1.0, _CENTIMETRES: 2.54}.get(unit or 0)
    if per_inch is None or not (x[0] and x[1] and y[0] and y[1]):
        return None
    return x[0] / x[1] * per_inch, y[0] / y[1] * per_inch


def upright(pixels: Native, orientation: int) -> Native:
    """The pixels turned and mirrored to the way they are meant to be seen."""
    if orientation > 4:
        pixels = pixels.swapaxes(0, 1)
    if orientation in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    if orientation in (3, 4, 7, 8):
        pixels = pixels[::-1]
    return np.ascontiguousarray(pixels)


def stored(pixels: Native, orientation: int) -> Native:
    """Upright pixels as a file of this orientation holds them."""
    if orientation in (3, 4, 7, 8):
        pixels = pixels[::-1]
    if orientation in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    if orientation > 4:
        pixels = pixels.swapaxes(0, 1)
    return np.ascontiguousarray(pixels)


def renewed(block: bytes, size: Size, orientation: int | None = 1) -> bytes:
    """The block with an orientation, the new size, and no thumbnail of what was there before.

    Values are changed where they lie, because a maker's note is lost when it is moved. A name
    before it stays.

    Args:
        block: An EXIF block.
        size: As the picture is stored.
        orientation: 1 to 8; None leaves it as it is.
    """
    structure, plain = opened(block), bare(block) or b""
    if structure is None:
        return block
    out = bytearray(plain)
    inner = structure.directory.get(tags.EXIF)
    for directory in (structure.directory, inner.inside if inner else {}):
        if orientation is not None:
            _set(out, structure.order, directory.get(ORIENTATION), orientation)
        for number in _WIDTHS:
            _set(out, structure.order, directory.get(number), size.width)
        for number in _HEIGHTS:
            _set(out, structure.order, directory.get(number), size.height)
    _forget_thumbnail(out, structure)
    return block[: len(block) - len(plain)] + bytes(out)


def _forget_thumbnail(block: bytearray, structure: tags.Structure) -> None:
    """Unlinks and blanks it: it may show a face that is now another."""
    at, order = structure.next_at, structure.order
    if at + 4 > len(block):
        return
    (start,) = struct.unpack_from(order + "L", block, at)
    block[at : at + 4] = bytes(4)
    try:
        directory = tags.loaded(bytes(block), order, start) if start else {}
    except struct.error:
        return
    where = [directory[number].number(order) for number in _THUMBNAIL if number in directory]
    if len(where) == 2 and where[0] and where[1]:
        begin, end = where[0], min(where[0] + where[1], len(block))
        block[begin:end] = bytes(max(end - begin, 0))


def without_orientation(block: bytes | None) -> bytes | None:
    """The block put together anew from its sound parts, for formats that turn by other means."""
    structure = opened(block)
    if structure is None:
        return None
    kept = {n: tag for n, tag in structure.directory.items() if n != ORIENTATION}
    return tags.block(kept, structure.order) if kept else None


def _set(block: bytearray, order: str, tag: tags.Tag | None, value: int) -> None:
    if tag is not None and tag.number(order) is not None:
        kind = "H" if tag.kind == 3 else "L"
        struct.pack_into(order + kind, block, tag.at, min(value, 65535 if kind == "H" else value))
