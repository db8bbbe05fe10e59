"""Read: a picture file becomes a Photo, upright, in its own channels and depth."""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path

from detailer.apps.files import exif
from detailer.apps.files.formats import SUFFIXES, Format, by_content
from detailer.apps.files.palette import Palette
from detailer.apps.files.photo import Limits, Photo
from detailer.apps.files.source import Source
from detailer.core.paths import refusal, shown
from detailer.errors import InputError

log = logging.getLogger(__name__)

# Four float channels: no honest file is larger than its pixels are unpacked.
_BYTES_PER_PIXEL, _BYTES_BESIDE = 16, 2**28
_HEAD = 64


def read(path: Path | str, limits: Limits | None = None) -> Photo:
    """The picture in a PNG, JPEG, WebP, TIFF or AVIF file, told by its content, not its name.

    Raises:
        InputError: If there is no such file, it cannot be read, is not a picture, is damaged,
            larger than the limits, or holds several frames (then see `read_frames`).
    """
    source, form, frames = _opened(Path(path), limits or Limits())
    if frames > 1:
        raise InputError(
            f"{path} holds {frames} frames; ask for each of them (--frames each),"
            " or give a still picture"
        )
    return _decoded(source, form)


def read_frames(path: Path | str, limits: Limits | None = None) -> tuple[Photo, ...]:
    """Every frame of an animation, or page of a TIFF, as a still picture; one for a still.

    Raises:
        InputError: As `read` does; the limits count the pixels of all frames together.
    """
    source, form, frames = _opened(Path(path), limits or Limits())
    return tuple(_decoded(replace(source, frame=i), form) for i in range(frames))


def _opened(path: Path, limits: Limits) -> tuple[Source, Format, int]:
    """The file's bytes, its format, and its number of frames, all within the limits."""
    if reason := refusal(path):
        raise InputError(f"{shown(path)} cannot be read: {reason}")
    try:
        if not path.exists():
            raise InputError(f"{path} does not exist; check the name")
        if not path.is_file():
            raise InputError(f"{path} is not a file; give a picture file")
        with path.open("rb") as file:
            form = _format(path, file.read(_HEAD))
            most = limits.max_pixels * _BYTES_PER_PIXEL + _BYTES_BESIDE
            file.seek(0)
            content = file.read(most + 1)
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from error
    if len(content) > most:
        raise InputError(f"{path} is larger than max_pixels={limits.max_pixels:,} can need")
    source = Source(path, content)
    extent = form.measure(source)
    limits.check(path, extent.size, extent.frames)
    return source, form, extent.frames


def _format(path: Path, head: bytes) -> Format:
    if not head:
        raise InputError(f"{path} is empty; give a picture file")
    form = by_content(path, head)
    suffix = path.suffix.lower()
    if suffix in SUFFIXES and suffix not in form.suffixes:
        log.warning("%s is a %s in truth, whatever its name says", path, form.name)
    return form


def _decoded(source: Source, form: Format) -> Photo:
    photo = form.decode(source)
    turn = exif.orientation(photo.metadata.exif)
    pixels = exif.upright(photo.pixels, turn)
    pixels.flags.writeable = False
    palette = photo.palette
    if palette is not None:
        indices = exif.upright(palette.indices, turn)
        palette = Palette(indices, palette.colours, palette.count)
    return replace(photo, pixels=pixels, palette=palette)
