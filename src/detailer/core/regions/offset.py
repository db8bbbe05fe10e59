"""Regions moved: what leaves the picture is cut, or comes in on the other side."""

from __future__ import annotations

from dataclasses import replace
from functools import reduce
from typing import TYPE_CHECKING

import numpy as np

from detailer.core.geometry import Box, Size
from detailer.core.matte import Matte
from detailer.core.region import Region

if TYPE_CHECKING:
    from detailer.core.regions.collection import Regions


def offset(regions: Regions, x: int, y: int, wrap: bool = False) -> Regions:
    """Boxes and masks moved x pixels to the right and y pixels up, in ADetailer's sense.

    What leaves the picture is cut off. With `wrap` the mask comes in on the opposite side, as
    ADetailer has it: half a face at the left edge would be repainted at the right one.
    """
    picture = regions.size

    def moved(region: Region) -> Region:
        mask = region.mask
        if wrap:
            mask = _wrapped(mask, x, -y, picture)
            return replace(region, box=mask.box, mask=mask)
        kept = mask.box.shifted(x, -y).clipped(picture.box)
        mask = Matte(mask.alpha, mask.box.shifted(x, -y)).over(kept)
        return replace(region, box=region.box.shifted(x, -y).clipped(picture.box), mask=mask)

    return regions.map(moved) if x or y else regions


def _wrapped(mask: Matte, right: int, down: int, picture: Size) -> Matte:
    inside = mask.over(mask.box.clipped(picture.box))
    start_x = (inside.box.left + right) % picture.width - inside.box.left
    start_y = (inside.box.top + down) % picture.height - inside.box.top
    copies = [
        Matte(inside.alpha, inside.box.shifted(start_x - over_x, start_y - over_y))
        for over_x in (0, picture.width)
        for over_y in (0, picture.height)
    ]
    parts = [copy.over(copy.box.clipped(picture.box)) for copy in copies]
    reach = reduce(Box.joined, (part.box for part in parts))
    return Matte(np.maximum.reduce([part.within(reach) for part in parts]), reach)
