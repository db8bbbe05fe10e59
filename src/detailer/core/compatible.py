"""The nodes' resampling, kept by name: for pictures that must come out as theirs."""

from __future__ import annotations

import cv2
import numpy as np
from PIL import Image

from detailer.core.geometry import Size
from detailer.core.pixels import Alpha, Pixels


def truncating_lanczos(pixels: Pixels, size: Size) -> Pixels:
    """Lanczos on 8-bit levels that were cut, not rounded: (h, w, 3) float32 0..1."""
    levels = (np.clip(pixels, 0, 1) * np.float32(255)).astype(np.uint8)
    image = Image.fromarray(np.ascontiguousarray(levels))
    # Across first, then down, in 8 bits between: later Pillows take the cheaper order.
    wide = image.resize((size.width, image.height), Image.Resampling.LANCZOS)
    large = wide.resize((size.width, size.height), Image.Resampling.LANCZOS)
    return np.asarray(large, np.float32) / np.float32(255)


def bilinear(alpha: Alpha, size: Size) -> Alpha:
    """Linear between the nearest pixels, also where it shrinks: (h, w) float32."""
    large = cv2.resize(alpha, (size.width, size.height), interpolation=cv2.INTER_LINEAR)
    return np.asarray(large, np.float32)
