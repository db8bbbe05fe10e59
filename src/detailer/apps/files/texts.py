"""PNG texts: keywords with their values, the XMP packet and the profile, as chunks hold them."""

from __future__ import annotations

import logging
import zlib
from collections.abc import Iterable, Iterator

from detailer.apps.files import exif
from detailer.apps.files.encoding import Block
from detailer.apps.files.photo import Text

log = logging.getLogger(__name__)

TEXTS = (b"tEXt", b"zTXt", b"iTXt")
XMP_KEYWORD = "XML:com.adobe.xmp"
RAW_EXIF = ("Raw profile type exif", "Raw profile type APP1")
"""Keywords under which ImageMagick, and others before PNG had eXIf, keep EXIF as a text."""

_LARGEST = 64_000_000
_LINE = 72  # hexadecimal digits, as ImageMagick writes them


def texts(chunks: Iterable[Block]) -> Iterator[Text]:
    """The texts of tEXt, zTXt and iTXt chunks; what cannot be decoded is left out."""
    for chunk in chunks:
        if chunk.name in TEXTS:
            try:
                yield _text(chunk)
            except (ValueError, zlib.error) as error:
                log.warning("a text chunk cannot be decoded: %s", error)


def _text(chunk: Block) -> Text:
    keyword, _, rest = chunk.body.partition(b"\0")
    if chunk.name == b"tEXt":
        return Text(keyword.decode("latin-1"), rest.decode("latin-1"))
    if chunk.name == b"zTXt":
        return Text(keyword.decode("latin-1"), _inflated(rest[1:]).decode("latin-1"))
    compressed, rest = rest[:1] == b"\1", rest[2:]
    value = rest.split(b"\0", 2)[2] if rest.count(b"\0") >= 2 else b""
    value = _inflated(value) if compressed else value
    return Text(keyword.decode("latin-1"), value.decode("utf-8"))


def _inflated(body: bytes) -> bytes:
    inflate = zlib.decompressobj()
    out = inflate.decompress(body, _LARGEST)
    if inflate.unconsumed_tail:
        raise ValueError(f"it is longer than {_LARGEST:,} bytes")
    return out


def text_chunk(text: Text) -> Block:
    """A text as tEXt, or as iTXt where it needs more than Latin-1."""
    keyword = text.keyword.encode("latin-1", "replace")[:79]
    try:
        return Block(b"tEXt", keyword + b"\0" + text.value.encode("latin-1"))
    except UnicodeEncodeError:
        value = text.value.encode("utf-8", "surrogatepass")
        return Block(b"iTXt", keyword + b"\0\0\0\0\0" + value)


def xmp_chunk(packet: bytes) -> Block:
    """An XMP packet as PNG carries it."""
    return Block(b"iTXt", XMP_KEYWORD.encode() + b"\0\0\0\0\0" + packet)


def profile_chunk(icc: bytes) -> Block:
    """An ICC profile as PNG carries it."""
    return Block(b"iCCP", b"ICC Profile\0\0" + zlib.compress(icc))


def profile_in(body: bytes) -> bytes | None:
    """The ICC profile in the body of an iCCP chunk, if it can be unpacked."""
    try:
        return _inflated(body.partition(b"\0")[2][1:])
    except (ValueError, zlib.error):
        return None


def raw_exif(chunk: Block) -> bytes | None:
    """The EXIF block in a raw profile, with the name before it if it has one; None if none is."""
    keyword = chunk.body.partition(b"\0")[0].decode("latin-1")
    if chunk.name not in TEXTS or keyword not in RAW_EXIF:
        return None
    try:
        # A name, how many bytes there are, and these in hexadecimal digits.
        _, length, *digits = _text(chunk).value.split()
        block = bytes.fromhex("".join(digits))
        whole = len(block) == int(length)
    except (ValueError, zlib.error):
        return None
    # APP1 may be XMP as well.
    return block if whole and exif.opened(block) else None


def with_raw_exif(chunk: Block, block: bytes) -> Block:
    """A raw profile's chunk with another EXIF block, of the same kind and form."""
    name = _text(chunk).value.split()[0]
    digits = block.hex()
    lines = [digits[at : at + _LINE] for at in range(0, len(digits), _LINE)]
    value = "\n".join([f"\n{name}", f"{len(block):8}", *lines, ""]).encode("latin-1")
    keyword, _, rest = chunk.body.partition(b"\0")
    if chunk.name == b"tEXt":
        return Block(chunk.name, keyword + b"\0" + value)
    if chunk.name == b"zTXt":
        return Block(chunk.name, keyword + b"\0\0" + zlib.compress(value))
    language, translated, _ = rest[2:].split(b"\0", 2)
    head = b"\0".join([keyword, rest[:2] + language, translated, b""])
    return Block(chunk.name, head + (zlib.compress(value) if rest[:1] == b"\1" else value))
