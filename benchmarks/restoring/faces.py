"""Faces of $DETAILER_DATA, each photograph once, as they are or shrunk and enlarged again."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from detailer.apps.files.read import read
from detailer.core.canvas import Canvas
from detailer.core.context import crop_region
from detailer.core.geometry import Box
from detailer.core.pixels import Picture, size_of

CONTEXT = 3.0


@dataclass(frozen=True)
class Face:
    """A face with what is around it: as it is, and as a painter sees it, (h, w, 3) uint8."""

    name: str
    sharp: Picture
    seen: Picture
    box: Box


def faces_in(folder: Path, least_width: float, shrunk: float = 1) -> Iterator[Face]:
    """Every face that is at least so wide and neither difficult nor to be ignored.

    `shrunk`: it is seen shrunk so many times and enlarged again, with Pillow's bicubic filter.
    """
    listed = json.loads((folder / "faces.json").read_text(encoding="utf-8"))["images"]
    for name in _without_variants(folder, list(listed)):
        boxes = [
            Box(*face["box"])
            for face in listed[name]["faces"]
            if not (face.get("difficult") or face.get("ignore"))
        ]
        large = [box for box in boxes if box.width >= least_width]
        if not large:
            continue
        photo = read(folder / name)
        picture = Canvas(photo.pixels, photo.colour).picture()
        for box in large:
            window = crop_region(box, size_of(picture), CONTEXT)
            sharp = np.ascontiguousarray(picture[window.slices])
            inside = box.shifted(-window.left, -window.top).clipped(size_of(sharp).box)
            yield Face(name, sharp, _shrunk_and_enlarged(sharp, shrunk), inside)


def _without_variants(folder: Path, names: list[str]) -> list[str]:
    """The pictures, of each photograph only the first that is not a variant."""
    manifest = folder / "manifest.json"
    entries = json.loads(manifest.read_text(encoding="utf-8")) if manifest.exists() else []
    sources = {entry["file"]: entry.get("source_sha256", entry["file"]) for entry in entries}
    chosen: dict[str, str] = {}
    for name in sorted(names, key=lambda name: (Path(name).name.startswith("variant_"), name)):
        chosen.setdefault(sources.get(name, name), name)
    return [name for name in names if name in chosen.values()]


def _shrunk_and_enlarged(sharp: Picture, times: float) -> Picture:
    if times == 1:
        return sharp
    picture = Image.fromarray(sharp)
    small = (max(1, round(picture.width / times)), max(1, round(picture.height / times)))
    bicubic = Image.Resampling.BICUBIC
    return np.asarray(picture.resize(small, bicubic).resize(picture.size, bicubic))
