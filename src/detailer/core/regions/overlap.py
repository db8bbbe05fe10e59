"""Regions that lie over each other: doubles suppressed, and those another collection covers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from detailer.core.arithmetic import common
from detailer.core.region import Region
from detailer.errors import InputError

if TYPE_CHECKING:
    from detailer.core.regions.collection import Regions


def suppress(
    regions: Regions, limit: float = 0.5, on: Literal["boxes", "masks"] = "boxes"
) -> Regions:
    """Doubles removed (NMS): of two that overlap more than the limit the surer one stays.

    Args:
        regions: Their order is kept.
        limit: Intersection over union, 0..1, up to which two stay side by side.
        on: Whether boxes are compared, whatever their label, or masks.
    """
    if not 0 <= limit <= 1:
        raise InputError(f"limit={limit} is outside 0 to 1")
    overlap = box_overlap if on == "boxes" else mask_overlap
    kept: list[int] = []
    for rank in sorted(range(len(regions)), key=lambda rank: -regions[rank].score):
        if all(overlap(regions[rank], regions[other]) <= limit for other in kept):
            kept.append(rank)
    return regions.holding([regions[rank] for rank in sorted(kept)])


def by_overlap(
    regions: Regions, others: Regions, share: float = 0.5, outside: bool = False
) -> Regions:
    """Those of whose mask more than a share lies in a single one of the others' masks.

    With `outside` those that do not: what is there already is left out.
    """

    def covered(region: Region) -> bool:
        return any(mask_share(region, other) > share for other in others)

    return regions.filter(lambda region: covered(region) != outside)


def box_overlap(a: Region, b: Region) -> float:
    """Intersection over union of the boxes, 0..1."""
    return a.box.overlap(b.box)


def mask_overlap(a: Region, b: Region) -> float:
    """Intersection over union of the masks, 0..1."""
    shared = _shared(a, b)
    return shared / (_amount(a) + _amount(b) - shared) if shared > 0 else 0.0


def mask_share(a: Region, b: Region) -> float:
    """How much of the first one's mask lies in the second's, 0..1."""
    shared = _shared(a, b)
    return shared / _amount(a) if shared > 0 else 0.0


def _amount(region: Region) -> float:
    return float(region.mask.alpha.sum(dtype=float))


def _shared(a: Region, b: Region) -> float:
    box = a.mask.box.clipped(b.mask.box)
    if box.empty:
        return 0.0
    return float(common(a.mask.within(box), b.mask.within(box)).sum(dtype=float))
