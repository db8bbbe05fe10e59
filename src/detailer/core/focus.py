"""Focus: how sharp regions are, and which are skipped for it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from detailer.core.canvas import Canvas
from detailer.core.geometry import Box, Size
from detailer.core.pixels import resize
from detailer.core.region import Region
from detailer.core.regions import Regions
from detailer.core.sharpness import SHARP, SHARPNESS, Gray, edge_width, luma, sharpness

# A face this wide that is sharp has all that makes a face, px.
_SEEN = 512
# The middle of a face has what is sharpest in it; so memory is bounded, px.
_LOOKED_AT = 1024
# What is smaller shares the blur of what is around it, and has too few edges to tell, px.
_LEAST = 96
# Share of its side around a region that is looked at for its edges: its outline is among them.
_RIM = 0.15
# Side from which on what is sharp says that the picture is in focus there, px.
_IN_FOCUS = 32
# Edges of a sharp photograph are 0.65 px wide; 2.5 times that is no lens that is a little soft.
_DEFOCUSED = 1.6


@dataclass(frozen=True, slots=True)
class Focus:
    """What a region's pixels show: its `sharpness`, and the `width` of its strongest edges, px."""

    sharpness: float
    width: float

    @property
    def notes(self) -> dict[str, float]:
        """The same for people, rounded."""
        return {"sharpness": round(self.sharpness, 3), "edge_width": round(self.width, 2)}


def skipped_by_focus(
    regions: Regions, found: Sequence[Focus], skip_sharp: float, skip_defocused: bool
) -> dict[int, str]:
    """The places of regions that two settings of Crop leave out, with the reasons.

    Args:
        regions: In the order of the places.
        found: The focus of each.
        skip_sharp: Leave out what is at least this sharp; 0: nothing.
        skip_defocused: Leave out what is blurred where something of its label is sharp.
    """
    in_focus = {
        region.label
        for region, focus in zip(regions, found, strict=True)
        if focus.sharpness >= (skip_sharp or SHARPNESS)
        and min(region.box.width, region.box.height) >= _IN_FOCUS
    }
    reasons: dict[int, str] = {}
    for place, (region, focus) in enumerate(zip(regions, found, strict=True)):
        if skip_sharp and focus.sharpness >= skip_sharp:
            reasons[place] = f"sharp already: {focus.sharpness:.3g}; skip_sharp={skip_sharp:g}"
        elif skip_defocused and region.label in in_focus and focus.width >= _DEFOCUSED:
            reasons[place] = f"out of focus: edges {focus.width:.1f} px wide beside sharp ones"
    return reasons


def focus_of(canvas: Canvas, region: Region) -> Focus:
    """How sharp a region is in the picture as it stands, over the part of its box inside it.

    Sharpness is that at 512 px for larger ones, since they need no finer detail; and that of 96 px
    around it for smaller ones.
    """
    whole = canvas.size.box
    box = region.box.clipped(whole).whole()
    if box.empty:
        return Focus(0.0, SHARP)
    gray = _gray(canvas, box.grown(_RIM * min(box.width, box.height)))
    x, y = (max(0.0, (_LEAST - length) / 2) for length in (box.width, box.height))
    seen = _gray(canvas, box.grown(x, y))
    if not np.isfinite(gray).all() or not np.isfinite(seen).all():
        return Focus(0.0, SHARP)
    share = min(1.0, _SEEN / min(box.width, box.height))
    size = Size(*(max(1, round(length * share)) for length in seen.shape[::-1]))
    return Focus(sharpness(resize(seen, size)), edge_width(gray))


def _gray(canvas: Canvas, box: Box) -> Gray:
    """The brightness over a box, as far as it lies in the picture; of large ones the middle."""
    x, y = (max(0.0, (length - _LOOKED_AT) / 2) for length in (box.width, box.height))
    return luma(canvas.read(box.grown(-x, -y).clipped(canvas.size.box).whole()))
