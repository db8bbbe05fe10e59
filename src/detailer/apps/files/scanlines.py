"""Scanlines: pixels of every depth out of the chunks of a PNG, and into them."""

from __future__ import annotations

import io
from dataclasses import replace

import cv2
import numpy as np
from PIL import Image
from PIL.PngImagePlugin import PngImageFile

from detailer.apps.files.chunks import Header, joined, split
from detailer.apps.files.encoding import Block
from detailer.apps.files.palette import Palette
from detailer.apps.files.photo import channels_of
from detailer.apps.files.source import by_opencv, in_rgb_order
from detailer.core.pixels import Native

GREY, PALETTE, GREY_ALPHA, RGB_ALPHA = 0, 3, 4, 6
# 16 bits of grey lie in a PNG, filters included, as 8 bits of grey and alpha do, and 16 bits of
# grey and alpha as 8 bits of RGB and alpha. Pillow reads and writes only the latter exactly.
_BYTEWISE = {GREY: GREY_ALPHA, GREY_ALPHA: RGB_ALPHA}
# Half the time of the usual 6, for files that are 2 to 3 % larger.
_LEVEL = 4


def unpacked(chunks: tuple[Block, ...]) -> Native:
    """(h, w) or (h, w, 2 to 4), uint8 or uint16; a colour named transparent becomes alpha.

    Only the chunks that hold pixels are looked at, so that no other can do harm.
    """
    header = Header.of(chunks[0])
    if header.depth == 16 and header.kind in _BYTEWISE:
        bytewise = replace(header, depth=8, kind=_BYTEWISE[header.kind])
        pixels = _decoded(bytewise, chunks).view(">u2").astype(np.uint16)
        pixels = pixels[..., 0] if header.kind == GREY else pixels
    elif header.depth == 16:
        pixels = by_opencv(_bare(header, chunks))
    else:
        pixels = _decoded(header, chunks)
    return _with_keyed_alpha(pixels, header, chunks)


def unpacked_palette(chunks: tuple[Block, ...]) -> Palette:
    """The indices and colours of a palette picture."""
    bodies = {chunk.name: np.frombuffer(chunk.body, np.uint8) for chunk in chunks}
    colours = bodies[b"PLTE"][: len(bodies[b"PLTE"]) // 3 * 3].reshape(-1, 3)[:256]
    table = np.zeros((256, 4), np.uint8)
    table[: len(colours), :3] = colours
    table[:, 3] = 255
    alpha = bodies.get(b"tRNS", np.empty(0, np.uint8))[:256]
    table[: len(alpha), 3] = alpha
    kept = table if len(alpha) else np.ascontiguousarray(table[:, :3])
    return Palette(_decoded(Header.of(chunks[0]), chunks), kept, len(colours))


def packed(pixels: Native) -> tuple[Block, ...]:
    """The chunks of a bare PNG of uint8 or uint16 pixels, without loss."""
    if pixels.dtype == np.uint8:
        return _encoded(pixels)
    if channels_of(pixels) > 2:
        options = [cv2.IMWRITE_PNG_COMPRESSION, _LEVEL]
        return split(cv2.imencode(".png", in_rgb_order(pixels), options)[1].tobytes())
    planes = pixels[..., None] if pixels.ndim == 2 else pixels
    header, *rest = _encoded(planes.astype(">u2").view(np.uint8))
    kind = GREY if planes.shape[2] == 1 else GREY_ALPHA
    return (replace(Header.of(header), depth=16, kind=kind).chunk(), *rest)


def packed_palette(indices: Native) -> tuple[Block, ...]:
    """The chunks of a PNG of indices, but for the palette: grey under another name."""
    header, *rest = _encoded(indices)
    return (replace(Header.of(header), kind=PALETTE).chunk(), *rest)


def _bare(header: Header, chunks: tuple[Block, ...]) -> bytes:
    needed = [chunk for chunk in chunks if chunk.name in (b"PLTE", b"IDAT", b"IEND")]
    return joined([header.chunk(), *needed])


def _decoded(header: Header, chunks: tuple[Block, ...]) -> Native:
    with PngImageFile(io.BytesIO(_bare(header, chunks))) as image:
        return np.array(image.convert("L") if image.mode == "1" else image)


def _encoded(pixels: Native) -> tuple[Block, ...]:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG", compress_level=_LEVEL)
    return split(file.getvalue())


def _with_keyed_alpha(pixels: Native, header: Header, chunks: tuple[Block, ...]) -> Native:
    key = next((chunk.body for chunk in chunks if chunk.name == b"tRNS"), None)
    if key is None or header.kind in (GREY_ALPHA, RGB_ALPHA):
        return pixels
    planes = pixels[..., None] if pixels.ndim == 2 else pixels
    colour = np.frombuffer(key[: 2 * planes.shape[2]], ">u2").astype(np.int64)
    if header.depth < 8:
        colour = colour * 255 // (2**header.depth - 1)
    top = np.iinfo(pixels.dtype).max
    alpha = np.where((planes == colour).all(axis=2, keepdims=True), 0, top).astype(pixels.dtype)
    return np.concatenate([planes, alpha], axis=2)
