"""Blend: what comes back into the picture, and how softly."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from detailer.core.alpha import gaussian
from detailer.core.canvas import Canvas
from detailer.core.feather import Feather, Side, feather, thickness
from detailer.core.geometry import Box, Size
from detailer.core.matte import Matte
from detailer.core.pixels import LEVELS, Alpha, Pixels, to_unit
from detailer.core.plan import Cutout, Failed, Painted, Patch
from detailer.core.region import Region
from detailer.core.seam import drift, seam_jump
from detailer.core.settings import Settings
from detailer.core.view import to_painted, to_picture
from detailer.core.window import Window

_ABSURD = 16.0


class Blend(Settings):
    """How softly the painted part goes over into the picture."""

    feather_mode: Literal["relative", "gaussian"] = Field(
        "relative",
        description="relative: a share of how thick the mask is; "
        "gaussian: the nodes' blur in pixels, half of it inside the mask.",
    )
    feather_ratio: float = Field(
        0.1,
        ge=0,
        le=1,
        description="relative: width of the fade by the mask's own thickness, at most by the "
        "box's shorter side.",
    )
    feather_side: Side = Field(
        "outside",
        description="relative: where the fade lies. outside: the mask keeps its full strength; "
        "inside: nothing outside it changes; both: half on each side. A hole in a mask never "
        "changes: there it lies inside.",
    )
    feather: int = Field(5, ge=0, le=200, description="gaussian: half width of the blur, px.")
    feather_sigma: float = Field(10.0, gt=0, le=1000, description="gaussian: its sigma, px.")
    overlap: Literal["repaint", "once"] = Field(
        "repaint",
        description="Where patches of one pass overlap. repaint: each paints on what those before"
        " it have left, as Impact Pack does; once, restore's: what an earlier one paints stays.",
    )
    color_match: Literal["auto", "on", "off"] = Field(
        "auto",
        description="Take off the colour shift that the crop's unmasked ring shows; auto: after "
        "painters whose whole crop drifts, as through a VAE, but not with crop.compatible.",
    )


def paste_mask(region: Region, window: Window, picture: Size, blend: Blend) -> Matte:
    """What comes back into the picture, and how strongly: the region's mask, feathered.

    It lies inside both the window and the picture. Outside the mask it reaches, measured from the
    nearest pixel of it:

    * relative: feather_ratio times the mask's local thickness (see `Feather`), at most by the
      box's shorter side; half of that with `feather_side` both, nothing with inside. Holes that
      the mask encloses stay at 0.
    * gaussian: `feather` pixels along each axis, as in the nodes, in holes as well.
    """
    if blend.feather_mode == "gaussian":
        inside = window.footprint.clipped(picture.box)
        blurred = region.mask.over(inside).map(gaussian, blend.feather, blend.feather_sigma)
        return blurred.trimmed()
    reach = blend.feather_ratio * min(region.box.width, region.box.height)
    how = Feather(reach, blend.feather_ratio, blend.feather_side)
    area = region.mask.box.grown(round(reach) + 1).clipped(_inside(window).clipped(picture.box))
    soft = feather(region.mask, area, how)
    if window.angle == 0 and window.box.grown(-reach).holds(area):
        return Matte(soft, area).trimmed()
    edge = _edge(window, area, picture, how.width(thickness(region.mask)))
    return Matte(np.minimum(soft, edge), area).trimmed()


def left_by(mask: Matte, earlier: Sequence[Matte]) -> Matte:
    """What earlier paste masks leave of one: it fades in where they fade out."""
    left = mask
    for other in earlier:
        if other.box.meets(mask.box):
            left = Matte(left.alpha * (1 - other.within(mask.box)), mask.box)
    return left if left is mask else left.trimmed()


def _inside(window: Window) -> Box:
    """The whole pixels that an unturned window covers wholly; a turned one's footprint."""
    if window.angle:
        return window.footprint
    left, top, right, bottom = window.box
    return Box(math.ceil(left), math.ceil(top), math.floor(right), math.floor(bottom))


