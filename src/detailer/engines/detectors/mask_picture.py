"""The mask in a picture file: which of its channels that is, and its levels."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from detailer.core.paths import local_path
from detailer.core.regions.parts import MaskPicture
from detailer.errors import InputError
from detailer.stages.detect import MaskChannel

log = logging.getLogger(__name__)

# Around an edge lossy formats leave this much in the black, as does video everywhere.
_LOSSY = ("JPEG", "MPO", "WEBP", "AVIF")
_LOSSY_BLACK = 16
_DARK, _BRIGHT = 16, 128
_DRAWN = 256
_COLORED = 32
_CHOICES = (
    "color (what is bright is masked), alpha (what is transparent, as ComfyUI's LoadImage has it)"
    " or opacity (what is opaque)"
)


@dataclass(frozen=True, eq=False)
class _Bands:
    """A picture of 8 bits: color (h, w, 3), alpha (h, w), or None where it says nothing."""

    color: NDArray[np.uint8]
    alpha: NDArray[np.uint8] | None
    lossy: bool


def read_mask(path: str | Path, channel: MaskChannel = "auto") -> MaskPicture:
    """The mask in a picture file, (h, w) uint8, uint16 or float32.

    Args:
        path: The file; pictures of one channel of 16 or 32 bits keep their levels.
        channel: What holds the mask. `auto` is the brightest channel, less where the picture is
            transparent. A photograph is no mask by its colors: where it has transparent parts,
            those are; and what might be either is refused.

    Raises:
        InputError: If the file cannot be read, lacks the channel, or might be read in two ways.
    """
    place = local_path(path, "mask")
    try:
        with Image.open(place) as image:
            upright = ImageOps.exif_transpose(image)
            deep = np.asarray(upright) if upright.mode[0] in "IF" else None
            bands = _bands(upright, image.format in _LOSSY) if deep is None else None
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise InputError(f"mask {path} cannot be read: {error}") from error
    if bands is None:
        return _deep(np.asarray(deep), path, channel)
    return _of(bands, _automatic(bands, path) if channel == "auto" else channel, path)


def _deep(values: NDArray[Any], path: str | Path, channel: MaskChannel) -> MaskPicture:
    """One channel of 16 bits or more: uint16, or float32 as it is."""
    if channel in ("alpha", "opacity"):
        raise InputError(f"mask {path} has no alpha channel; leave mask_channel={channel} out")
    if values.dtype.kind == "f":
        return values.astype(np.float32)
    if values.size and not 0 <= values.min() <= values.max() <= 65535:
        raise InputError(
            f"mask {path} has levels from {values.min()} to {values.max()}; give 0..1"
            " as float, or 8 or 16 bits"
        )
    return values.astype(np.uint16)


def _bands(image: Image.Image, lossy: bool) -> _Bands:
    if not image.has_transparency_data:
        return _Bands(np.asarray(image.convert("RGB")), None, lossy)
    pixels = np.asarray(image.convert("RGBA"))
    alpha = pixels[..., 3]
    return _Bands(pixels[..., :3], alpha, lossy)


def _of(bands: _Bands, channel: MaskChannel, path: str | Path) -> MaskPicture:
    if channel in ("alpha", "opacity"):
        if bands.alpha is None:
            raise InputError(f"mask {path} has no alpha channel; leave mask_channel={channel} out")
        return bands.alpha if channel == "opacity" else 255 - bands.alpha
    if channel == "color":
        levels = _brightest(bands, path)
    else:
        levels = bands.color[..., ("red", "green", "blue").index(channel)]
    return np.where(levels <= _LOSSY_BLACK, np.uint8(0), levels) if bands.lossy else levels


def _brightest(bands: _Bands, path: str | Path) -> NDArray[np.uint8]:
    """The brightest channel of each pixel, over black."""
    levels: NDArray[np.uint8] = bands.color.max(axis=2)
    gray = levels - bands.color.min(axis=2) <= _COLORED
    if bands.alpha is not None and _varies(bands.alpha):
        levels = np.asarray(cv2.multiply(levels, bands.alpha, scale=1 / 255), np.uint8)
    if (levels[~gray] > _DARK).any():
        log.warning("mask %s is colored: of each pixel the brightest channel counts", path)
    return levels


def _automatic(bands: _Bands, path: str | Path) -> MaskChannel:
    """Which channel is the mask, where that is plain.

    A drawing, of few colors bright or black, is one by its colors. A photograph is not: its
    transparent parts are.
    """
    if bands.alpha is None or not _varies(bands.alpha):
        return "color"
    visible = bands.color[bands.alpha > 0]
    levels = visible.max(axis=1)
    few = _count(visible) <= _DRAWN
    if few and levels.max() >= _BRIGHT and _share_between(levels) < 0.01:
        return "color"
    if few or bands.lossy:
        raise InputError(
            f"the mask of {path} may lie in its colors or in its transparency; say which with"
            f" mask_channel (--mask-channel): {_CHOICES}"
        )
    log.warning(
        "mask %s is a picture with transparent parts: these are masked, as in ComfyUI;"
        " mask_channel says otherwise",
        path,
    )
    return "alpha"


def _varies(alpha: NDArray[np.uint8]) -> bool:
    return bool(alpha.size) and bool(alpha.min() != alpha.max())


def _share_between(levels: NDArray[np.uint8]) -> float:
    return float(((levels > _DARK) & (levels < _BRIGHT)).mean())


def _count(colors: NDArray[np.uint8]) -> int:
    """How many colors there are among (n, 3) uint8."""
    seen = np.zeros(1 << 24, bool)
    codes: Any = colors[:, 0].astype(np.int32) << 16
    codes |= colors[:, 1].astype(np.int32) << 8
    codes |= colors[:, 2]
    seen[codes] = True
    return int(seen.sum())
