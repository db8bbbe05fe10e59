"""Palette: the indices and colours of a palette picture, and painted pixels brought back to it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from detailer.core.pixels import Native

_AT_ONCE = 4096


@dataclass(frozen=True, eq=False, slots=True)
class Palette:
    """indices (h, w) uint8, and colours (256, 3) or (256, 4) uint8 that they point to.

    `count` is how many colours there are; the others are black and not for use.
    """

    indices: NDArray[np.uint8]
    colours: NDArray[np.uint8]
    count: int

    def pixels(self) -> NDArray[np.uint8]:
        """(h, w, 3) RGB or, where a colour is transparent, (h, w, 4)."""
        return self.colours[self.indices]

    def nearest(self, pixels: Native) -> NDArray[np.uint8]:
        """Indices for pixels of its kind: the old ones where nothing changed, else the nearest."""
        if pixels.shape[:2] != self.indices.shape:
            return self._matched(pixels.reshape(-1, pixels.shape[2])).reshape(pixels.shape[:2])
        changed = (pixels != self.pixels()).any(axis=2)
        indices = self.indices.copy()
        indices[changed] = self._matched(pixels[changed])
        return indices

    def _matched(self, colours: Native) -> NDArray[np.uint8]:
        """The index of the least squared distance for each of (n, 3) or (n, 4) colours."""
        places = np.arange(colours.shape[1], dtype=np.uint32) * 8
        codes, where = np.unique((colours.astype(np.uint32) << places).sum(1), return_inverse=True)
        unique = (codes[:, None] >> places & 255).astype(np.int32)
        known = self.colours[: self.count].astype(np.int32)
        found = np.empty(len(unique), np.uint8)
        for start in range(0, len(unique), _AT_ONCE):
            some = unique[start : start + _AT_ONCE, None]
            found[start : start + _AT_ONCE] = ((some - known) ** 2).sum(axis=2).argmin(axis=1)
        return found[where.reshape(-1)]
