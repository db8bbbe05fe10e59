"""Seam: what was to stay shows how the colours drifted, and what a seam would look like."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from detailer.core.pixels import Alpha, Pixels

# Pixels around the mask that tell of the drift, as a share of the longer side.
_REACH = 1 / 8
_LEAST_PIXELS = 64
# A gain is only read off a ring with some contrast, and never a wild one.
_LEAST_DEVIATION = 0.02
_GAINS = (0.8, 1.25)
_COARSE = 4.0
_KEPT = 1 / 255


@dataclass(frozen=True, eq=False)
class Drift:
    """How the colours of all of a crop came back changed: seen = (true - bias) / gain.

    Both are (3,) float32, one for each channel.
    """

    gain: NDArray[np.float32]
    bias: NDArray[np.float32]

    def undone(self, pixels: Pixels) -> Pixels:
        """Pixels (h, w, 3) with the drift taken off."""
        return pixels * self.gain + self.bias


def drift(painted: Pixels, original: Pixels, noise_mask: Alpha) -> Drift | None:
    """The drift that the unmasked ring shows, or None where there is too little of it.

    There the painter was to change nothing, so what differs is what a VAE does to every picture:
    least squares of original = gain * painted + bias, channel by channel.

    Args:
        painted: (h, w, 3) float32 0..1.
        original: The same pixels before.
        noise_mask: (h, w): what the painter was to change.
    """
    ring = ring_around(noise_mask)
    if np.count_nonzero(ring) < _LEAST_PIXELS:
        return None
    # Texture that the VAE smooths would raise the gain: only the coarse tones are compared.
    seen, true = (_coarse(pixels)[ring].astype(np.float64) for pixels in (painted, original))
    deviation = seen.std(axis=0)
    covariance = ((seen - seen.mean(0)) * (true - true.mean(0))).mean(0)
    enough = deviation > _LEAST_DEVIATION
    gain = np.where(enough, covariance / np.maximum(deviation, _LEAST_DEVIATION) ** 2, 1)
    gain = np.clip(gain, *_GAINS)
    bias = true.mean(0) - gain * seen.mean(0)
    return Drift(gain.astype(np.float32), bias.astype(np.float32))


def ring_around(noise_mask: Alpha) -> NDArray[np.bool_]:
    """Where nothing was to change, not far from where something was: (h, w) bool."""
    changed = (noise_mask > _KEPT).astype(np.uint8)
    if not changed.any():
        return np.zeros(noise_mask.shape, bool)
    reach = 2 * max(8, round(max(noise_mask.shape) * _REACH)) + 1
    near = cv2.dilate(changed, np.ones((reach, reach), np.uint8))
    return np.asarray((near > 0) & (changed == 0), bool)


def seam_jump(painted: Pixels, original: Pixels, paste_mask: Alpha) -> float:
    """The gradient that pasting itself adds, 0..1, as a mean over the seam.

    Of the gradient of a * painted + (1 - a) * original the part (painted - original) * grad a is
    the seam's own. It is measured on coarse tones, since texture hides no seam and makes none.
    """
    down, across = (np.gradient(paste_mask, axis=axis) for axis in (0, 1))
    weight = np.hypot(down, across)
    if weight.sum() == 0:
        return 0.0
    apart = _coarse(painted - original)
    return float((np.abs(apart).mean(axis=2) * weight).sum() / weight.sum())


def _coarse(pixels: Pixels) -> Pixels:
    blurred = cv2.GaussianBlur(pixels, (0, 0), _COARSE, borderType=cv2.BORDER_REPLICATE)
    return np.asarray(blurred, np.float32)
