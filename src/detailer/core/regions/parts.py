"""Parts of a mask: which of them are meant, each with its soft surroundings, and which not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from detailer.core.arithmetic import mask_levels, unit
from detailer.core.geometry import Box
from detailer.core.matte import Matte
from detailer.core.region import LeftOut, Region
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
    values. What is both faint and small is noise and not told; all else that goes is.

    Args:
        mask: (h, w), of any dtype that a mask may have; it is left as it is.
        meant: From where on a part counts.

    Raises:
        InputError: If a value is NaN.
    """
    if meant.threshold <= 0 and meant.area <= 1:
        return Parts(mask)
    kept = mask
    left_out: list[LeftOut] = []
    for island in islands(as_numbers(mask), masked_from(mask.dtype)):
        sifted = _sifted(mask[island.slices], island, meant)
        if sifted.mask is not None:
            # Only a mask from which something goes is copied.
            kept = mask.copy() if kept is mask else kept
            kept[island.slices] = sifted.mask
            left_out += sifted.left_out
    return Parts(kept, tuple(left_out))


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
    left_out: tuple[LeftOut, ...] = ()


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
    left_out = []
    for number in np.flatnonzero(goes & (strong | large)).tolist():
        left, top, width, height, area = stats[number].tolist()
        place = Box(left, top, left + width, top + height)
        own = unit(values[place.slices]) * (labels[place.slices] == number)
        matte = Matte(own, place.shifted(island.left, island.top))
        region = Region(matte.box, matte, label=meant.label)
        left_out.append(LeftOut(region, _reason(float(own.max()), area, meant)))
    kept = np.where(goes[labels], values.dtype.type(0), values)
    return _Sifted(kept, tuple(left_out))


def _reason(peak: float, area: int, meant: Meant) -> str:
    if area < meant.area:
        return f"its mask covers {area} px; mask_min_area={meant.area}"
    return f"its mask is nowhere above {peak:.2g}; mask_threshold={meant.threshold:g}"
