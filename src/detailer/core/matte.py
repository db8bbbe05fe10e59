"""Matte: how strongly each pixel of some part of the picture is meant."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from detailer.core.geometry import Box
from detailer.core.pixels import Alpha, size_of
from detailer.errors import InputError


@dataclass(frozen=True, eq=False)
class Matte:
    """An alpha (h, w) float32 0..1 over a box of whole pixels; zero everywhere else."""

    alpha: Alpha
    box: Box

    def __post_init__(self) -> None:
        if self.box != self.box.whole():
            raise InputError(f"mask box {tuple(self.box)} is not on whole pixels; use Box.whole()")
        if self.alpha.ndim != 2 or size_of(self.alpha) != self.box.size:
            raise InputError(
                f"mask of shape {self.alpha.shape} does not fit its box {self.box.size}"
            )

    @classmethod
    def filled(cls, box: Box) -> Matte:
        """All ones over a box; one number in memory however large it is, so read only."""
        return cls(np.broadcast_to(np.float32(1), box.size.shape), box)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Matte):
            return NotImplemented
        return self.box == other.box and np.array_equal(self.alpha, other.alpha)

    __hash__ = None  # type: ignore[assignment]  # arrays have no hash

    @property
    def empty(self) -> bool:
        """Whether nothing is meant."""
        return not self.alpha.any()

    @property
    def solid(self) -> bool:
        """Whether it is all ones and one number in memory, as `filled` makes it."""
        return self.alpha.size > 0 and not any(self.alpha.strides) and bool(self.alpha[0, 0] == 1)

    def within(self, box: Box) -> Alpha:
        """The alpha over another box of whole pixels, zero where the mask does not reach."""
        if box == self.box:
            return self.alpha
        out = np.zeros(box.size.shape, np.float32)
        shared = self.box.clipped(box)
        if not shared.empty:
            inside = shared.shifted(-self.box.left, -self.box.top)
            out[shared.shifted(-box.left, -box.top).slices] = self.alpha[inside.slices]
        return out

    def over(self, box: Box) -> Matte:
        """The same mask stored over another box; what lies outside it is dropped."""
        return self if box == self.box else Matte(self.within(box), box)

    def map(self, verb: Callable[..., Alpha], *arguments: Any) -> Matte:
        """The same box with its alpha changed by a verb of `detailer.core.alpha`."""
        return Matte(verb(self.alpha, *arguments), self.box)

    def trimmed(self) -> Matte:
        """Stored over the smallest box that holds all that is not zero."""
        rows, columns = (np.flatnonzero(self.alpha.any(axis=axis)) for axis in (1, 0))
        if not rows.size:
            return self.over(Box(self.box.left, self.box.top, self.box.left, self.box.top))
        left, right = int(columns[0]), int(columns[-1]) + 1
        tight = Box(left, int(rows[0]), right, int(rows[-1]) + 1)
        return self.over(tight.shifted(self.box.left, self.box.top))
