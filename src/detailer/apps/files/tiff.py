"""TIFF: every depth, CMYK and float; its tags, EXIF and GPS kept."""

from __future__ import annotations

import io
import struct
from typing import Any

import numpy as np

from detailer.apps.files import tags
from detailer.apps.files.encoding import TiffEncoding
from detailer.apps.files.exif import resolution
from detailer.apps.files.pages import checked, library, pages_of, palette_of, pixels_of
from detailer.apps.files.photo import Metadata, Photo
from detailer.apps.files.source import Extent, Source
from detailer.core.colour import Colour
from detailer.core.geometry import Size

_XMP, _ICC, _BYTES = 700, 34675, 1
_PHOTOMETRIC = {"grey": "minisblack", "rgb": "rgb", "cmyk": "separated"}
# How the pixels lie, what is given anew, and Photoshop's layers, which would now be untrue.
_NOT_CARRIED = frozenset((
    *(254, 255, 256, 257, 258, 259, 262, 263, 266, 273, 277, 278, 279, 280, 281, 284, 290, 291),
    *(292, 293, 301, 317, 320, 321, 322, 323, 324, 325, 330, 332, 333, 334, 336, 338, 339, 340),
    *(341, 347, *range(512, 522), 529, 530, 531, 532, _XMP, _ICC, 37724, 50255),
))  # fmt: skip
# None, LZW, deflate (two numbers), PackBits, LZMA and ZSTD; any other becomes deflate.
_LOSSLESS, _DEFLATE = (1, 5, 8, 32946, 32773, 34925, 50000), 8


def measure(source: Source) -> Extent:
    """The largest page's size, and the number of full pages."""
    pages = pages_of(source)
    width = source.attempt(lambda: max(int(page.imagewidth) for page in pages))
    height = source.attempt(lambda: max(int(page.imagelength) for page in pages))
    return Extent(Size(width, height), len(pages))


def decode(source: Source) -> Photo:
    """The page that the source names, with its tags as an EXIF block."""
    page = pages_of(source)[source.frame]
    model = checked(source, page)
    pixels = source.attempt(lambda: pixels_of(page))
    palette = None
    if page.photometric.name == "PALETTE":
        palette = source.attempt(lambda: palette_of(page, pixels))
        pixels = palette.pixels()
    block = _block(source.content, page)
    metadata = Metadata(
        exif=block,
        xmp=page.tags.valueof(_XMP),
        icc=page.tags.valueof(_ICC),
        dpi=resolution(block),
    )
    compression = int(page.compression)
    known = compression in _LOSSLESS
    encoding = TiffEncoding(
        compression=compression if known else _DEFLATE,
        predictor=int(page.predictor) > 1 or not known,
        associated=any(sample.name == "ASSOCALPHA" for sample in page.extrasamples),
    )
    colour = Colour(model, metadata.icc)
    return Photo(source.path, pixels, colour, metadata, encoding, source.frame, palette)


def encode(photo: Photo, quality: int | None = None) -> bytes:
    """The file: pixels without loss; `quality` has no meaning here."""
    old = photo.encoded_as(TiffEncoding)
    metadata, palette = photo.metadata, photo.palette
    if palette is not None and palette.colours.shape[1] == 4:
        palette = None  # TIFF knows no transparent colours; the pixels are there as RGB and alpha
    structure = tags.opened(metadata.exif) if metadata.exif else None
    order = structure.order if structure else "<"
    form: dict[str, Any] = {"photometric": _PHOTOMETRIC[photo.colour.model]}
    if photo.has_alpha:
        form["extrasamples"] = ["assocalpha" if old.associated else "unassalpha"]
    if palette is not None:
        form = {"photometric": "palette", "colormap": palette.colours.T.astype(np.uint16) * 257}
    if metadata.dpi:
        form |= {"resolution": metadata.dpi, "resolutionunit": "inch"}
    file = io.BytesIO()
    library().imwrite(
        file,
        photo.pixels if palette is None else palette.indices,
        byteorder=order,
        planarconfig="contig" if photo.pixels.ndim == 3 and palette is None else None,
        compression=old.compression,
        predictor=old.predictor,
        iccprofile=metadata.icc,
        software=False,
        metadata=None,
        **form,
    )
    return _with_tags(file.getvalue(), structure, metadata.xmp)


def _block(content: bytes, page: Any) -> bytes | None:
    """The page's tags, EXIF and GPS as an EXIF block of its own."""
    structure = tags.opened(content)
    if structure is None:
        return None
    found = tags.loaded(content, structure.order, page.offset)
    carried = {number: tag for number, tag in found.items() if number not in _NOT_CARRIED}
    return tags.block(carried, structure.order) if carried else None


def _with_tags(content: bytes, carried: tags.Structure | None, xmp: bytes | None) -> bytes:
    """The file with a directory of its own tags and these, laid behind it."""
    made = tags.opened(content)
    if made is None:
        return content
    more = {} if carried is None else dict(carried.directory)
    directory = {number: tag for number, tag in more.items() if number not in _NOT_CARRIED}
    directory |= {n: tag for n, tag in made.directory.items() if n not in directory}
    if xmp:
        directory[_XMP] = tags.Tag(_BYTES, len(xmp), xmp)
    out = bytearray(content) + bytes(len(content) % 2)
    struct.pack_into(made.order + "L", out, 4, len(out))
    return bytes(out + tags.packed(directory, made.order, len(out)))
