"""Regions: an ordered collection of regions of one picture."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, overload

import numpy as np
from numpy.typing import DTypeLike, NDArray

from detailer.core.arithmetic import Arithmetic
from detailer.core.geometry import Size
from detailer.core.region import LeftOut, Region
from detailer.core.regions.algebra import Coverage, intersect, subtract, to_mask
from detailer.core.regions.from_mask import Trace, planes_of, trace
from detailer.core.regions.order import Key, Order, ordered
from detailer.core.regions.parts import MaskPicture
from detailer.core.regions.scaling import scaled_to
from detailer.errors import InputError


@dataclass(frozen=True)
class Regions(Sequence[Region]):
    """Regions in order, with the size of the picture they were found in.

    `a + b` are these, then those. `a & b` is what masks have in common with the other's, `a - b`
    what those leave of them; the other may be a mask (h, w) of the picture. All other verbs are
    functions of `detailer.core.regions`. `left_out` is what was seen and not taken for a region:
    it comes along, for the plan to say so, and counts in nothing.
    """

    size: Size
    items: tuple[Region, ...] = ()
    left_out: tuple[LeftOut, ...] = field(default=(), compare=False)

    @classmethod
    def from_mask(cls, mask: MaskPicture, how: Trace | None = None) -> Regions:
        """The regions of a mask: bool, uint8, uint16 or float 0..1.

        Args:
            mask: (h, w), (h, w, 1) or (planes, h, w).
            how: Separate outlines with their holes, unless told otherwise.

        Raises:
            InputError: If the mask's shape or dtype cannot be one, or a value is NaN.
        """
        planes = planes_of(mask)
        traced = trace(planes, how)
        height, width = planes[0].shape
        return cls(Size(width, height), traced.regions, traced.left_out)

    def __iter__(self) -> Iterator[Region]:
        return iter(self.items)

    def __len__(self) -> int:
        return len(self.items)

    @overload
    def __getitem__(self, index: int) -> Region: ...
    @overload
    def __getitem__(self, index: slice) -> Regions: ...
    def __getitem__(self, index: int | slice) -> Region | Regions:
        if isinstance(index, slice):
            return self.holding(self.items[index])
        return self.items[index]

    def __add__(self, other: Regions) -> Regions:
        """These, then those; of pictures of one size. An empty collection fits any size."""
        # Parts of one collection, put together again, have left out the same.
        known = {id(out) for out in self.left_out}
        left_out = self.left_out + tuple(out for out in other.left_out if id(out) not in known)
        if not other.items:
            return replace(self, left_out=left_out)
        if self.items and self.size != other.size:
            raise InputError(
                f"regions of a picture of {self.size} and of {other.size} cannot be joined;"
                " bring one to the other's size with scaled_to(size)"
            )
        return Regions(other.size, self.items + other.items, left_out)

    def __and__(self, other: Coverage) -> Regions:
        return intersect(self, other)

    def __sub__(self, other: Coverage) -> Regions:
        return subtract(self, other)

    def holding(self, items: Sequence[Region]) -> Regions:
        """The same picture with these regions instead."""
        return replace(self, items=tuple(items))

    def map(self, verb: Callable[[Region], Region]) -> Regions:
        """Every region changed by a verb."""
        return self.holding([verb(region) for region in self])

    def filter(self, test: Callable[[Region], bool]) -> Regions:
        """The regions that pass a test, in order."""
        return self.holding([region for region in self if test(region)])

    def sorted(self, by: Order | Key, descending: bool = False) -> Regions:
        """The same regions in another order, by its name or by a number for each of them."""
        return ordered(self, by, descending)

    def to_mask(
        self, arithmetic: Arithmetic = "true", dtype: DTypeLike = np.float32
    ) -> NDArray[Any]:
        """The union of all masks as one of the picture's size, (h, w)."""
        return to_mask(self, arithmetic, dtype)

    def scaled_to(self, size: Size) -> Regions:
        """The same regions of the same picture at another size, each axis by its own ratio."""
        return scaled_to(self, size)
