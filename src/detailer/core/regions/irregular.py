"""Ragged edges for tiles, so that no straight seam shows."""

from __future__ import annotations

from typing import Literal, TypeAlias

import cv2
import numpy as np

from detailer.core.geometry import Box, Size
from detailer.core.matte import Matte
from detailer.core.pixels import Alpha

Ragged: TypeAlias = Literal["Reuse fast", "Reuse quality", "All random fast", "All random quality"]
"""One ragged edge for all tiles or one for each; coarse or fine: the nodes' names."""


def ragged(box: Box, area: Box, reach: int, seed: tuple[int, ...], fine: bool) -> Matte:
    """A tile's mask with bumps along its edges, which reach in by up to half the reach.

    Edges on the border of the area stay straight: there is no neighbour to fill the rest. Where
    two tiles overlap by the reach, together they leave nothing out.
    """
    inset = min(reach // 2, (min(box.size.shape) - 1) // 2)
    alpha = bumps(box.size, inset, seed, fine)
    left, top, right, bottom = (
        at_border * (inset + 1)
        for at_border in (
            box.left <= area.left,
            box.top <= area.top,
            box.right >= area.right,
            box.bottom >= area.bottom,
        )
    )
    height, width = alpha.shape
    inner = slice(inset * (not top), height - inset * (not bottom))
    across = slice(inset * (not left), width - inset * (not right))
    alpha[inner, :left] = alpha[inner, width - right :] = 1
    alpha[:top, across] = alpha[height - bottom :, across] = 1
    return Matte(alpha, box)


def bumps(size: Size, inset: int, seed: tuple[int, ...], fine: bool) -> Alpha:
    """1 inside, less an inset, with discs of random size along its edge; (h, w)."""
    alpha = np.zeros(size.shape, np.float32)
    height, width = alpha.shape
    alpha[inset : height - inset, inset : width - inset] = 1
    if inset == 0:
        return alpha
    generator = np.random.default_rng(seed)
    spacing = max(1, inset // (4 if fine else 2))
    across, down = range(inset, width - inset, spacing), range(inset, height - inset, spacing)
    places = [(x, y) for x in across for y in (inset, height - 1 - inset)]
    places += [(x, y) for y in down for x in (inset, width - 1 - inset)]
    # Squared: few large ones among many small, or the edge would look straight again.
    radii = np.rint(inset * generator.random(len(places)) ** 2).astype(int).tolist()
    for place, radius in zip(places, radii, strict=True):
        cv2.circle(alpha, place, radius, 1.0, cv2.FILLED)
    return alpha
