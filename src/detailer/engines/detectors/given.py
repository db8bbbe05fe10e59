"""Given regions: detectors that find what they were told, a mask or a list of boxes."""

from __future__ import annotations

import json
import logging
import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from detailer.core.arithmetic import mask_levels, unit
from detailer.core.geometry import Box, Size
from detailer.core.paths import is_there, local_path, shown
from detailer.core.pixels import size_of
from detailer.core.region import Region
from detailer.core.regions import Regions
from detailer.core.regions.from_mask import Trace, planes_of, trace
from detailer.core.regions.parts import MaskPicture
from detailer.engines.detectors.look import resized
from detailer.engines.detectors.mask_picture import read_mask
from detailer.errors import InputError
from detailer.stages.detect import BySize, Detector, MaskChannel

log = logging.getLogger(__name__)

_OVERSHOOT = 1.5
_ASPECT = 0.02
_RESIZABLE = (np.uint8, np.uint16, np.float32)

_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")


AS_GIVEN = Trace(label="mask", mask_threshold=0.5, mask_min_area=64)
"""How a given mask is read, unless something else is set."""


def given_mask(
    mask: MaskPicture, trace_as: Trace | None = None, fit: bool = False, name: str = "the mask"
) -> Detector:
    """A detector that finds the regions of a mask in every picture.

    Args:
        mask: (h, w) or (planes, h, w): bool, uint8, uint16, or float 0..1.
        trace_as: How regions are read off it; what it does not set is as in `AS_GIVEN`.
        fit: Bring it to the picture's size; off: a mask of another size is refused.
        name: What messages call it.

    Raises:
        InputError: If it is not a mask, or no part of it would count; the detector raises it for
            a picture of another size.
    """
    planes = planes_of(mask)
    how = AS_GIVEN if trace_as is None else AS_GIVEN.but(**trace_as.as_set())
    _check_levels(planes, how, name)

    def find(size: Size) -> Regions:
        traced = trace([_fitted(plane, size, fit, name) for plane in planes], how)
        return Regions(size, traced.regions, traced.left_out)

    return BySize(find)


def mask_file(
    path: str | Path,
    trace_as: Trace | None = None,
    fit: bool = False,
    channel: MaskChannel = "auto",
) -> Detector:
    """`given_mask` with a picture file: white is masked, black and transparent are not.

    `channel` says what else holds the mask, as `read_mask` has it.
    """
    return given_mask(read_mask(path, channel), trace_as, fit, f"mask {path}")


def given_boxes(boxes: Iterable[Box | Region], label: str = "box") -> BySize:
    """A detector that finds the same boxes in every picture, in the order given.

    Args:
        boxes: Boxes in pixels of the picture, cut off at its edge; regions stay as they are.
        label: Label of those that are plain boxes.

    Raises:
        InputError: If a box is empty; the detector raises it for one beyond the picture.
    """
    items = [box if isinstance(box, Region) else Region.from_box(box, label) for box in boxes]
    for item in items:
        if item.box.empty:
            raise InputError(f"box {tuple(item.box)} is empty; give left, top, right, bottom")

    def find(size: Size) -> Regions:
        return Regions(size, tuple(_inside(item, size) for item in items))

    return BySize(find)


def boxes_file(path: str | Path, label: str = "box") -> Detector:
    """`given_boxes` with a JSON file, or with the boxes themselves: "10,20,90,120; 200,20,280,99".

    The file holds a list, or an object with a list of regions. Each is [left, top, right, bottom]
    or an object with such a box and, if you like, label, score and landmarks. Beside regions may
    stand size, [width, height] of the picture that they are for, as `detailer detect --json` says:
    the detector then refuses pictures of another size.
    """
    text, size = str(path), None
    listed: Any = _inline(text)
    if listed is None:
        content = _json(local_path(path, "boxes"))
        listed = content.get("regions") if isinstance(content, dict) else content
        size = content.get("size") if isinstance(content, dict) else None
    if not isinstance(listed, list):
        raise InputError(
            f"{shown(text)} holds no list of boxes; give [[left, top, right, bottom], …]"
        )
    found = given_boxes([_region(item, label, shown(text)) for item in listed], label)
    return _sized(found, size, shown(text)) if size is not None else found


def _inline(text: str) -> list[list[str]] | None:
    """The boxes that are written in the text itself; None if it is a file's name."""
    parts = [part.split(",") for part in text.split(";") if part.strip()]
    if not parts or any(len(sides) != 4 for sides in parts):
        return None
    numbers = all(_NUMBER.fullmatch(side.strip()) for sides in parts for side in sides)
    # Four words between commas may be the name of a file; numbers are boxes before all else.
    return parts if numbers or not is_there(text) else None


