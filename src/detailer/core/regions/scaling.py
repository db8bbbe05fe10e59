"""Regions brought to a picture of another size."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from detailer.core.compatible import bilinear, truncating_lanczos
from detailer.core.geometry import Box, Size
from detailer.core.matte import Matte
from detailer.core.pixels import resize
from detailer.core.region import Region
from detailer.errors import InputError

if TYPE_CHECKING:
    from detailer.core.regions.collection import Regions


def scaled_to(regions: Regions, size: Size, compatible: bool = False) -> Regions:
    """The same regions of the same picture at another size, each axis by its own ratio.

    `compatible` scales as the nodes do: left and top by the widths' ratio, right and bottom by
    the heights', all cut to whole pixels; right only where both ratios are the same.
    """
    if regions.size == size or regions.size.area == 0:
        return regions
    if size.area == 0:
        raise InputError(f"regions cannot be scaled to {size}; give at least 1×1")
    x, y = size.width / regions.size.width, size.height / regions.size.height
    verb = _scaled_compatibly if compatible else _scaled
    items = [verb(region, x, y, size) for region in regions]
    return replace(regions, size=size, items=tuple(items))


def _scaled(region: Region, x: float, y: float, size: Size) -> Region:
    crop, picture = region.crop, region.picture
    if crop is not None:
        crop = crop.scaled(x, y).whole().clipped(size.box)
        picture = None if picture is None else resize(picture, crop.size)
    return replace(
        region,
        box=region.box.scaled(x, y),
        mask=_scaled_mask(region.mask, x, y, size),
        landmarks=tuple((left * x, top * y) for left, top in region.landmarks),
        crop=crop,
        picture=picture,
    )


def _scaled_mask(mask: Matte, x: float, y: float, size: Size) -> Matte:
    """Resampled on the new pixels' own grid, by area where it shrinks."""
    # Linear resampling reaches one pixel of either picture beyond the mask.
    target = mask.box.grown(1).scaled(x, y).whole().grown(1).clipped(size.box)
    if target.empty:
        return Matte(np.zeros(target.size.shape, np.float32), target)
    source = target.scaled(1 / x, 1 / y)
    around = source.grown(2).whole()
    seen = source.shifted(-around.left, -around.top)
    large = Image.fromarray(mask.within(around)).resize(
        (target.size.width, target.size.height),
        Image.Resampling.BILINEAR,
        box=tuple(seen),  # type: ignore[arg-type]
    )
    return Matte(np.clip(np.asarray(large, np.float32), 0, 1), target).trimmed()


def _scaled_compatibly(region: Region, x: float, y: float, _: Size) -> Region:
    crop = region.crop or region.mask.box
    target = _crossed(crop, x, y)
    if target.empty:
        raise InputError(
            f"nothing is left of crop {tuple(crop)} scaled by {x:g} and {y:g} with compatible=True;"
            " without it each axis has its own ratio"
        )
    picture = region.picture
    if picture is not None:
        picture = truncating_lanczos(picture, target.size)
    return replace(
        region,
        box=_crossed(region.box, x, y),
        mask=Matte(bilinear(region.mask.within(crop), target.size), target),
        crop=target,
        picture=picture,
    )


def _crossed(box: Box, x: float, y: float) -> Box:
    left, top = int(box.left * x), int(box.top * x)
    return Box(left, top, max(left, int(box.right * y)), max(top, int(box.bottom * y)))
