"""Verbs on mask arrays: grow, shrink, blur, fill. (h, w) float32, 0..1."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from detailer.core.geometry import Box
from detailer.core.pixels import Alpha
from detailer.errors import InputError


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


def fill_holes(alpha: Alpha) -> Alpha:
    """Every enclosed hole raised to 1; a grey mask keeps its grey elsewhere."""
    return np.where(enclosed(alpha <= 0), np.float32(1), alpha)


def with_holes(grown: Alpha, alpha: Alpha) -> Alpha:
    """A mask that was grown with the holes as they were before, but for those it has closed."""
    holes = enclosed(alpha <= 0)
    left = holes & (grown <= 0)
    if not left.any():
        return grown
    count, labels = cv2.connectedComponents(holes.view(np.uint8), connectivity=4)
    still = np.zeros(count, bool)
    still[labels[left]] = True
    return np.where(still[labels] & holes, alpha, grown)


def enclosed(part: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """What of a part of an array does not reach its border, by the sides of pixels."""
    if part.all() or not part.any():
        return np.zeros_like(part)
    open_ = np.pad(part.view(np.uint8), 1, constant_values=1)
    cv2.floodFill(open_, None, (0, 0), 2)
    return np.asarray(open_[1:-1, 1:-1] == 1)


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
