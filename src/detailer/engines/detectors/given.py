"""Given regions: detectors that find what they were told, a mask or a list of boxes."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from PIL import Image, ImageOps

from detailer.core.geometry import Box, Size
from detailer.core.paths import is_there, local_path, shown
from detailer.core.pixels import Picture, size_of
from detailer.core.region import Region
from detailer.core.regions import Regions
from detailer.core.regions.from_mask import MaskPicture, Trace, planes_of, trace
from detailer.engines.detectors.look import resized
from detailer.errors import InputError
from detailer.stages.detect import Detector

_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")


def given_mask(mask: MaskPicture, trace_as: Trace | None = None, fit: bool = False) -> Detector:
    """A detector that finds the regions of a mask in every picture.

    Args:
        mask: (h, w) or (planes, h, w): bool, uint8, uint16, or float 0..1.
        trace_as: How regions are read off it; separate outlines, labelled mask, if None.
        fit: Bring it to the picture's size; off: a mask of another size is refused.

    Raises:
        InputError: If it is not a mask; the detector raises it for a picture of another size.
    """
    planes = planes_of(mask)
    how = Trace(label="mask") if trace_as is None else trace_as

    def detect(picture: Picture, /) -> Regions:
        size = size_of(picture)
        return Regions(size, trace([_fitted(plane, size, fit) for plane in planes], how))

    return detect


def mask_file(path: str | Path, trace_as: Trace | None = None, fit: bool = False) -> Detector:
    """`given_mask` with a picture file: white is masked, black and transparent are not."""
    return given_mask(read_mask(path), trace_as, fit)


def given_boxes(boxes: Iterable[Box | Region], label: str = "box") -> Detector:
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

    def detect(picture: Picture, /) -> Regions:
        size = size_of(picture)
        return Regions(size, tuple(_inside(item, size) for item in items))

    return detect


def boxes_file(path: str | Path, label: str = "box") -> Detector:
    """`given_boxes` with a JSON file, or with the boxes themselves: "10,20,90,120; 200,20,280,99".

    The file holds a list, or an object with a list of regions. Each is [left, top, right, bottom]
    or an object with such a box and, if you like, label, score and landmarks.
    """
    text = str(path)
    listed: Any = _inline(text)
    if listed is None:
        content = _json(local_path(path, "boxes"))
        listed = content.get("regions") if isinstance(content, dict) else content
    if not isinstance(listed, list):
        raise InputError(f"{path} holds no list of boxes")
    return given_boxes([_region(item, label, shown(text)) for item in listed], label)


def _inline(text: str) -> list[list[str]] | None:
    """The boxes that are written in the text itself; None if it is a file's name."""
    parts = [part.split(",") for part in text.split(";") if part.strip()]
    if not parts or any(len(sides) != 4 for sides in parts):
        return None
    numbers = all(_NUMBER.fullmatch(side.strip()) for sides in parts for side in sides)
    # Four words between commas may be the name of a file; numbers are boxes before all else.
    return parts if numbers or not is_there(text) else None


# What lossy formats leave around an edge is not meant.
_LOSSY = ("JPEG", "WEBP", "AVIF")
_SPECKS = 48


def read_mask(path: str | Path) -> MaskPicture:
    """A picture file as a mask, (h, w) uint8 or uint16: its grey, less where it is transparent."""
    place = local_path(path, "mask")
    try:
        with Image.open(place) as image:
            upright = ImageOps.exif_transpose(image)
            if upright.mode.startswith("I"):
                return np.asarray(upright).astype(np.uint16)
            grey, alpha = (np.asarray(band) for band in upright.convert("LA").split())
            if image.format in _LOSSY:
                grey = np.where(grey < _SPECKS, np.uint8(0), grey)
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise InputError(f"mask {path} cannot be read: {error}") from error
    opaque = np.uint8(255)
    return grey if (alpha == opaque).all() else np.asarray(cv2.multiply(grey, alpha, scale=1 / 255))


def _fitted(plane: MaskPicture, size: Size, fit: bool) -> MaskPicture:
    now = size_of(plane)
    if now == size:
        return plane
    if not fit or now.area == 0:
        raise InputError(
            f"the mask is {now}, the picture {size}; give a mask of its size,"
            " or have it fitted (fit=True, --fit-mask)"
        )
    solid = plane.view(np.uint8) * np.uint8(255) if plane.dtype == np.bool_ else plane
    return resized(solid, size)


def _inside(region: Region, size: Size) -> Region:
    box = region.box.clipped(size.box)
    if box.empty:
        raise InputError(f"box {tuple(region.box)} lies outside the picture of {size}")
    return replace(region, box=box, mask=region.mask.over(region.mask.box.clipped(size.box)))


def _json(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"boxes {path} cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise InputError(f"boxes {path} are not JSON: {error}") from error


def _region(item: Any, label: str, source: str) -> Region:
    entry = item if isinstance(item, dict) else {"box": item}
    box = _box(entry.get("box"), source)
    try:
        region = Region.from_box(box, str(entry.get("label", label)))
        points = tuple((float(x), float(y)) for x, y in entry.get("landmarks", ()))
        return replace(region, score=float(entry.get("score", 1.0)), landmarks=points)
    except (TypeError, ValueError) as error:
        raise InputError(f"{source}: {item} is not a region: {error}") from error


def _box(sides: Any, source: str) -> Box:
    try:
        left, top, right, bottom = (float(side) for side in sides)
    except (TypeError, ValueError) as error:
        raise InputError(f"{source}: {sides!r} is not left, top, right, bottom") from error
    return Box(left, top, right, bottom)
