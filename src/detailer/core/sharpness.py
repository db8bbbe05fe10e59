"""Sharpness: how fine a picture's edges are, and how much noise it has."""

from __future__ import annotations

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from detailer.core.pixels import Pixels

Gray = NDArray[np.float32]
"""(h, w) float32, 0..1."""

SHARP = 0.65
"""Edge width of a sharp photograph, px: lens, sensor and the pixels themselves."""

SHARPNESS = 0.66
"""`sharpness` of a sharp photograph: of 30 faces 0.68 to 1.16 (also as JPEG of quality 40), of the
same shrunk to half and enlarged again 0.48 to 0.64 (one 0.70), to a quarter 0.36 to 0.48."""

_EDGES = 0.1
# Energy of white noise of variance 1 between Gaussians of 0.5 and 1 px, and of 1 and 2 px.
_NOISE_ENERGIES = (0.2245, 0.0361)
_PROBE = 1.0
_STRONGEST = 0.05
_WIDE = 8.0


def luma(pixels: Pixels) -> Gray:
    """Brightness of (h, w, 3) sRGB as the eye weighs it, Rec. 601."""
    red, green, blue = (pixels[..., channel] for channel in range(3))
    gray: Gray = np.float32(0.299) * red + np.float32(0.587) * green + np.float32(0.114) * blue
    return gray


def soft(pixels: NDArray[np.float32], sigma: float) -> NDArray[np.float32]:
    """Blurred by a Gaussian of `sigma` px, mirrored at the border."""
    blurred = cv2.GaussianBlur(pixels, (0, 0), sigma, borderType=cv2.BORDER_REFLECT_101)
    return np.asarray(blurred, np.float32)


def gradient(gray: Gray) -> Gray:
    """Magnitude of the gradient, per pixel, by Sobel's kernels."""
    across = cv2.Sobel(gray, cv2.CV_32F, 1, 0, scale=1 / 8)
    down = cv2.Sobel(gray, cv2.CV_32F, 0, 1, scale=1 / 8)
    # Not cv2.magnitude: its last bit depends on where in memory the pixels lie.
    return np.sqrt(across * across + down * down, dtype=np.float32)


def edge_width(gray: Gray) -> float:
    """Blur of the strongest edges, as the standard deviation of a Gaussian, px; 0.4 to 8.

    An edge blurred once more loses the more of its slope the sharper it was: Zhuo and Sim,
    Defocus map estimation from a single image, 2011. Noise hardly counts, because only the
    strongest edges are looked at. Where there are no edges the picture counts as sharp.
    """
    if min(gray.shape) < 3:
        return SHARP
    slope, softer = gradient(gray), gradient(soft(gray, _PROBE))
    crest = slope >= cv2.dilate(slope, np.ones((3, 3), np.uint8))
    heights = np.sort(slope[crest])
    if not heights.size or heights[-1] < 1e-3:
        return SHARP
    count = min(heights.size, max(8, int(_STRONGEST * heights.size)))
    chosen = crest & (slope >= max(heights[-count], 1e-3))
    ratio = slope[chosen] / np.maximum(softer[chosen], 1e-6)
    widths = _PROBE / np.sqrt(np.maximum(ratio**2 - 1, (_PROBE / _WIDE) ** 2))
    return float(np.quantile(widths, 0.35))


def sharpness(gray: Gray) -> float:
    """How fine the strongest edges are: 0.25 where they are wide, about 1 where they are steps.

    It is the contrast of the finest octave (the difference of Gaussians of 0.5 and 1 px) by that
    of the next one, over the tenth of the pixels with the strongest gradient; both as energies
    from which that of the noise is taken off. Where there are no edges nothing is sharp: 0.
    """
    if min(gray.shape) < 3:
        return 0.0
    softer = [soft(gray, sigma) for sigma in (0.5, 1.0, 2.0)]
    slope = gradient(softer[1])
    least = float(np.quantile(slope, 1 - _EDGES))
    if least < 1e-3:
        return 0.0
    edges, variance = slope >= least, noise(gray) ** 2
    fine, coarse = (
        max(float(np.square(one - other)[edges].mean()) - energy * variance, 1e-9)
        for one, other, energy in zip(softer, softer[1:], _NOISE_ENERGIES, strict=False)
    )
    return math.sqrt(fine / coarse)


def noise(gray: Gray) -> float:
    """Standard deviation of the noise, 0..1, from what is left where there are no edges.

    Immerkær, Fast noise variance estimation, 1996; the median in place of the mean, so that
    edges and texture do not count.
    """
    kernel = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]], np.float32)
    rough = cv2.filter2D(gray, cv2.CV_32F, kernel, borderType=cv2.BORDER_REFLECT_101)
    return float(np.median(np.abs(rough)) / 0.6745 / 6)
