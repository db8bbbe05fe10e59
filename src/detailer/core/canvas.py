"""Canvas: the picture being worked on, and the only place that writes pixels."""

from __future__ import annotations

import hashlib
from os import PathLike
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from detailer.core.colour import GREY, RGB, Colour
from detailer.core.geometry import Box, Size
from detailer.core.matte import Matte
from detailer.core.pixels import LEVELS, Native, Picture, Pixels, size_of, to_unit
from detailer.errors import CanvasError, InputError

_BAND = 64
# No picture in 0..1 is as bright as that all over, whatever its highlights; one in 0..255 is.
_ABSURD = 8.0


class Canvas:
    """A copy of a picture in its own dtype (uint8, uint16, float32 0..1) and its own colours.

    What is read from it is sRGB; what is written is brought back to its colours. Alpha is
    neither read nor written.

    Args:
        pixels: (h, w), (h, w, 1) or (h, w, channels), alpha last.
        colour: What the channels mean; RGB, grey and their alpha forms are told by their number.
        bounded: Whether painters see, and give, only 0..1. Off, as the nodes have it, float32
            values beyond that go through.
    """

    def __init__(
        self, pixels: Native, colour: Colour | None = None, *, bounded: bool = True
    ) -> None:
        if isinstance(pixels, str | PathLike):
            raise InputError(f"{str(pixels)!r} is a name; read the picture and give its pixels")
        pixels = np.asarray(pixels)
        if pixels.dtype not in LEVELS:
            raise InputError(f"a picture of {pixels.dtype}; give uint8, uint16 or float32")
        if pixels.ndim not in (2, 3) or pixels.size == 0:
            raise InputError(f"a picture of shape {pixels.shape}; give (h, w) or (h, w, channels)")
        self.bounded = bounded
        self.colour = colour if colour is not None else _told_by_channels(pixels)
        channels = 1 if pixels.ndim == 2 else pixels.shape[2]
        if channels not in (self.colour.channels, self.colour.channels + 1):
            raise InputError(
                f"a picture of {channels} channels cannot be {self.colour.model}; that has"
                f" {self.colour.channels}, or one more with alpha"
            )
        self._pixels = np.array(pixels, order="C")
        if bounded and _typical(pixels) > _ABSURD:
            raise InputError(
                f"a float32 picture with values around {_typical(pixels):.0f}; give 0..1, or uint8"
            )
        planes = self._pixels[..., None] if pixels.ndim == 2 else self._pixels
        self._colours = planes[..., : self.colour.channels]

    @property
    def size(self) -> Size:
        """Width and height of the picture."""
        return size_of(self._pixels)

    @property
    def pixels(self) -> Native:
        """The picture as it stands, in the shape and dtype it came in; a view to read only."""
        view = self._pixels.view()
        view.flags.writeable = False
        return view

    @property
    def fingerprint(self) -> str:
        """A hash of dtype, shape and pixels: the same for the same picture in any file format."""
        head = f"{self._pixels.dtype} {self._pixels.shape}".encode()
        return hashlib.blake2b(self._pixels.data, digest_size=16, key=head[:64]).hexdigest()

    def read(self, box: Box) -> Pixels:
        """The sRGB pixels over a box of whole pixels, (h, w, 3) float32 0..1.

        Beyond the picture its border is repeated.
        """
        inside = box.clipped(self.size.box)
        if inside.empty:
            raise CanvasError(f"box {tuple(box)} lies outside the picture of {self.size}")
        part = self._seen(self._colours[inside.slices])
        if inside == box:
            return part
        return np.asarray(
            cv2.copyMakeBorder(
                part,
                int(inside.top - box.top),
                int(box.bottom - inside.bottom),
                int(inside.left - box.left),
                int(box.right - inside.right),
                cv2.BORDER_REPLICATE,
            )
        )

    def blend(self, pixels: Pixels, mask: Matte) -> None:
        """Pixels laid over the mask's box, as far as the mask says, rounded to the dtype.

        Where the mask is 0 no bit changes.

        Args:
            pixels: (h, w, 3) float32 sRGB 0..1 over mask.box.
            mask: Where and how strongly; its box lies inside the picture.

        Raises:
            CanvasError: If the sizes do not fit or a pixel is not a finite number.
        """
        if not self.size.box.holds(mask.box) or pixels.shape[:2] != mask.alpha.shape:
            raise CanvasError(
                f"pixels of {size_of(pixels)} over box {tuple(mask.box)} do not fit"
                f" the picture of {self.size}"
            )
        if not np.isfinite(pixels).all():
            raise CanvasError("painted pixels are not finite numbers; the original stays")
        target = self._colours[mask.box.slices]
        before = to_unit(target)
        alpha = mask.alpha[..., None]
        painted = np.clip(pixels, 0, 1) if self.bounded else pixels
        new = self.colour.from_srgb(painted, before)
        before = np.where(np.isfinite(before), before, new)
        # Where nothing is meant nothing is computed: infinities out there stay what they are.
        # In this form a mask of 1 gives the painted pixel itself, to the last bit.
        mixed = np.where(alpha > 0, (1 - alpha) * before + alpha * new, 0)
        np.copyto(target, _quantized(mixed, target.dtype), where=alpha > 0)

    def _seen(self, part: Native) -> Pixels:
        if not self.bounded:
            return self.colour.to_srgb(to_unit(part))
        seen = self.colour.to_srgb(_finite(part))
        return np.clip(seen, 0, 1) if part.dtype == np.float32 else seen

    def picture(self) -> Picture:
        """The whole picture as (h, w, 3) uint8 sRGB, for detectors; no copy where it is that."""
        if self.colour.plain and self._pixels.dtype == np.uint8 and self._pixels.shape[2] == 3:
            view = self._pixels.view()
            view.flags.writeable = False
            return view
        out = np.empty((*self.size.shape, 3), np.uint8)
        for top in range(0, self.size.height, _BAND):
            band = self._colours[top : top + _BAND]
            out[top : top + _BAND] = self.colour.seen(_finite(band))
        return out

    def blank(self) -> Picture:
        """A black picture of that form and of this size, a byte in memory: for its size alone."""
        return np.broadcast_to(np.uint8(0), (*self.size.shape, 3))


def _told_by_channels(pixels: Native) -> Colour:
    channels = 1 if pixels.ndim == 2 else pixels.shape[2]
    if channels > 4:
        raise InputError(f"a picture of {channels} channels; give grey, RGB or CMYK, or with alpha")
    return GREY if channels <= 2 else RGB


def _finite(part: Native) -> NDArray[np.float32]:
    # One pixel that is not a number would spoil all that is resampled with it.
    values = to_unit(part)
    if part.dtype != np.float32 or np.isfinite(values).all():
        return values
    return np.nan_to_num(values, posinf=1, neginf=0)


def _typical(pixels: Native) -> float:
    """The median of some of a float picture's values; 0 of others, whose range is known."""
    if pixels.dtype != np.float32:
        return 0.0
    some = pixels[:: 1 + pixels.shape[0] // 64, :: 1 + pixels.shape[1] // 64]
    values = some[np.isfinite(some)]
    return float(np.median(values)) if values.size else 0.0


def _quantized(values: NDArray[np.float32], dtype: np.dtype[Any]) -> Native:
    levels = LEVELS[dtype]
    if levels == 1.0:
        return values
    return np.asarray(np.rint(np.clip(values, 0, 1) * np.float32(levels)), dtype)
