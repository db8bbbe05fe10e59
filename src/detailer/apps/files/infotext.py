"""Infotext: where A1111 and its kin keep in a picture's file how it was made."""

from __future__ import annotations

from detailer.apps.files import exif, tags
from detailer.apps.files.photo import Photo

PARAMETERS = "parameters"
_COMMENT = 0x9286
_UNICODE, _ASCII, _UNSAID = b"UNICODE\0", b"ASCII\0\0\0", bytes(8)
_MARKS = {b"\xff\xfe": "utf-16-le", b"\xfe\xff": "utf-16-be"}


def infotext_of(photo: Photo) -> str:
    """The infotext in a photo's file: PNG's text `parameters`, or EXIF's comment; "" if none."""
    return photo.metadata.text(PARAMETERS) or _comment(photo.metadata.exif)


def _comment(block: bytes | None) -> str:
    structure = exif.opened(block)
    inside = structure.directory.get(tags.EXIF) if structure else None
    tag = inside.inside.get(_COMMENT) if inside else None
    return decoded(tag.body) if tag else ""


def decoded(comment: bytes) -> str:
    """A UserComment as text: eight bytes that name its letters, and those; "" where unknown."""
    kind, body = comment[:8], comment[8:]
    if kind == _UNICODE:
        text = body.decode(_MARKS.get(body[:2]) or _order(body), "replace").lstrip("\ufeff")
    elif kind in (_ASCII, _UNSAID):
        text = body.decode("utf-8", "replace")
    else:
        return ""
    return text.strip("\0 ")


def _order(body: bytes) -> str:
    """The byte order, which EXIF leaves open: common letters have a 0 before or after them."""
    before, after = body[0::2].count(0), body[1::2].count(0)
    return "utf-16-le" if after > before else "utf-16-be"
