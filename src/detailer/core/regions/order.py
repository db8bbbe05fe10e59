"""The order of regions: which is worked on first."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Literal, TypeAlias

from detailer.core.geometry import Size
from detailer.core.region import Region

if TYPE_CHECKING:
    from detailer.core.regions.collection import Regions

Order: TypeAlias = Literal[
    "found",
    "left-right",
    "right-left",
    "top-bottom",
    "bottom-top",
    "centre-edge",
    "edge-centre",
    "large-small",
    "small-large",
    "sure-unsure",
    "unsure-sure",
]
"""By the box's left or top side, its middle's distance from the picture's, its area, the score."""

Key: TypeAlias = Callable[[Region], float]


def ordered(regions: Regions, by: Order | Key, descending: bool = False) -> Regions:
    """The same regions in another order; those that are equal in it keep theirs.

    Args:
        regions: What is put in order.
        by: A name, or a function from a region to a number, the lowest first.
        descending: The other way round.
    """
    if by == "found":
        return regions.holding(regions.items[::-1]) if descending else regions
    if isinstance(by, str):
        key, backwards = _key(by, regions.size)
        descending = descending != backwards
    else:
        key = by
    return regions.holding(sorted(regions, key=key, reverse=descending))


def _key(order: Order, picture: Size) -> tuple[Key, bool]:
    """What is compared, and whether the highest comes first."""
    middle = picture.box.centre
    keys: dict[Order, tuple[Key, bool]] = {
        "left-right": (lambda region: region.box.left, False),
        "right-left": (lambda region: region.box.left, True),
        "top-bottom": (lambda region: region.box.top, False),
        "bottom-top": (lambda region: region.box.top, True),
        "centre-edge": (lambda region: math.dist(region.box.centre, middle), False),
        "edge-centre": (lambda region: math.dist(region.box.centre, middle), True),
        "large-small": (lambda region: region.box.area, True),
        "small-large": (lambda region: region.box.area, False),
        "sure-unsure": (lambda region: region.score, True),
        "unsure-sure": (lambda region: region.score, False),
    }
    return keys[order]
