"""Parts of a mask: which of them are meant, each with its soft surroundings, and which not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from detailer.core.arithmetic import mask_levels, unit
from detailer.core.geometry import Box
from detailer.core.matte import Matte
from detailer.core.region import MOST_TOLD, LeftOut, Region, told
from detailer.core.regions.occupied import islands

MaskPicture: TypeAlias = NDArray[Any]
"""(h, w), (h, w, 1) or (planes, h, w): bool, uint8, uint16, or float 0..1."""


@dataclass(frozen=True)
class Meant:
    """What of a mask is meant: parts that reach `threshold`, 0..1, and cover `area` px or more."""

    threshold: float = 0.0
    area: int = 0
    label: str = ""


@dataclass(frozen=True, eq=False)
class Parts:
    """A mask (h, w) of those parts only that are meant; and those left out that may have been."""

    mask: MaskPicture
    left_out: tuple[LeftOut, ...] = ()


def parts(mask: MaskPicture, meant: Meant) -> Parts:
    """The mask without the parts that are not meant, by hysteresis as in Canny, 1986.

    A part is all that hangs together, also over a corner, from 1/255 up: it keeps its soft
    values. What is both faint and small is noise and not told; all else that goes is, of much the
    largest.

    Args:
        mask: (h, w), of any dtype that a mask may have; it is left as it is.
        meant: From where on a part counts.

    Raises:
        InputError: If a value is NaN.
    """
    if meant.threshold <= 0 and meant.area <= 1:
        return Parts(mask)
    kept = mask
    small: list[LeftOut] = []
    faint: list[LeftOut] = []
    for island in islands(as_numbers(mask), masked_from(mask.dtype)):
        sifted = _sifted(mask[island.slices], island, meant)
        if sifted.mask is not None:
            # Only a mask from which something goes is copied.
            kept = mask.copy() if kept is mask else kept
            kept[island.slices] = sifted.mask
            small += sifted.small
            faint += sifted.faint
    by_area = told(small, f"mask_min_area={meant.area}")
    return Parts(kept, by_area + told(faint, f"mask_threshold={meant.threshold:g}"))


def masked_from(dtype: np.dtype[Any]) -> float:
    """The least value of which uint8(mask·255) is not 0: a pixel is masked from here up."""
    if not np.issubdtype(dtype, np.floating):
        return max(1.0, mask_levels(dtype) / 255)
    # Rounded to the mask's own precision, it is the least number that gives 1.
    return float(dtype.type(1 / 255))


def as_numbers(mask: MaskPicture) -> MaskPicture:
    """The same mask with bool as 0 and 1, without a copy."""
    return mask.view(np.uint8) if mask.dtype == np.bool_ else mask


@dataclass(frozen=True, eq=False)
class _Sifted:
    """An island without what is not meant; no mask where all of it stays."""

    mask: MaskPicture | None = None
    small: Sequence[LeftOut] = ()
    faint: Sequence[LeftOut] = ()


def _sifted(values: MaskPicture, island: Box, meant: Meant) -> _Sifted:
    numbers = as_numbers(values)
    masked = (numbers >= masked_from(values.dtype)).view(np.uint8)
    count, labels, stats, _ = cv2.connectedComponentsWithStats(masked, connectivity=8)
    least = meant.threshold * mask_levels(values.dtype)
    strong = np.bincount(labels[numbers >= least], minlength=count) > 0
    large = stats[:, cv2.CC_STAT_AREA] >= meant.area
    goes = ~(strong & large)
    goes[0] = False
    if not goes.any():
        return _Sifted()
    found = _Found(values, np.asarray(labels, np.int32), np.asarray(stats, np.int32), island)
    kept = np.where(goes[labels], values.dtype.type(0), values)
    return _Sifted(kept, found.told(strong & goes, meant), found.told(large & goes, meant))


@dataclass(frozen=True, eq=False)
class _Found:
    """The numbered parts of an island: its values, the number of each pixel, and their boxes."""

    values: MaskPicture
    labels: NDArray[np.int32]
    stats: NDArray[np.int32]
    island: Box

    def told(self, which: NDArray[np.bool_], meant: Meant) -> list[LeftOut]:
        """Those that are left out: the largest, and one for all that nobody tells one by one."""
        numbers = np.flatnonzero(which)
        areas = self.stats[numbers, cv2.CC_STAT_WIDTH] * self.stats[numbers, cv2.CC_STAT_HEIGHT]
        order = numbers[np.argsort(-areas, kind="stable")]
        largest, others = np.sort(order[:MOST_TOLD]), order[MOST_TOLD:]
        told = [self._left_out(number, meant) for number in largest.tolist()]
        if others.size:
            around = Region.from_box(self._moved(self._around(others)), meant.label)
            told.append(LeftOut(around, "", others.size))
        return told

    def _left_out(self, number: int, meant: Meant) -> LeftOut:
        place = self._place(number)
        own = unit(self.values[place.slices]) * (self.labels[place.slices] == number)
        matte = Matte(own, self._moved(place))
        reason = _reason(float(own.max()), int(self.stats[number, cv2.CC_STAT_AREA]), meant)
        return LeftOut(Region(matte.box, matte, label=meant.label), reason)

    def _place(self, number: int) -> Box:
        left, top, width, height, _ = self.stats[number].tolist()
        return Box(left, top, left + width, top + height)

    def _around(self, numbers: NDArray[np.int64]) -> Box:
        starts = self.stats[numbers, :2]
        ends = starts + self.stats[numbers, 2:4]
        return Box(*starts.min(axis=0).tolist(), *ends.max(axis=0).tolist())

    def _moved(self, place: Box) -> Box:
        return place.shifted(self.island.left, self.island.top)


def _reason(peak: float, area: int, meant: Meant) -> str:
    if area < meant.area:
        return f"its mask covers {area} px; mask_min_area={meant.area}"
    return f"its mask is nowhere above {peak:.2g}; mask_threshold={meant.threshold:g}"
