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
    red, green, blue = (pixels[..., channel] for channel in range(3))
    grey: Grey = np.float32(0.299) * red + np.float32(0.587) * green + np.float32(0.114) * blue
    return grey


def soft(pixels: NDArray[np.float32], sigma: float) -> NDArray[np.float32]:
    """Blurred by a Gaussian of `sigma` px, mirrored at the border."""
    blurred = cv2.GaussianBlur(pixels, (0, 0), sigma, borderType=cv2.BORDER_REFLECT_101)
    return np.asarray(blurred, np.float32)


def gradient(grey: Grey) -> Grey:
    """Magnitude of the gradient, per pixel, by Sobel's kernels."""
    across = cv2.Sobel(grey, cv2.CV_32F, 1, 0, scale=1 / 8)
    down = cv2.Sobel(grey, cv2.CV_32F, 0, 1, scale=1 / 8)
    # Not cv2.magnitude: its last bit depends on where in memory the pixels lie.
    return np.sqrt(across * across + down * down, dtype=np.float32)


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


def noise(grey: Grey) -> float:
    """Standard deviation of the noise, 0..1, from what is left where there are no edges.

    Immerkær, Fast noise variance estimation, 1996; the median in place of the mean, so that
    edges and texture do not count.
    """
    kernel = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]], np.float32)
    rough = cv2.filter2D(grey, cv2.CV_32F, kernel, borderType=cv2.BORDER_REFLECT_101)
    return float(np.median(np.abs(rough)) / 0.6745 / 6)
