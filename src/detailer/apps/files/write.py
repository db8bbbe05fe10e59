"""Write: a Photo's pixels, painted or not, back into a file with all that belonged to it."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
from pydantic import Field

from detailer.apps.files.carry import carried, renewed
from detailer.apps.files.fit import check, fitted
from detailer.apps.files.formats import Format, by_suffix
from detailer.apps.files.palette import Palette
from detailer.apps.files.photo import Photo, channels_of
from detailer.apps.files.record import read_record, recorded
from detailer.apps.files.source import FAILURES, Source
from detailer.apps.files.store import store
from detailer.core.paths import refusal, shown
from detailer.core.pixels import Native
from detailer.core.settings import Settings
from detailer.errors import InputError, OutputError


class Write(Settings):
    """How pictures are written."""

    overwrite: bool = Field(False, description="Write over the picture that was read.")
    quality: int | None = Field(
        None,
        ge=1,
        le=100,
        description="Of JPEG, WebP and AVIF; left out: JPEG keeps its tables, others use 90 to 95.",
    )
    keep_palette: bool = Field(
        False, description="Palette pictures stay so; painted pixels take the nearest colours."
    )


def write(
    photo: Photo,
    pixels: Native,
    target: Path | str,
    record: str | None = None,
    settings: Write | None = None,
) -> None:
    """The pixels in a file of the format that the target's suffix names.

    Mode, depth, profile, EXIF (upright, of the new size), resolution, texts and XMP are those
    of the photo, as far as the format can hold them. A JPEG that stays one keeps its orientation,
    and the coefficients of all blocks of which no pixel differs, if pyjpegio is installed and no
    quality is given. The target is replaced whole or not at all.

    Args:
        photo: What was read.
        pixels: Of the photo's channels and dtype; the size may be another.
        target: Where to; its folder must be there.
        record: JSON to be found again by `read_record`; None keeps no record, not even an old one.
        settings: Left out: the defaults.

    Raises:
        InputError: If the target names no format, is the source without leave, or cannot hold
            the picture; or the pixels are of another kind than the photo's.
        OutputError: If the file cannot be written.
    """
    target, settings = Path(target), settings or Write()
    check_target(photo, target, settings)
    if pixels.dtype != photo.pixels.dtype or channels_of(pixels) != channels_of(photo.pixels):
        raise InputError(
            f"pixels of {pixels.dtype} {pixels.shape} are not of the kind of {photo.path},"
            f" which are {photo.pixels.dtype} {photo.pixels.shape}"
        )
    form = by_suffix(target)
    painted = _painted(photo, pixels, settings.keep_palette)
    turned = form.turned and form.name == photo.format
    metadata = recorded(renewed(photo.metadata, painted.size, turned), record, form.name)
    metadata = carried(metadata, photo.encoding, form.name)
    ready = fitted(replace(painted, metadata=metadata), form)
    store(_encoded(ready, form, settings), target)


def check_target(photo: Photo, target: Path, settings: Write) -> None:
    """Refuses, before anything is painted, a target that could not or must not be written.

    Raises:
        InputError: If the target names no format, is the source without leave, or cannot hold
            the picture.
        OutputError: If there is no folder for it, it is a folder, or its name cannot be used.
    """
    check(photo, by_suffix(target))
    if reason := refusal(target):
        raise OutputError(f"{shown(target)} cannot be written: {reason}")
    if target.is_dir():
        raise OutputError(f"{target} is a folder; give the name of a file")
    if not target.parent.is_dir():
        raise OutputError(f"{target.parent} is no folder; make it first")
    if not settings.overwrite and same_file(photo.path, target):
        raise InputError(
            f"{target} is the picture that was read; give another target, or allow overwrite"
        )
    for place in (target.parent, target):
        if place.exists() and not os.access(place, os.W_OK):
            raise OutputError(f"{place} must not be written to; change its permissions")


def write_untouched(photo: Photo, target: Path, settings: Write) -> bool:
    """The very file that was read in the target's place, if that is what would be written.

    It is not where the target has another format or quality, or the file holds more pictures,
    or a record of ours that would not be true of this run.

    Raises:
        InputError, OutputError: As `write` does.
    """
    check_target(photo, target, settings)
    form = by_suffix(target)
    if settings.quality is not None or form.name != photo.format or read_record(photo):
        return False
    content = photo.path.read_bytes()
    if form.measure(Source(photo.path, content)).frames > 1:
        return False
    store(content, target)
    return True


def same_file(one: Path, other: Path) -> bool:
    """Whether two paths lead to one file: through links, cases, or before either exists."""
    if one.exists() and other.exists():
        return one.samefile(other)
    return os.path.normcase(os.path.realpath(one)) == os.path.normcase(os.path.realpath(other))


def _painted(photo: Photo, pixels: Native, keep_palette: bool) -> Photo:
    pixels = np.ascontiguousarray(pixels)
    palette = photo.palette if keep_palette else None
    if palette is not None:
        palette = Palette(palette.nearest(pixels), palette.colours, palette.count)
    return replace(photo, pixels=pixels, palette=palette)


def _encoded(photo: Photo, form: Format, settings: Write) -> bytes:
    try:
        return form.encode(photo, settings.quality)
    except FAILURES as error:
        raise OutputError(f"{photo.path} cannot be written as {form.name}: {error}") from error
