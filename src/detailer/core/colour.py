"""Colour: what a picture's channels mean, and the way from them to sRGB and back."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from detailer.core.profile import CHANNELS, Conversion, Model, Unit, conversion

# Rec. 709: the brightness of sRGB's own primaries, so a painted grey keeps its brightness.
_RED, _BLUE = np.float32(0.2126), np.float32(0.0722)
# How far a colour may move before nothing of what sRGB could not show of it is left.
_CLOSE = np.float32(0.25)


@dataclass(frozen=True)
class Colour:
    """The model of the channels (alpha not counted) and the ICC profile, if there is one.

    A profile that is broken, made for another model, or sRGB to within a level of 8 bits
    changes nothing: the channels are then taken as sRGB, its grey, or plain CMYK.
    """

    model: Model = "rgb"
    icc: bytes | None = None

    @property
    def channels(self) -> int:
        """How many channels carry colour; one more is alpha."""
        return CHANNELS[self.model]

    @property
    def plain(self) -> bool:
        """Whether the channels are sRGB as they are, so that both ways give back what they got."""
        return self.model == "rgb" and self._conversion is None

    def to_srgb(self, native: Unit) -> Unit:
        """(h, w, channels) 0..1 to (h, w, 3) sRGB 0..1; the very array where it is plain."""
        if self._conversion is not None:
            return self._conversion.to_srgb(native)
        if self.model == "grey":
            return np.repeat(native, 3, axis=2)
        if self.model == "cmyk":
            return (1 - native[..., :3]) * (1 - native[..., 3:])
        return native

    def from_srgb(self, rgb: Unit, original: Unit | None = None) -> Unit:
        """(h, w, 3) sRGB 0..1 to (h, w, channels) 0..1.

        Args:
            rgb: What was painted; the very array comes back where the colour is plain.
            original: The channels that the painting began with. Where `rgb` is still what they
                look like they come back, with the black of CMYK and the colours that sRGB
                cannot hold; the further it moved, the less of these is kept.
        """
        if self._conversion is not None:
            return self._through(self._conversion, rgb, original)
        if self.model == "grey":
            red, green, blue = rgb[..., 0:1], rgb[..., 1:2], rgb[..., 2:3]
            # Differences to green, so that equal channels come back without a rounding error.
            return np.asarray(green + _RED * (red - green) + _BLUE * (blue - green), np.float32)
        if self.model == "cmyk":
            return _inked(rgb, original)
        return rgb

    def seen(self, native: Unit) -> NDArray[np.uint8]:
        """(h, w, channels) of numbers to (h, w, 3) uint8 sRGB: quick, for pictures to look at."""
        if self._conversion is not None:
            return self._conversion.seen(native)
        shown = np.clip(self.to_srgb(native), 0, 1)
        shown *= np.float32(255)
        return np.asarray(np.rint(shown, out=shown), np.uint8)

    @property
    def _conversion(self) -> Conversion | None:
        return conversion(self.icc, self.model) if self.icc else None

    @staticmethod
    def _through(way: Conversion, rgb: Unit, original: Unit | None) -> Unit:
        painted = way.from_srgb(rgb)
        if original is None:
            return painted
        before = way.to_srgb(original)
        moved = np.abs(rgb - before).max(axis=2, keepdims=True)
        lost = original - way.from_srgb(before)
        return np.asarray(painted + lost * np.maximum(1 - moved / _CLOSE, 0), np.float32)


def _inked(rgb: Unit, original: Unit | None) -> Unit:
    """The inks of a colour: R = (1 - C)(1 - K), and as much black as before or as fits.

    Solved for C with K given; where K is 1 the other inks cannot be told and stay as they were.
    """
    black = 1 - rgb.max(axis=2, keepdims=True)
    inks = np.zeros((*rgb.shape[:2], 3), np.float32)
    if original is not None:
        black, inks = np.minimum(original[..., 3:], black), original[..., :3]
    light = 1 - black
    left = np.divide(rgb, light, out=1 - inks, where=light > 0)
    return np.asarray(np.clip(np.concatenate([1 - left, black], axis=2), 0, 1), np.float32)


RGB = Colour("rgb")
GREY = Colour("grey")
CMYK = Colour("cmyk")
