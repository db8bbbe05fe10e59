"""Carry: metadata taken along into a format that keeps it elsewhere."""

from __future__ import annotations

import json
import logging
from dataclasses import replace

from PIL import Image

from detailer.apps.files import exif, mpf, tags, xmp
from detailer.apps.files.encoding import Encoding, JpegEncoding
from detailer.apps.files.photo import Metadata
from detailer.core.geometry import Size

log = logging.getLogger(__name__)

# Where each program looks for its text in files that have no texts: A1111's parameters are
# EXIF's UserComment, ComfyUI's two lie under the maker and the model.
_COMMENT, _WORKFLOW, _PROMPT = 0x9286, 0x010F, 0x0110
_IN_EXIF = ("parameters", "workflow", "prompt")
# What EXIF itself defines of a TIFF's tags; the rest means nothing outside TIFF.
_LAST_OF_TIFF, _OF_EXIF = 0x02FF, {33432, tags.EXIF, tags.GPS, *range(40091, 40096)}


def carried(metadata: Metadata, source: Encoding, target: str) -> Metadata:
    """The metadata as a file of the target's format, by its name, is to have it."""
    if source.format == target:
        return metadata
    if isinstance(source, JpegEncoding) and (lost := mpf.told(source.behind)):
        log.warning("%s has no place for %s", target, lost)
    told = xmp.without_claims(metadata.xmp)
    metadata = replace(metadata, exif=exif.bare(metadata.exif), xmp=told)
    if source.format == "TIFF" and metadata.exif:
        metadata = replace(metadata, exif=_of_exif_alone(metadata.exif))
    if target != "PNG" and metadata.texts:
        metadata = _texts_in_exif(metadata, target)
    return metadata


def renewed(metadata: Metadata, size: Size, turned: bool = False) -> Metadata:
    """Of this size when upright, and without a thumbnail of what was there before.

    Args:
        metadata: As it was read.
        size: Of the upright picture.
        turned: Whether it is stored turned, as it was, with its orientation; else upright.
    """
    block = metadata.exif
    if turned:
        if exif.orientation(block) > 4:
            size = Size(size.height, size.width)
        return replace(metadata, exif=exif.renewed(block, size, None) if block else None)
    return replace(
        metadata,
        exif=exif.renewed(block, size) if block else None,
        xmp=xmp.upright(metadata.xmp),
    )


def _of_exif_alone(block: bytes) -> bytes:
    structure = tags.opened(block)
    if structure is None:
        return block
    kept = {
        number: tag
        for number, tag in structure.directory.items()
        if number <= _LAST_OF_TIFF or number in _OF_EXIF
    }
    return tags.block(kept, structure.order)


def _texts_in_exif(metadata: Metadata, target: str) -> Metadata:
    keywords = {text.keyword for text in metadata.texts}
    left_out = keywords - {"Comment" if target == "JPEG" else ""}
    if metadata.exif is None and keywords & set(_IN_EXIF):
        block = Image.Exif()
        if (parameters := metadata.text("parameters")) is not None:
            comment = b"UNICODE\0" + parameters.encode("utf-16-be", "surrogatepass")
            block.get_ifd(tags.EXIF)[_COMMENT] = comment
        for number, keyword in ((_WORKFLOW, "workflow"), (_PROMPT, "prompt")):
            if (value := metadata.text(keyword)) is not None:
                block[number] = f"{keyword}:{_ascii(value)}"
        left_out -= set(_IN_EXIF)
        metadata = replace(metadata, exif=exif.bare(block.tobytes()))
    if left_out:
        log.warning("%s has no place for the texts %s", target, ", ".join(sorted(left_out)))
    return metadata


def _ascii(value: str) -> str:
    """JSON with all that is not ASCII escaped; another text with that replaced."""
    try:
        return json.dumps(json.loads(value))
    except ValueError:
        return value.encode("ascii", "replace").decode()
