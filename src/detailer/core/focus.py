"""Focus: which regions are sharp already, and which are out of focus on purpose."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from detailer.core.canvas import Canvas
from detailer.core.geometry import Size
from detailer.core.pixels import resize
from detailer.core.region import Region
from detailer.core.regions import Regions
from detailer.core.sharpness import SHARP, SHARPNESS, edge_width, luma, sharpness

# A face this wide that is sharp has all that makes a face, px.
_SEEN = 512
_LOOKED_AT = 1024
# Side from which on the sharpness of a face is not chance, px.
_MEASURABLE = 32
# Edges of a sharp photograph are 0.65 px wide; 2.5 times that is no lens that is a little soft.
_DEFOCUSED = 1.6


@dataclass(frozen=True, slots=True)
class Focus:
    """What a region's pixels show: its `sharpness`, its edge `width` in px, its shorter side."""

    sharpness: float
    width: float
    side: float


def skipped_by_focus(
    canvas: Canvas, regions: Regions, skip_sharp: float, skip_defocused: bool
) -> dict[int, str]:
    """The places of regions that two settings of Crop leave out, with the reasons.

    Measured in the picture as it stands, over the part of a region's box inside it.

    Args:
        canvas: The picture.
        regions: In the order of the places.
        skip_sharp: Leave out what is at least this sharp; 0: nothing.
        skip_defocused: Leave out what is blurred where something of its label is sharp.
    """
    if not skip_sharp and not skip_defocused:
        return {}
    found = [focus_of(canvas, region) for region in regions]
    sharp = {
        region.label
        for region, focus in zip(regions, found, strict=True)
        if focus.sharpness >= (skip_sharp or SHARPNESS) and focus.side >= _MEASURABLE
    }
    reasons: dict[int, str] = {}
    for place, (region, focus) in enumerate(zip(regions, found, strict=True)):
        if skip_sharp and focus.sharpness >= skip_sharp:
            reasons[place] = f"sharp already: {focus.sharpness:.2f}, skip_sharp={skip_sharp:g}"
        elif skip_defocused and region.label in sharp and focus.width >= _DEFOCUSED:
            reasons[place] = f"out of focus: edges {focus.width:.1f} px wide beside sharp ones"
    return reasons


def focus_of(canvas: Canvas, region: Region) -> Focus:
    """How sharp a region is; large ones are seen at 512 px, since they need no finer detail."""
    box = region.box.clipped(canvas.size.box).whole()
    side = min(box.width, box.height)
    if box.empty:
        return Focus(0.0, SHARP, side)
    # The middle of a face has what is sharpest in it; so memory is bounded.
    x, y = (max(0.0, (length - _LOOKED_AT) / 2) for length in (box.width, box.height))
    gray = luma(canvas.read(box.grown(-x, -y).whole()))
    if not np.isfinite(gray).all():
        return Focus(0.0, SHARP, side)
    share = min(1.0, _SEEN / side)
    seen = resize(gray, Size(*(max(1, round(length * share)) for length in gray.shape[::-1])))
    return Focus(sharpness(seen), edge_width(gray), side)
