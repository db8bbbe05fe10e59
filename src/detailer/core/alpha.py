"""Verbs on mask arrays: grow, shrink, soften, fill. (h, w) float32, 0..1."""

from __future__ import annotations

import math

import cv2
import numpy as np

from detailer.core.geometry import Box
from detailer.core.pixels import Alpha
from detailer.errors import InputError

_FINE_REACH = 16


def dilate(alpha: Alpha, amount: int) -> Alpha:
    """Grown (positive) or shrunk (negative) by a square of side |amount|.

    An even side is lopsided, as in OpenCV: 10 reaches 4 pixels to the left and up, 5 to the
    right and down. Nothing grows beyond the array, and nothing shrinks from its border.
    """
    if amount == 0 or alpha.size == 0:
        return alpha
    kernel = np.ones((abs(amount), abs(amount)), np.uint8)
    verb = cv2.dilate if amount > 0 else cv2.erode
    return verb(np.ascontiguousarray(alpha, dtype=np.float32), kernel)  # type: ignore[return-value]


def gaussian(alpha: Alpha, radius: int, sigma: float = 10.0) -> Alpha:
    """Blurred by a Gaussian cut off at `radius` pixels, mirrored at the border.

    A mask no wider than the kernel gets a smaller one, and below 3 pixels none at all: the
    nodes' rule (torchvision's GaussianBlur with a side of 2·radius + 1).
    """
    if radius < 0 or sigma <= 0:
        raise InputError(
            f"radius={radius}, sigma={sigma}: give a radius from 0 and a sigma above 0"
        )
    side, shorter = 2 * radius + 1, min(alpha.shape)
    if shorter <= side:
        side = shorter // 2
        side += 1 - side % 2
    if radius == 0 or side < 3:
        return alpha
    return cv2.GaussianBlur(  # type: ignore[return-value]
        np.ascontiguousarray(alpha, dtype=np.float32),
        (side, side),
        sigma,
        borderType=cv2.BORDER_REFLECT_101,
    )


def blur(alpha: Alpha, radius: int, sigma: float) -> Alpha:
    """Blurred by a Gaussian cut off at `radius` pixels, mirrored at the border, at any size."""
    if radius <= 0 or sigma <= 0 or alpha.size == 0:
        return alpha
    side = 2 * radius + 1
    blurred = cv2.GaussianBlur(
        np.ascontiguousarray(alpha, dtype=np.float32),
        (side, side),
        sigma,
        borderType=cv2.BORDER_REFLECT_101,
    )
    return np.clip(blurred, 0, 1)


def soften(alpha: Alpha, reach: float) -> Alpha:
    """Fades out over `reach` pixels outside the mask; inside it nothing is lost.

    Grown by a square, then blurred by a kernel no wider than that: the result is never below
    the mask. The array's edge is the picture's: there is no fade towards it.
    """
    if reach < 1 or alpha.size == 0:
        return alpha
    # A wide fade has no fine detail: it is made small, so that its cost does not grow with it.
    smaller = max(1, round(reach / _FINE_REACH))
    height, width = alpha.shape
    small = cv2.resize(
        np.ascontiguousarray(alpha, dtype=np.float32),
        (math.ceil(width / smaller), math.ceil(height / smaller)),
        interpolation=cv2.INTER_AREA,
    )
    side = 2 * max(1, round(reach / smaller / 2)) + 1
    grown = cv2.dilate(small, np.ones((side, side), np.uint8))
    faded = cv2.GaussianBlur(grown, (side, side), side / 4, borderType=cv2.BORDER_REPLICATE)
    large = cv2.resize(faded, (width, height), interpolation=cv2.INTER_LINEAR)
    return np.maximum(np.clip(large, 0, 1), alpha)


def fill_holes(alpha: Alpha) -> Alpha:
    """Every enclosed hole raised to 1; a grey mask keeps its grey elsewhere."""
    solid = np.pad((alpha > 0).astype(np.uint8), 1)
    flood = solid.copy()
    cv2.floodFill(flood, None, (0, 0), 2)
    holes = (flood == 0)[1:-1, 1:-1]
    return np.where(holes, np.float32(1), alpha)


def high_pass(alpha: Alpha, threshold: float) -> Alpha:
    """Values below the threshold set to zero."""
    return np.where(alpha < threshold, np.float32(0), alpha)


def ellipse(shape: tuple[int, int], box: Box) -> Alpha:
    """The ellipse inscribed in a box of an array of this shape, its edge soft over one pixel."""
    y, x = np.ogrid[0.5 : shape[0], 0.5 : shape[1]]
    (left, top), (wide, high) = box.centre, (box.width / 2, box.height / 2)
    if box.empty:
        return np.zeros(shape, np.float32)
    u, v = (x - left) / wide, (y - top) / high
    inside = 1 - np.hypot(u, v)
    # How fast that falls along the shortest way out: it turns a share of the radius into pixels.
    steep = np.hypot(u / wide, v / high) / np.maximum(np.hypot(u, v), 1e-9)
    return np.clip(inside / np.maximum(steep, 1e-9) + 0.5, 0, 1).astype(np.float32)
