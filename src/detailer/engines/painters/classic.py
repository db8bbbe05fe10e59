"""Classic: paints with no network: denoises, restores edges and local contrast."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import cv2
import numpy as np

from detailer.core.pixels import Pixels, resize, size_of
from detailer.core.plan import Cutout, Painted
from detailer.core.sharpness import Gray, edge_width, luma, noise, soft
from detailer.engines.painters.part import Part, paint_parts
from detailer.stages.paint import Answer

# Blur that a sharp picture has as well; the rest is what can be undone, px squared.
_SPARED = 0.3
_ROUNDS = 8
_LOCAL_CONTRAST = 0.1
# Noise that nobody sees, and a grain finer than which skin would look like wax.
_UNSEEN = 1.5 / 255
_EDGE = 2.5
_DARK = 1e-3


class Classic:
    """Paints what is blurred or noisy clearer, and invents nothing.

    Noise is smoothed where there are no edges; edges get back the slope that they had before the
    blur, never brighter or darker than their surroundings, so that there are no halos; contrast
    between neighbouring features rises a little. Needs nothing but what detailer itself needs.
    """

    def __call__(self, cutouts: Sequence[Cutout], /) -> Iterator[Answer]:
        """One answer for each, in order; none depends on the others."""
        return paint_parts(cutouts, _painted, "classic")


def _painted(part: Part) -> Painted:
    seen = luma(part.at_picture_size(part.pixels))
    width, grain = edge_width(seen), noise(seen)
    around = part.grown(4 * width)
    # Noise is the picture's: it is found, and taken off, at the picture's own size.
    small = around.at_picture_size(around.pixels)
    clean = around.pixels + resize(denoised(small, grain) - small, size_of(around.pixels))
    gray = luma(clean)
    blur = math.sqrt(max(width**2 - _SPARED, 0)) * part.unit
    change = sharpened(gray, blur) - gray + _contrast(gray, width * part.unit)
    notes = {"edge_width": round(width, 2), "noise": round(255 * grain, 2)}
    return Painted(part.patch, around.put_back(clean + change[..., None]), notes=notes)


def denoised(pixels: Pixels, grain: float) -> Pixels:
    """Smoothed between edges, which stay: a bilateral filter.

    Args:
        pixels: (h, w, 3) float32.
        grain: Standard deviation of the noise, 0..1; what is hardly seen stays.
    """
    if grain <= _UNSEEN:
        return pixels
    smooth = cv2.bilateralFilter(np.ascontiguousarray(pixels), 0, _EDGE * grain, 1.5)
    return np.asarray(smooth, np.float32)


def sharpened(gray: Gray, blur: float) -> Gray:
    """Deblurred, within what is light and dark around each pixel: no rings, no halos.

    Richardson, Bayesian-based iterative method of image restoration, 1972, with a Gaussian; a
    few rounds only, because more of them sharpen noise.

    Args:
        gray: (h, w) float32, 0..1.
        blur: Standard deviation of the blur to undo, px.
    """
    if blur < 0.3:
        return gray
    around = np.ones((2 * round(2 * blur) + 1,) * 2, np.uint8)
    darkest, lightest = cv2.erode(gray, around), cv2.dilate(gray, around)
    deblurred = gray
    for _ in range(_ROUNDS):
        ratio = (gray + _DARK) / np.maximum(soft(deblurred, blur) + _DARK, _DARK)
        deblurred = (deblurred + _DARK) * soft(ratio, blur) - _DARK
        deblurred = np.clip(deblurred, darkest, lightest)
    return deblurred


def _contrast(gray: Gray, width: float) -> Gray:
    return _LOCAL_CONTRAST * (soft(gray, width) - soft(gray, 4 * width))
