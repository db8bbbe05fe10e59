"""Looking through a window: picture to painted size, and back."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from detailer.core.compatible import bilinear, truncating_lanczos
from detailer.core.geometry import Box, Size
from detailer.core.pixels import Pixels, resize, sample, size_of, to_unit
from detailer.core.window import Window


def to_painted(part: Pixels, window: Window) -> Pixels:
    """What lies under the window, at the painted size.

    `part` holds the window's footprint: (h, w) or (h, w, channels) float32. It may be enlarged
    already, each axis by a factor of its own.
    """
    footprint = window.footprint
    if window.scale_y is not None:
        return _as_the_nodes(part, window.size)
    if window.angle == 0:
        ready = part.shape[1] / footprint.width, part.shape[0] / footprint.height
        seen = window.box.shifted(-footprint.left, -footprint.top).scaled(*ready)
        return sample(part, seen.clipped(size_of(part).box), window.size)
    # Turning reads single pixels: where it would also shrink, it turns first and shrinks after.
    size = _larger(window.size, _unscaled(window))
    turned = cv2.warpAffine(
        part,
        _centred(_painted_at(window, size), footprint),
        (size.width, size.height),
        flags=cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_REPLICATE,
    )
    return resize(np.asarray(turned, np.float32), window.size)


def to_picture(painted: Pixels, window: Window, box: Box) -> Pixels:
    """What was painted, back at the picture's size, over a box of whole pixels in the window.

    `painted` is (h, w) or (h, w, channels), float32 or uint8, of the window's painted size.
    """
    if box.empty:
        return np.zeros((*box.size.shape, *painted.shape[2:]), np.float32)
    if window.scale_y is not None:
        inside = box.shifted(-window.left, -window.top)
        return _as_the_nodes(to_unit(painted), window.footprint.size)[inside.slices]
    if window.angle == 0:
        seen = box.shifted(-window.left, -window.top).scaled(window.scale, window.scale)
        return sample(painted, seen.clipped(size_of(painted).box), box.size)
    size = _smaller(window.size, _unscaled(window))
    small = resize(to_unit(painted), size)
    back = np.linalg.inv(np.vstack([_painted_at(window, size), [0, 0, 1]]))[:2]
    inward = _centred(np.vstack([back, [0, 0, 1]])[:2], size.box)
    offset = inward.copy()
    offset[:, 2] += inward[:, :2] @ np.array([box.left, box.top])
    turned = cv2.warpAffine(
        small,
        offset,
        (box.size.width, box.size.height),
        flags=cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_REPLICATE,
    )
    return np.asarray(turned, np.float32)


def _as_the_nodes(pixels: Pixels, size: Size) -> Pixels:
    if size_of(pixels) == size:
        return pixels
    return bilinear(pixels, size) if pixels.ndim == 2 else truncating_lanczos(pixels, size)


def _unscaled(window: Window) -> Size:
    return window.box.whole().size


def _larger(a: Size, b: Size) -> Size:
    return Size(max(a.width, b.width), max(a.height, b.height))


def _smaller(a: Size, b: Size) -> Size:
    return Size(min(a.width, b.width), min(a.height, b.height))


def _painted_at(window: Window, size: Size) -> NDArray[np.float64]:
    """The matrix from painted to picture coordinates, were it painted at another size."""
    stretch = np.diag([window.size.width / size.width, window.size.height / size.height, 1.0])
    return np.asarray(window.to_picture @ stretch)


def _centred(matrix: NDArray[np.float64], origin: Box) -> NDArray[np.float64]:
    """The matrix between pixel centres, reading an array that starts at the origin."""
    out = matrix.copy()
    out[:, 2] += matrix[:, :2] @ np.array([0.5, 0.5]) - 0.5 - np.array([origin.left, origin.top])
    return out
