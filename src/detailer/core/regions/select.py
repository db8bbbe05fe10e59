"""Which regions stay: by label, by a measure, by number, by rank."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Literal, TypeAlias

from detailer.core.geometry import Box, Size
from detailer.core.region import Region
from detailer.errors import InputError

if TYPE_CHECKING:
    from detailer.core.regions.collection import Regions

Measure: TypeAlias = Literal[
    "area", "width", "height", "left", "top", "right", "bottom", "aspect", "score"
]
"""aspect is the longer side by the shorter, from 1; lengths are pixels; the score is 0..1."""

Extent: TypeAlias = Literal["box", "crop"]
"""What is measured: the box as found, or the crop that SEGS carry (the box where there is none)."""

PARTS = {
    part: {f"left_{part[:-1]}", f"right_{part[:-1]}"} for part in ("eyes", "eyebrows", "pupils")
}
"""Names for both of a pair: eyes means left_eye and right_eye."""


def split(regions: Regions, test: Callable[[Region], bool]) -> tuple[Regions, Regions]:
    """Those that pass a test, and the others; both in order."""
    return regions.filter(test), regions.filter(lambda region: not test(region))


def by_label(regions: Regions, labels: Iterable[str], outside: bool = False) -> Regions:
    """Those with one of these labels, or with `outside` the others.

    `all` passes everything; `eyes`, `eyebrows` and `pupils` mean both of a pair. Spaces around a
    label do not count.
    """
    names = {label.strip() for label in labels}
    for part in PARTS.keys() & names:
        names |= PARTS[part]
    return _kept(regions, lambda region: "all" in names or region.label in names, outside)


def by_measure(
    regions: Regions,
    measure: Callable[[Region], float],
    low: float,
    high: float,
    outside: bool = False,
) -> Regions:
    """Those whose measure is from low to high, both included; with `outside` the others.

    `measured("width")` and its like give the measure.
    """
    if low > high:
        raise InputError(f"from {low} to {high} nothing lies; give the lower one first")
    return _kept(regions, lambda region: low <= measure(region) <= high, outside)


def by_share(regions: Regions, low: float = 0.0, high: float = 1.0) -> Regions:
    """Those whose box covers from low to high of the picture, both included, 0..1."""
    return by_measure(regions, lambda region: share(region, regions.size), low, high)


def share(region: Region, picture: Size) -> float:
    """How much of a picture a region's box covers, 0..1."""
    return region.box.clipped(picture.box).area / picture.area


def by_size(regions: Regions, drop_size: float) -> Regions:
    """Those whose width and height are both above a length in pixels."""
    return regions.filter(lambda region: min(region.box.width, region.box.height) > drop_size)


def pick(regions: Regions, numbers: Sequence[int]) -> Regions:
    """The regions of these numbers, from 0, in the order of the numbers."""
    for number in numbers:
        if not 0 <= number < len(regions):
            raise InputError(f"there is no region {number}; they are 0 to {len(regions) - 1}")
    return regions.holding([regions[number] for number in numbers])


def top_k(
    regions: Regions,
    count: int,
    by: Literal["area", "score"] = "area",
    ties: Literal["first", "last"] = "first",
) -> Regions:
    """So many of the largest or surest, in their order; 0 keeps all.

    Of equal ones the first stay. With the last it is ADetailer's way, which also hands them on
    from the largest or surest down, of equal ones the last first.
    """
    if count == 0:
        return regions
    key = measured(by)
    if ties == "last":
        rising = sorted(range(len(regions)), key=lambda rank: key(regions[rank]))
        return pick(regions, rising[-count:][::-1])
    ranks = sorted(range(len(regions)), key=lambda rank: key(regions[rank]), reverse=True)
    return pick(regions, sorted(ranks[:count]))


def measured(measure: Measure, of: Extent = "box") -> Callable[[Region], float]:
    """The function from a region to one of its measures."""
    if measure == "score":
        return lambda region: region.score

    def length(region: Region) -> float:
        box = region.crop if of == "crop" and region.crop is not None else region.box
        return aspect(box) if measure == "aspect" else float(getattr(box, measure))

    return length


def aspect(box: Box) -> float:
    """The longer side by the shorter, from 1; infinite for a box without area."""
    short = min(box.width, box.height)
    return max(box.width, box.height) / short if short > 0 else float("inf")


def _kept(regions: Regions, test: Callable[[Region], bool], outside: bool) -> Regions:
    return regions.filter(lambda region: test(region) != outside)