def _check_levels(planes: Sequence[MaskPicture], how: Trace, name: str) -> None:
    """Raise InputError where no part would count; warn where all of the picture would."""
    values = [plane for plane in planes if plane.size]
    if not values:
        return
    low, peak = (
        float(max(reduce(plane) for plane in values)) / mask_levels(values[0].dtype)
        for reduce in (np.min, np.max)
    )
    if math.isnan(peak):
        raise InputError(f"{name} holds values that are not numbers (NaN); give 0..1")
    # Resampling may overshoot by a little.
    if peak > _OVERSHOOT:
        raise InputError(f"{name} reaches {peak:g}; give float 0..1, or uint8 up to 255")
    if 1 / 255 <= peak < how.mask_threshold:
        raise InputError(
            f"{name} is nowhere above {peak:.2g} (white is 1), mask_threshold is"
            f" {how.mask_threshold:g}: no part of it would count; set mask_threshold"
            f" (--mask-threshold) to {math.floor(peak * 100) / 100:g}, or give a brighter mask"
        )
    if 1 / 255 <= low < how.mask_threshold:
        log.warning(
            "%s is nowhere below %.2g (white is 1): all of the picture is one region; if that is"
            " not meant, make its black 0",
            name,
            low,
        )


def _fitted(plane: MaskPicture, size: Size, fit: bool, name: str) -> MaskPicture:
    now = size_of(plane)
    if now == size:
        return plane
    if not fit or now.area == 0:
        turned = " (turned by 90°: the picture is worked on upright)" * (
            now == Size(size.height, size.width)
        )
        raise InputError(
            f"{name} is {now}, the picture {size}{turned}; give a mask of its size,"
            " or have it fitted (fit=True, --fit-mask)"
        )
    if abs(math.log(now.width * size.height / (now.height * size.width))) > _ASPECT:
        log.warning("%s is %s, the picture %s: fitted, its parts change shape", name, now, size)
    return resized(plane if plane.dtype in _RESIZABLE else unit(plane), size)


def _inside(region: Region, size: Size) -> Region:
    box = region.box.clipped(size.box)
    if box.empty:
        raise InputError(f"box {tuple(region.box)} lies outside the picture of {size}")
    return replace(region, box=box, mask=region.mask.over(region.mask.box.clipped(size.box)))


def _sized(found: BySize, size: Any, source: str) -> BySize:
    """The detector for pictures of one size only: boxes are pixels of it."""
    if not isinstance(size, list) or not size:
        raise InputError(f"{source}: size is {size!r}; give [width, height]")

    def find(now: Size) -> Regions:
        if list(size) != [now.width, now.height]:
            told = "×".join(map(str, size))
            raise InputError(
                f"boxes {source} are for a picture of {told}, this one is {now};"
                " scale them, or leave their size out"
            )
        return found.find(now)

    return BySize(find)


def _json(path: Path) -> Any:
    try:
        # Windows' editors begin a file with a byte order mark.
        return json.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise InputError(
            f"boxes {path} cannot be read: {error.strerror};"
            " give a JSON file, or LEFT,TOP,RIGHT,BOTTOM;…"
        ) from error
    except (ValueError, RecursionError) as error:
        raise InputError(f"boxes {path} are not JSON: {error}") from error


def _region(item: Any, label: str, source: str) -> Region:
    entry = item if isinstance(item, dict) else {"box": item}
    if "box" not in entry:
        raise InputError(f'{source}: {item} has no box; give "box": [left, top, right, bottom]')
    box = _box(entry["box"], source)
    # What is null is as if it were not there.
    told = {key: value for key, value in entry.items() if value is not None}
    try:
        region = Region.from_box(box, str(told.get("label", label)))
        points = tuple((float(x), float(y)) for x, y in told.get("landmarks", ()))
        score = float(told.get("score", 1.0))
    except (TypeError, ValueError) as error:
        raise InputError(f"{source}: {item} is not a region: {error}") from error
    if not 0 <= score <= 1:
        raise InputError(f"{source}: score {score:g} is outside 0 to 1")
    if not np.isfinite(points).all():
        raise InputError(f"{source}: landmarks {points} are not all numbers")
    return replace(region, score=score, landmarks=points)


def _box(sides: Any, source: str) -> Box:
    try:
        left, top, right, bottom = (float(side) for side in sides)
    except (TypeError, ValueError) as error:
        raise InputError(f"{source}: {sides!r} is not left, top, right, bottom") from error
    return Box(left, top, right, bottom)
