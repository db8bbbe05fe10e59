"""Mask: what of each region is meant, before it is cut."""

from __future__ import annotations

import math
from typing import Literal

from pydantic import Field

from detailer.core.regions.algebra import merge, merge_and_invert
from detailer.core.regions.collection import Regions
from detailer.core.regions.offset import offset
from detailer.core.regions.reshape import blur, fill_holes, grow, high_pass, invert, shape
from detailer.core.settings import Settings


class Mask(Settings):
    """How the found masks are changed, in the order of these settings."""

    shape: Literal["found", "box", "ellipse", "face"] = Field(
        "found",
        description="The mask as found, the whole box, or the ellipse in the box; face: the ellipse"
        " for faces of which nothing but the box was found, the others as found.",
    )
    fill_holes: bool = Field(False, description="Mean everything that a mask encloses.")
    offset_x: int = Field(0, ge=-16384, le=16384, description="Move the mask right, px.")
    offset_y: int = Field(0, ge=-16384, le=16384, description="Move the mask up, px.")
    wrap: bool = Field(
        False, description="What is moved out of the picture comes in opposite; off: it is cut."
    )
    dilation: int = Field(
        10,
        ge=-512,
        le=512,
        description="Grow by half of this on every side, beyond the box too, but not into holes "
        "that this would not close; negative: shrink; px.",
    )
    invert: bool = Field(False, description="Mean the rest of the box instead.")
    merge: Literal["none", "merge", "merge_and_invert"] = Field(
        "none", description="Make one region of all, or of all that none of them means."
    )
    blur: float = Field(0.0, ge=0, le=1000, description="Soften by a Gaussian of this sigma, px.")
    high_pass: float = Field(0.0, ge=0, le=1, description="Set values below this to 0.")
    compatible: bool = Field(
        False,
        description="As the nodes and ADetailer: even amounts grow lopsidedly, a pixel less to the"
        " left and up; masks are merged bit by bit.",
    )


def reshape(regions: Regions, mask: Mask) -> Regions:
    """The regions with their masks changed; boxes stay, unless they are moved or merged.

    Nothing reaches beyond the picture. A region whose mask vanishes stays, empty, so that the
    plan can tell; merged with others it adds nothing.
    """
    regions = shape(regions, mask.shape)
    if mask.fill_holes:
        regions = fill_holes(regions)
    regions = offset(regions, mask.offset_x, mask.offset_y, mask.wrap)
    regions = grow(regions, mask.dilation, lopsided=mask.compatible)
    if mask.invert:
        regions = invert(regions)
    regions = _merged(regions, mask)
    if mask.blur > 0:
        regions = blur(regions, math.ceil(3 * mask.blur), mask.blur)
    return high_pass(regions, mask.high_pass) if mask.high_pass > 0 else regions


def _merged(regions: Regions, mask: Mask) -> Regions:
    if mask.merge == "none":
        return regions
    if mask.compatible and mask.dilation:
        # ADetailer drops what is black after growing or shrinking, and only then.
        regions = regions.filter(lambda region: not region.mask.empty)
    verb = merge if mask.merge == "merge" else merge_and_invert
    return verb(regions, "8-bit" if mask.compatible else "true")
