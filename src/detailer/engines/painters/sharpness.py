"""Sharpness: how wide a picture's edges are, and how much contrast it has at which fineness."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from detailer.core.pixels import Pixels

Grey = NDArray[np.float32]
"""(h, w) float32, 0..1."""

SHARP = 0.65
"""Edge width of a sharp photograph, px: lens, sensor and the pixels themselves."""

_PROBE = 1.0
_STRONGEST = 0.05
_WIDE = 8.0


def luma(pixels: Pixels) -> Grey:
    """Brightness of (h, w, 3) sRGB as the eye weighs it, Rec. 601."""
    return pixels @ np.array([0.299, 0.587, 0.114], np.float32)


def soft(pixels: NDArray[np.float32], sigma: float) -> NDArray[np.float32]:
    """Blurred by a Gaussian of `sigma` px, mirrored at the border."""
    blurred = cv2.GaussianBlur(pixels, (0, 0), sigma, borderType=cv2.BORDER_REFLECT_101)
    return np.asarray(blurred, np.float32)


def gradient(grey: Grey) -> Grey:
    """Magnitude of the gradient, per pixel, by Sobel's kernels."""
    across = cv2.Sobel(grey, cv2.CV_32F, 1, 0, scale=1 / 8)
    down = cv2.Sobel(grey, cv2.CV_32F, 0, 1, scale=1 / 8)
    return np.asarray(cv2.magnitude(across, down), np.float32)


def edge_width(grey: Grey) -> float:
    """Blur of the strongest edges, as the standard deviation of a Gaussian, px; 0.4 to 8.

    An edge blurred once more loses the more of its slope the sharper it was: Zhuo and Sim,
    Defocus map estimation from a single image, 2011. Noise hardly counts, because only the
    strongest edges are looked at. Where there are no edges the picture counts as sharp.
    """
    if min(grey.shape) < 3:
        return SHARP
    slope, softer = gradient(grey), gradient(soft(grey, _PROBE))
    crest = slope >= cv2.dilate(slope, np.ones((3, 3), np.uint8))
    heights = np.sort(slope[crest])
    if not heights.size or heights[-1] < 1e-3:
        return SHARP
    count = min(heights.size, max(8, int(_STRONGEST * heights.size)))
    chosen = crest & (slope >= max(heights[-count], 1e-3))
    ratio = slope[chosen] / np.maximum(softer[chosen], 1e-6)
    widths = _PROBE / np.sqrt(np.maximum(ratio**2 - 1, (_PROBE / _WIDE) ** 2))
    return float(np.quantile(widths, 0.35))


def contrast(grey: Grey, sigma: float) -> float:
    """Mean deviation between structures of `sigma` and of twice that: one octave of detail."""
    return float(np.abs(soft(grey, sigma) - soft(grey, 2 * sigma)).mean())
