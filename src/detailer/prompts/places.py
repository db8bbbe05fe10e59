"""Places: where in a picture a region is, by a word or a box."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias

from detailer.core.geometry import Box, Size
from detailer.core.region import Region
from detailer.core.regions import Regions
from detailer.errors import InputError

Distance: TypeAlias = Callable[[Region, Size], float]


def _from_middle(region: Region, size: Size) -> float:
    (x, y), (middle_x, middle_y) = region.box.centre, size.box.centre
    return (x - middle_x) ** 2 + (y - middle_y) ** 2


PLACES: Final[Mapping[str, Distance]] = {
    "left": lambda region, size: region.box.centre[0],
    "right": lambda region, size: -region.box.centre[0],
    "top": lambda region, size: region.box.centre[1],
    "bottom": lambda region, size: -region.box.centre[1],
    "centre": _from_middle,
    "largest": lambda region, size: -region.box.area,
    "smallest": lambda region, size: region.box.area,
    "surest": lambda region, size: -region.score,
}
"""By name: what is least for the one region that is meant. Sides go by the box's middle."""


def at_place(name: str, regions: Regions) -> int:
    """Which of the regions is farthest in that place; the first of several, of at least one."""
    distance = PLACES[name]
    return min(range(len(regions)), key=lambda i: distance(regions[i], regions.size))


@dataclass(frozen=True)
class Area:
    """A box of a picture: in pixels, or in shares of its sides where none is above 1."""

    sides: Box

    @classmethod
    def parse(cls, text: str) -> Area:
        """The box in four numbers with commas or spaces between them.

        Raises:
            InputError: If they are no box with an area.
        """
        words = re.split(r"[\s,]+", text.strip())
        try:
            sides = Box(*(float(word) for word in words))
        except (ValueError, TypeError) as error:
            raise InputError(
                f"[box {text}] is no box; write [box left,top,right,bottom]"
            ) from error
        if sides.empty:
            raise InputError(f"[box {text}] is empty; write [box left,top,right,bottom]")
        return cls(sides)

    def within(self, size: Size) -> Box:
        """The box in pixels of a picture."""
        if max(self.sides) > 1:
            return self.sides
        return self.sides.scaled(size.width, size.height)

    def overlaps(self, regions: Regions) -> list[float]:
        """With each region, intersection over union, 0..1."""
        box = self.within(regions.size)
        return [box.overlap(region.box) for region in regions]
