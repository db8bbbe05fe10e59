"""XMP: our record laid into a packet, beside all that is there, and found again."""

from __future__ import annotations

import base64
import binascii
import logging
import re
import zlib
from xml.etree import ElementTree
from xml.sax.saxutils import escape

log = logging.getLogger(__name__)

_SPACE = "urn:detailer:1.0#"
_RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
_EMPTY = (
    '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>\n'
    '<x:xmpmeta xmlns:x="adobe:ns:meta/">'
    f'<rdf:RDF xmlns:rdf="{_RDF}"></rdf:RDF></x:xmpmeta>\n<?xpacket end="w"?>'
)
_OURS = re.compile(
    rf'<rdf:Description[^>]*xmlns:detailer="{re.escape(_SPACE)}"[^>]*>'
    r"<detailer:record>[^<]*</detailer:record></rdf:Description>"
)
GAIN_MAP = "http://ns.adobe.com/hdr-gain-map/1.0/"
"""The namespace of Ultra HDR's gain maps."""

# Patterns of the names that tell of what lies behind a picture, by their namespace.
_CLAIMS: dict[str, str] = {
    GAIN_MAP: r"\w+",
    "http://ns.google.com/photos/1.0/container/": r"\w+",
    "http://ns.google.com/photos/1.0/container/item/": r"\w+",
    "http://ns.google.com/photos/1.0/camera/": r"(?:MotionPhoto|MicroVideo)\w*",
    "http://ns.apple.com/HDRGainMap/1.0/": r"\w+",
    "http://ns.apple.com/pixeldatainfo/1.0/": r"\w+",
}
_END = re.compile(r"</\s*(?:\w+:)?RDF\s*>")
_ABOUT = re.compile(r"""\brdf:about\s*=\s*(["'])(.*?)\1""")
_ORIENTATION = re.compile(r"""((?:\btiff:Orientation\s*=\s*["'])|(?:<tiff:Orientation>))\s*[2-8]""")
_PLAIN = re.compile("[\\t\\n\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]*")
# A JPEG holds 64 KiB of XMP: a long record goes in compressed.
_LONG = 16_000
_COMPRESSED = "zlib:"
_MOST = 64_000_000


def with_record(packet: bytes | None, record: str | None) -> bytes | None:
    """The packet with our record in it, or without where there is none to give.

    Everything else stays as it is, but for blanks at the ends. A packet that cannot be read
    stays as it is too, without the record, and a warning is logged.
    """
    if packet is None and record is None:
        return None
    text = _EMPTY if packet is None else _text(packet)
    if text is None:
        if record is not None:
            log.warning("the XMP packet cannot be read; it is kept, and the record is not written")
        return packet
    text = _OURS.sub("", text)
    if record is not None:
        end = list(_END.finditer(text))[-1].start()
        text = text[:end] + _description(record, text) + text[end:]
    return text.encode()


def record_in(packet: bytes | None) -> str | None:
    """Our record, wherever the packet holds it; other programs may have rewritten the packet."""
    text = _text(packet) if packet else None
    if text is None:
        return None
    name = f"{{{_SPACE}}}record"
    for element in ElementTree.fromstring(text).iter():
        value = element.text if element.tag == name else element.get(name)
        if value:
            return _unpacked(value)
    return None


def upright(packet: bytes | None) -> bytes | None:
    """The packet with the orientation put to 1, where it gives one."""
    text = _text(packet) if packet else None
    if text is None or not _ORIENTATION.search(text):
        return packet
    return _ORIENTATION.sub(r"\g<1>1", text).encode()


def without_claims(packet: bytes | None) -> bytes | None:
    """The packet without what it says of gain maps, films and other pictures in its file."""
    text = _text(packet) if packet else None
    if text is None:
        return packet
    before = text
    for space, names in _CLAIMS.items():
        for prefix in _prefixes(text, space):
            name = f"{re.escape(prefix)}:{names}"
            text = re.sub(rf"<({name})\b[^>]*?(?:/>|>.*?</\1\s*>)", "", text, flags=re.DOTALL)
            text = re.sub(rf"""\s+{name}\s*=\s*(?:"[^"]*"|'[^']*')""", "", text)
            if not re.search(rf"[<\s/]{re.escape(prefix)}:", text):
                text = re.sub(rf"""\s+xmlns:{re.escape(prefix)}\s*=\s*["'][^"']*["']""", "", text)
    return packet if text == before or _text(text.encode()) is None else text.encode()


def gain_starts_at_zero(packet: bytes) -> bool:
    """Whether Ultra HDR's metadata say that a gain map's 0 leaves a pixel as it is."""
    text = _text(packet)
    if text is None:
        return False

    def numbers(name: str, default: float) -> list[float]:
        told = _numbers(text, name)
        return told or [default]

    same = numbers("OffsetSDR", 1 / 64) == numbers("OffsetHDR", 1 / 64)
    based = re.search(r"""BaseRenditionIsHDR\s*(?:=\s*["']|>)\s*True""", text)
    return same and based is None and not any(numbers("GainMapMin", 0.0))


def _numbers(text: str, name: str) -> list[float]:
    """A value of the gain map's namespace, or those of each channel."""
    root = ElementTree.fromstring(text)
    key = f"{{{GAIN_MAP}}}{name}"
    for element in root.iter():
        found = [element.get(key)] if element.get(key) else []
        if element.tag == key:
            found = [each.text for each in element.iter() if (each.text or "").strip()]
        if found:
            return [float(each or "nan") for each in found]
    return []


def _prefixes(text: str, space: str) -> list[str]:
    return re.findall(rf"""xmlns:([\w.-]+)\s*=\s*["']{re.escape(space)}["']""", text)


def _text(packet: bytes) -> str | None:
    """The packet's text, if it is XML with an RDF part to add to."""
    try:
        text = packet.decode("utf-8").strip("\ufeff\0 \r\n\t")
        if "<!DOCTYPE" in text:
            return None
        ElementTree.fromstring(text)
    except (UnicodeDecodeError, ElementTree.ParseError):
        return None
    return text if _END.search(text) else None


def _description(record: str, text: str) -> str:
    found = _ABOUT.search(text)
    about = found[2].replace('"', "&quot;") if found else ""
    return (
        f'<rdf:Description rdf:about="{about}" xmlns:rdf="{_RDF}"'
        f' xmlns:detailer="{_SPACE}"><detailer:record>{escape(_packed(record))}'
        "</detailer:record></rdf:Description>"
    )


def _packed(record: str) -> str:
    if len(record) < _LONG and _PLAIN.fullmatch(record) and not record.startswith(_COMPRESSED):
        return record
    body = zlib.compress(record.encode("utf-8", "surrogatepass"), 9)
    return _COMPRESSED + base64.b64encode(body).decode()


def _unpacked(value: str) -> str | None:
    if not value.startswith(_COMPRESSED):
        return value
    try:
        body = base64.b64decode(value.removeprefix(_COMPRESSED))
        return zlib.decompressobj().decompress(body, _MOST).decode("utf-8", "surrogatepass")
    except (binascii.Error, zlib.error, UnicodeDecodeError):
        return None
