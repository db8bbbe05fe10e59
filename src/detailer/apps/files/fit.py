"""Fit: pixels and metadata brought to what the target's format can hold."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from detailer.apps.files.formats import Format
from detailer.apps.files.photo import Photo
from detailer.core.colour import RGB
from detailer.core.pixels import LEVELS, Native, to_unit
from detailer.errors import InputError

_BAND = 256


def check(photo: Photo, form: Format) -> None:
    """Refuses what cannot be brought to a format without being spoilt.

    Raises:
        InputError: If the format has no alpha and the photo is not opaque, or a side is too long.
    """
    if photo.has_alpha and not form.with_alpha and not _opaque(photo.pixels):
        raise InputError(
            f"{photo.path} has transparent parts, which {form.name} cannot hold;"
            " write a .png, or lay the picture on a background first"
        )
    if max(photo.size.width, photo.size.height) > form.longest:
        raise InputError(
            f"{form.name} holds sides of {form.longest:,} px at most and the picture is"
            f" {photo.size}; write a .png or a .tif"
        )


def fitted(photo: Photo, form: Format) -> Photo:
    """The photo as the format can hold it.

    CMYK becomes sRGB, grey becomes RGB, and a depth the nearest one that the format has, each
    only where it must; an opaque alpha is left out.
    """
    check(photo, form)
    models = form.with_alpha if photo.has_alpha and form.with_alpha else form.models
    if photo.has_alpha and not form.with_alpha:
        photo = replace(photo, pixels=_colours(photo))
    if photo.colour.model not in models:
        photo = _as_rgb(photo)
    if photo.pixels.dtype not in form.depths:
        photo = replace(photo, pixels=_in_depth(photo.pixels, form), palette=None)
    return photo


def _opaque(pixels: Native) -> bool:
    return bool((pixels[..., -1] >= LEVELS[pixels.dtype]).all())


def _colours(photo: Photo) -> Native:
    planes = photo.pixels[..., : photo.colour.channels]
    return np.ascontiguousarray(planes[..., 0] if planes.shape[2] == 1 else planes)


def _as_rgb(photo: Photo) -> Photo:
    """The photo in sRGB, alpha kept; band by band, for no whole picture of floats."""
    planes = photo.pixels[..., None] if photo.pixels.ndim == 2 else photo.pixels
    native, alpha = planes[..., : photo.colour.channels], planes[..., photo.colour.channels :]
    levels = LEVELS[planes.dtype]
    out = np.empty((*planes.shape[:2], 3 + alpha.shape[2]), planes.dtype)
    out[..., 3:] = alpha
    for top in range(0, len(planes), _BAND):
        band = slice(top, top + _BAND)
        shown = np.clip(photo.colour.to_srgb(to_unit(native[band])), 0, 1) * np.float32(levels)
        out[band, :, :3] = shown if levels == 1 else np.rint(shown)
    return replace(photo, pixels=out, colour=RGB, metadata=replace(photo.metadata, icc=None))


def _in_depth(pixels: Native, form: Format) -> Native:
    """The values in the format's highest depth, rounded; NaN is black."""
    dtype = form.depths[-1]
    out = np.empty(pixels.shape, dtype)
    for top in range(0, len(pixels), _BAND):
        band = np.clip(np.nan_to_num(to_unit(pixels[top : top + _BAND])), 0, 1)
        out[top : top + _BAND] = np.rint(band * np.float32(LEVELS[np.dtype(dtype)]))
    return out
