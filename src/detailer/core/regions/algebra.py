"""Set algebra on regions: merge, what two have in common, what one leaves of another."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import reduce
from operator import add
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import DTypeLike, NDArray

from detailer.core.arithmetic import Arithmetic, common, either, mask_levels, unit, without
from detailer.core.geometry import Box, Size
from detailer.core.matte import Matte
from detailer.core.pixels import Alpha, size_of
from detailer.core.region import Region
from detailer.errors import InputError

if TYPE_CHECKING:
    from detailer.core.regions.collection import Regions

Coverage: TypeAlias = "Regions | NDArray[Any]"
"""Regions, or a mask of the picture's size, (h, w): bool, uint8, uint16 or float 0..1."""


def intersect(regions: Regions, other: Coverage, arithmetic: Arithmetic = "true") -> Regions:
    """Every mask cut to what the other covers; regions left with nothing stay, empty."""
    return _against(regions, other, common, arithmetic)


def subtract(regions: Regions, other: Coverage, arithmetic: Arithmetic = "true") -> Regions:
    """Every mask less what the other covers; regions left with nothing stay, empty."""
    return _against(regions, other, without, arithmetic)


def intersect_each(
    regions: Regions, masks: Sequence[NDArray[Any]], arithmetic: Arithmetic = "true"
) -> Regions:
    """The first region cut to the first mask, and so on; as many as there are of both."""
    pairs = zip(regions, masks, strict=False)
    cut = [intersect(regions.holding([region]), mask, arithmetic)[0] for region, mask in pairs]
    return regions.holding(cut)


def merge(regions: Regions, arithmetic: Arithmetic = "true") -> Regions:
    """One region of all that mean something, labelled `merged`; none where there are none.

    Its box holds all boxes, its mask is the union of all masks, its score the lowest. In the
    nodes' arithmetic, 8-bit, those that mean nothing count as well: their boxes and scores do.
    """
    items = [region for region in regions if arithmetic == "8-bit" or not region.mask.empty]
    if not items:
        return regions.holding([])
    reach = _around(region.mask.box for region in items)
    mask = Matte(covered(regions.holding(items), reach, arithmetic), reach)
    crops = [region.crop for region in items if region.crop is not None]
    crop = _around(crops) if len(crops) == len(items) else None
    box = _around(region.box for region in items)
    score = min(region.score for region in items)
    return regions.holding([Region(box, mask, label="merged", score=score, crop=crop)])


def merge_and_invert(regions: Regions, arithmetic: Arithmetic = "true") -> Regions:
    """One region of all that no region means: the whole picture less all masks.

    Nothing where no region means anything. Its mask is as large as the picture.
    """
    merged = merge(regions, arithmetic)
    if not merged.items:
        return merged
    whole = regions.size.box
    alpha = np.ones(regions.size.shape, np.float32)
    inner = merged[0].mask.over(merged[0].mask.box.clipped(whole))
    alpha[inner.box.slices] -= inner.alpha
    region = replace(merged[0], box=whole, mask=Matte(alpha, whole), crop=None)
    return regions.holding([region])


def concat(parts: Iterable[Regions], skip_others: bool = False) -> Regions:
    """All regions, those of the first collection first; pictures must be of one size.

    With `skip_others` collections of another size than the first that is not empty are left
    out, as the nodes do, instead of refused.
    """
    collections = list(parts)
    if not collections:
        raise InputError("nothing to join; give at least one collection of regions")
    filled = [each for each in collections if each.items]
    if skip_others:
        filled = [each for each in filled if each.size == filled[0].size]
    return reduce(add, filled, collections[0].holding([]))


def covered(other: Coverage, box: Box, arithmetic: Arithmetic = "true") -> Alpha:
    """How strongly regions, or a mask, cover the pixels of a box: their union, (h, w) 0..1."""
    if isinstance(other, np.ndarray):
        inside = box.clipped(size_of(other).box)
        return Matte(unit(other[inside.slices]), inside).within(box)
    out = np.zeros(box.size.shape, np.float32)
    for region in other:
        shared = region.mask.box.clipped(box)
        if not shared.empty:
            target = out[shared.shifted(-box.left, -box.top).slices]
            target[:] = either(target, region.mask.within(shared), arithmetic)
    return out


def to_mask(
    regions: Regions, arithmetic: Arithmetic = "true", dtype: DTypeLike = np.float32
) -> NDArray[Any]:
    """The union of all masks as one of the picture's size, (h, w).

    Args:
        regions: All of them count alike.
        arithmetic: 8-bit gives the nodes' combined mask, float-bits their segment detector's.
        dtype: float32 gives 0..1; uint8 and uint16 all their levels, rounded; bool what is not 0.
    """
    kind = np.dtype(dtype)
    levels = mask_levels(kind)
    out = np.zeros(regions.size.shape, kind)
    for region in regions:
        box = region.mask.box.clipped(regions.size.box)
        target, alpha = out[box.slices], region.mask.within(box)
        if arithmetic != "true":
            alpha = either(unit(target), alpha, arithmetic)
        if levels != 1.0:
            alpha = np.rint(alpha * np.float32(levels))
        np.maximum(target, alpha.astype(kind), out=target)
    return out


def _against(
    regions: Regions,
    other: Coverage,
    verb: Callable[[Alpha, Alpha, Arithmetic], Alpha],
    arithmetic: Arithmetic,
) -> Regions:
    _same_picture(regions.size, other)

    def cut(region: Region) -> Region:
        box = region.mask.box
        alpha = verb(region.mask.alpha, covered(other, box, arithmetic), arithmetic)
        return region.with_mask(Matte(alpha, box))

    return regions.map(cut)


def _same_picture(size: Size, other: Coverage) -> None:
    theirs = size_of(other) if isinstance(other, np.ndarray) else other.size
    if isinstance(other, np.ndarray) and other.ndim != 2:
        raise InputError(f"a mask of shape {other.shape}; give (h, w)")
    if theirs != size:
        raise InputError(
            f"regions of a picture of {size} and a mask of {theirs} do not fit;"
            " bring regions to another size with scaled_to(size)"
        )


def _around(boxes: Iterable[Box]) -> Box:
    return reduce(Box.joined, boxes)