def _edge(window: Window, area: Box, picture: Size, reach: float) -> Alpha:
    """Rises from 0 at the window's edge to 1 `reach` px inside; not at the picture's own edge."""
    xs, ys = np.arange(area.left, area.right) + 0.5, np.arange(area.top, area.bottom) + 0.5
    if window.angle == 0:
        box = window.box
        across = _from_ends(xs, box.left, box.right, picture.width)
        down = _from_ends(ys, box.top, box.bottom, picture.height)
        distance = np.minimum(down[:, None], across)
    else:
        inward = np.linalg.inv(np.vstack([window.to_picture, [0, 0, 1]]))[:2]
        grid = np.stack([*np.meshgrid(xs, ys), np.ones((len(ys), len(xs)))])
        x, y = np.tensordot(inward, grid, axes=1)
        across = np.minimum(x, window.size.width - x) / window.scale
        down = np.minimum(y, window.size.height - y) / window.vertical_scale
        distance = np.minimum(down, across).astype(np.float32)
    return np.clip(distance / np.float32(max(reach, 0.5)), 0, 1)


def _from_ends(at: NDArray[np.float64], start: float, end: float, length: int) -> Alpha:
    """How far inside a stretch of the picture's length; an end at the picture's border is none."""
    inside = np.full(at.shape, np.inf, np.float32)
    if start > 0:
        inside = np.asarray(at - start, np.float32)
    return np.minimum(inside, np.asarray(end - at, np.float32)) if end < length else inside


@dataclass(frozen=True, eq=False)
class Shrunk:
    """What was painted, (h, w, 3) float32 sRGB, back at the picture's size over the paste mask."""

    patch: Patch
    pixels: Pixels


def match_colour(painted: Painted, cutout: Cutout, blend: Blend) -> Painted:
    """The painted pixels without the drift that the unmasked ring shows; notes tell the seam's.

    `seam_before` and `seam_after` are the gradient that pasting adds at the seam, 0..1.
    """
    wanted = painted.drifts and not cutout.compatible
    if blend.color_match == "off" or not (wanted or blend.color_match == "on"):
        return painted
    if painted.pixels.shape != (*painted.patch.size.shape, 3):
        return painted
    pixels, original = to_unit(painted.pixels), cutout.pixels
    found = drift(pixels, original, cutout.noise_mask)
    if found is None:
        return painted
    matched = found.undone(pixels)
    window = painted.patch.window
    mask = to_painted(painted.patch.paste_mask.within(window.footprint), window)
    seams = {
        "seam_before": round(seam_jump(pixels, original, mask), 5),
        "seam_after": round(seam_jump(matched, original, mask), 5),
    }
    return replace(painted, pixels=matched, notes={**painted.notes, **seams})


def shrink(painted: Painted) -> Shrunk | Failed:
    """The painted pixels that will be pasted, at the picture's size; a bad result has failed."""
    patch = painted.patch
    given = painted.pixels
    if not isinstance(given, np.ndarray):
        return Failed(patch, f"the painter gave {type(given).__name__}, not pixels")
    # What the nodes' VAE cuts off is stretched back, straight to the picture's size.
    stretched = patch.window.scale_y is not None and given.ndim == 3 and given.shape[2] == 3
    if given.shape != (*patch.size.shape, 3) and not stretched:
        return Failed(patch, f"painted {given.shape} where {patch.size} in RGB was asked for")
    if given.dtype.kind == "f":
        given = given.astype(np.float32, copy=False)
    if given.dtype not in LEVELS:
        return Failed(patch, f"painted numbers of {given.dtype}; give float32 0..1, or uint8")
    with np.errstate(invalid="ignore", over="ignore"):
        pixels = to_picture(given, patch.window, patch.paste_mask.box)
    if not np.isfinite(pixels).all():
        return Failed(patch, "painted pixels are not finite numbers")
    largest = float(np.abs(pixels).max(initial=0))
    if largest > _ABSURD:
        return Failed(patch, f"painted values up to {largest:.0f}; give 0..1, or uint8")
    return Shrunk(patch, pixels)


def paste(canvas: Canvas, shrunk: Shrunk) -> None:
    """Lay painted pixels over the picture; beyond the paste mask not a bit changes."""
    canvas.blend(shrunk.pixels, shrunk.patch.paste_mask)
