"""Region: something found in a picture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import reduce
from typing import Any

import numpy as np

from detailer.core.geometry import Box, Point
from detailer.core.matte import Matte
from detailer.core.pixels import Pixels


@dataclass(frozen=True, eq=False)
class Region:
    """A box as found, and a mask that may reach beyond it.

    `score` is 0..1. `landmarks` are (x, y) in pixels of the picture; a face has the eye on the
    viewer's left first, then the other eye, the nose, and the corners of the mouth.
    `crop` is a given window in whole pixels and `picture` pixels of its own, (h, w, 3) float32
    0..1 over that crop: SEGS carry both. `attachments` ride along, outside JSON and equality.
    """

    box: Box
    mask: Matte
    label: str = ""
    score: float = 1.0
    landmarks: tuple[Point, ...] = ()
    id: str = ""
    crop: Box | None = None
    picture: Pixels | None = None
    attachments: Any = field(default=None, repr=False)

    @classmethod
    def from_box(cls, box: Box, label: str = "", score: float = 1.0) -> Region:
        """A region whose mask is the box's own pixels, rounded outward."""
        return cls(box, Matte.filled(box.whole()), label=label, score=score)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Region):
            return NotImplemented
        return self._plain() == other._plain() and _same(self.picture, other.picture)

    __hash__ = None  # type: ignore[assignment]  # arrays have no hash

    def _plain(self) -> tuple[object, ...]:
        return self.box, self.mask, self.label, self.score, self.landmarks, self.id, self.crop

    def with_mask(self, mask: Matte) -> Region:
        """The same region meaning other pixels."""
        return replace(self, mask=mask)


@dataclass(frozen=True)
class LeftOut:
    """Something seen that is not taken for a region to be worked on, and why.

    `number` is how many things it stands for; of several, the region is a box around them.
    """

    region: Region
    reason: str
    number: int = 1


MOST_TOLD = 20
"""So many are told one by one of all that one setting leaves out."""


def told(left_out: Sequence[LeftOut], setting: str) -> tuple[LeftOut, ...]:
    """All that a setting leaves out, in order; of many the largest, and one for the others.

    That is a box around them, with their number in its reason.
    """
    if len(left_out) <= MOST_TOLD:
        return tuple(left_out)

    def rank(place: int) -> tuple[bool, float]:
        return left_out[place].number > 1, -left_out[place].region.box.area

    places = sorted(range(len(left_out)), key=rank)
    largest = [left_out[place] for place in sorted(places[:MOST_TOLD])]
    others = [left_out[place] for place in places[MOST_TOLD:]]
    around = reduce(Box.joined, (out.region.box for out in others))
    number = sum(out.number for out in others)
    reason = f"{number:,} more for the same reason; {setting}"
    return *largest, LeftOut(Region.from_box(around, others[0].region.label), reason, number)


def _same(a: Pixels | None, b: Pixels | None) -> bool:
    return a is b or (a is not None and b is not None and np.array_equal(a, b))
