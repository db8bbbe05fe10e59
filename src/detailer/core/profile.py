"""Conversion: an ICC profile's way to sRGB and back, through lcms."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, lru_cache
from itertools import product
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms

Unit: TypeAlias = NDArray[np.float32]
"""(h, w, channels) float32, 0..1."""
Model: TypeAlias = Literal["rgb", "grey", "cmyk"]

CHANNELS: dict[Model, int] = {"rgb": 3, "grey": 1, "cmyk": 4}
"""How many channels a model has, alpha not counted."""

_Convert: TypeAlias = Callable[[Unit], Unit]

_MODES = {"rgb": ("RGB", "RGB "), "grey": ("L", "GRAY"), "cmyk": ("CMYK", "CMYK")}
_SPACES = {"rgb": "rgb", "grey": "minisblack", "cmyk": "cmyk"}
_BROKEN = (OSError, ValueError, TypeError, RuntimeError, ImageCms.PyCMSError)
_STEPS = 9


@dataclass(frozen=True)
class Conversion:
    """Both ways between a profile's channels and sRGB; values 0..1, outside is cut off.

    (h, w, channels) float32 in and out. 16 bits are exact where imagecodecs is installed, else
    8; `seen` gives uint8 and always works in 8 bits, which is much the quicker.
    """

    to_srgb: _Convert
    from_srgb: _Convert
    seen: Callable[[Unit], NDArray[np.uint8]]


@lru_cache(maxsize=16)
def conversion(icc: bytes, model: Model) -> Conversion | None:
    """The way of a profile; None if it is as good as sRGB, broken, or for another model."""
    mode, space = _MODES[model]
    try:
        profile = ImageCms.ImageCmsProfile(io.BytesIO(icc))
        if profile.profile.xcolor_space.strip() != space.strip():
            return None
        way = _coarse(profile, mode)
        return None if _changes_nothing(way, model) else _fine(icc, model, way)
    except _BROKEN:
        return None


def _changes_nothing(way: Conversion, model: Model) -> bool:
    """Whether it moves no colour by more than a level of 8 bits."""
    levels = np.linspace(0, 1, _STEPS, dtype=np.float32)
    corners = product(levels, repeat=CHANNELS[model])
    grid = np.array(list(corners), np.float32).reshape(_STEPS, -1, CHANNELS[model])
    shown = way.to_srgb(grid)
    return model != "cmyk" and bool(np.abs(shown - grid).max() * 255 < 2)


@cache
def _srgb() -> ImageCms.ImageCmsProfile:
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))


def _coarse(profile: ImageCms.ImageCmsProfile, mode: str) -> Conversion:
    """Through Pillow's lcms, which knows 8 bits only."""
    intent, flags = ImageCms.Intent.RELATIVE_COLORIMETRIC, ImageCms.Flags.BLACKPOINTCOMPENSATION
    there = ImageCms.ImageCmsTransform(profile, _srgb(), mode, "RGB", intent, flags=flags)
    back = ImageCms.ImageCmsTransform(_srgb(), profile, "RGB", mode, intent, flags=flags)

    def seen(native: Unit) -> NDArray[np.uint8]:
        return _applied(there, mode, native)

    def to_srgb(native: Unit) -> Unit:
        return seen(native) * np.float32(1 / 255)

    def from_srgb(rgb: Unit) -> Unit:
        out = _applied(back, "RGB", rgb) * np.float32(1 / 255)
        return out[..., None] if out.ndim == 2 else out

    return Conversion(to_srgb, from_srgb, seen)


def _applied(transform: ImageCms.ImageCmsTransform, mode: str, values: Unit) -> NDArray[np.uint8]:
    levels = np.asarray(np.rint(np.nan_to_num(np.clip(values, 0, 1)) * 255), np.uint8)
    picture = Image.frombuffer(mode, (levels.shape[1], levels.shape[0]), levels.tobytes())
    return np.asarray(transform.apply(picture))


def _fine(icc: bytes, model: Model, coarse: Conversion) -> Conversion:
    """The same in 16 bits where imagecodecs is there to do it."""
    try:
        import imagecodecs  # here: optional, and slow to import
    except ImportError:
        return coarse
    # Without NOOPTIMIZE lcms goes through a coarse grid that is 8 % off where colours are cut.
    flags = imagecodecs.CMS.FLAGS.NOOPTIMIZE | imagecodecs.CMS.FLAGS.BLACKPOINTCOMPENSATION
    intent, srgb, space = imagecodecs.CMS.INTENT.RELATIVE_COLORIMETRIC, _srgb().tobytes(), _SPACES

    def convert(values: Unit, *ends: tuple[bytes, str]) -> Unit:
        levels = np.asarray(np.rint(np.nan_to_num(np.clip(values, 0, 1)) * 65535), np.uint16)
        (source, source_space), (target, target_space) = ends
        out = imagecodecs.cms_transform(
            levels[..., 0] if source_space == "minisblack" else levels,
            source,
            target,
            colorspace=source_space,
            outcolorspace=target_space,
            intent=intent,
            flags=flags,
        )
        return np.asarray(np.multiply(out, np.float32(1 / 65535), dtype=np.float32))

    def to_srgb(native: Unit) -> Unit:
        return convert(native, (icc, space[model]), (srgb, "rgb"))

    def from_srgb(rgb: Unit) -> Unit:
        out = convert(rgb, (srgb, "rgb"), (icc, space[model]))
        return out[..., None] if out.ndim == 2 else out

    to_srgb(np.zeros((1, 1, CHANNELS[model]), np.float32))
    return Conversion(to_srgb, from_srgb, coarse.seen)
