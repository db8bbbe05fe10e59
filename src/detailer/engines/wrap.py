"""Wrappers: detectors made of detectors."""

from __future__ import annotations

import hashlib
import math
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import replace
from threading import Lock

import numpy as np

from detailer.core.geometry import Box, Size
from detailer.core.pixels import Picture, size_of
from detailer.core.region import Region
from detailer.core.regions import Regions
from detailer.core.regions.tiles import starts
from detailer.engines.detectors.found import Found, apart, distinct
from detailer.errors import InputError
from detailer.stages.detect import Composed, Detector, Scaling

_LEAST_FACE = 20


def either(first: Detector, second: Detector) -> Detector:
    """What the first finds; where it finds nothing, what the second finds."""

    def detect(picture: Picture, /) -> Regions:
        return first(picture) or second(picture)

    return Composed(detect, (first, second))


def merged(detectors: Sequence[Detector], overlap: float = 0.45) -> Detector:
    """What any of them finds, once, in their order.

    Of two regions with one label whose boxes overlap (intersection over union) by `overlap` or
    more, the more certain stays.
    """

    def detect(picture: Picture, /) -> Regions:
        found = Regions(size_of(picture))
        for detector in detectors:
            found += detector(picture)
        kept = {id(region) for region in unique(found, overlap)}
        return found.filter(lambda region: id(region) in kept)

    return Composed(detect, tuple(detectors))


def tiled_as_needed(detector: Detector, overlap: int = 256) -> Detector:
    """Looks at tiles as well where a face of 20 px would be seen too small to be found.

    Tiles are as large as the detector looks at. What is seen in the whole picture at twice the
    least size counts only there: a tile that finds it alone is more often wrong than right.

    Args:
        detector: What looks; one that does not scale pictures (`Scaling`) stays as it is.
        overlap: How far tiles overlap at least, pixels; half of a tile at most.
    """
    if not isinstance(detector, Scaling):
        return detector
    tile, least = detector.long_side, detector.least_side

    def detect(picture: Picture, /) -> Regions:
        size = size_of(picture)
        seen = least * max(size.width, size.height) / tile
        if seen <= _LEAST_FACE:
            return detector(picture)
        return tiled(detector, tile, min(overlap, tile // 2), largest=2 * seen)(picture)

    return detect


def tiled(
    detector: Detector, tile: int = 1280, overlap: int = 256, largest: float = math.inf
) -> Detector:
    """Looks at the whole picture and, where that is larger than a tile, at each tile of it.

    So small things are seen at full size, and large ones in the whole. What touches a border
    between tiles is cut there and not counted: up to nearly `overlap` pixels it is whole in the
    next tile, and larger it is found in the whole picture. Of what a detector of faces (`Scaling`)
    finds, parts of a face do not count either.

    Args:
        detector: What looks; best at pictures of about a tile's size.
        tile: Longest side of a tile, pixels.
        overlap: How far tiles overlap at least, pixels; twice it fits into a tile.
        largest: What is larger in a tile is left to the look at the whole picture, pixels.

    Raises:
        InputError: If the overlap is not from 0 to half the tile.
    """
    if not 0 <= 2 * overlap <= tile or tile < 1:
        raise InputError(f"overlap={overlap} is outside 0 to half of tile={tile}")

    def detect(picture: Picture, /) -> Regions:
        found = detector(picture)
        size = size_of(picture)
        if max(size.width, size.height) <= tile:
            return found
        for box in tile_boxes(size, tile, overlap):
            seen = detector(picture[box.slices])
            whole = [
                moved(region, box)
                for region in seen
                if max(region.box.width, region.box.height) <= largest
                and not _is_cut(region.box, box, size, overlap // 16)
            ]
            found += Regions(size, tuple(whole))
        once = unique(Regions(size, found.items), overlap=0.3)
        # The landmarks of others need not be eyes and nose.
        return faces(once) if isinstance(detector, Scaling) else once

    return detect


def cached(detector: Detector, most: int = 32) -> Detector:
    """Remembers what it found in the last pictures, told apart by their pixels.

    Args:
        detector: What looks.
        most: How many pictures are remembered; the least recently asked for goes first.
    """
    if most < 1:
        raise InputError(f"most={most} pictures; remember at least 1")
    known: OrderedDict[bytes, Regions] = OrderedDict()
    lock = Lock()

    def detect(picture: Picture, /) -> Regions:
        key = _fingerprint(picture)
        with lock:
            if key in known:
                known.move_to_end(key)
                return known[key]
        found = detector(picture)
        with lock:
            known[key] = found
            while len(known) > most:
                known.popitem(last=False)
        return found

    return detect


def tile_boxes(size: Size, tile: int, overlap: int) -> list[Box]:
    """Boxes of whole pixels that cover a picture, evenly spread, row by row."""
    width, height = min(tile, size.width), min(tile, size.height)
    columns, rows = starts(size.width, width, overlap), starts(size.height, height, overlap)
    return [Box(left, top, left + width, top + height) for top in rows for left in columns]


def unique(regions: Regions, overlap: float) -> Regions:
    """Most certain first, without those that overlap a more certain one of the same label."""
    found = Found.of_regions(regions)
    rows = distinct(found.boxes, found.scores, overlap, found.kinds)
    return regions.holding([regions[row] for row in rows.tolist()])


def faces(regions: Regions) -> Regions:
    """Without those that, by the landmarks, are parts of another one's face of the same label."""
    return regions.holding([regions[row] for row in apart(Found.of_regions(regions)).tolist()])


def moved(region: Region, tile: Box) -> Region:
    """A region of a tile, where it lies in the picture."""
    x, y = tile.left, tile.top
    return replace(
        region,
        box=region.box.shifted(x, y),
        mask=replace(region.mask, box=region.mask.box.shifted(x, y)),
        landmarks=tuple((right + x, down + y) for right, down in region.landmarks),
        crop=region.crop and region.crop.shifted(x, y),
    )


def _is_cut(box: Box, tile: Box, size: Size, margin: int) -> bool:
    """Whether a box in a tile reaches a border of it that is not the picture's."""
    return (
        (box.left <= margin and tile.left > 0)
        or (box.top <= margin and tile.top > 0)
        or (box.right >= tile.width - margin and tile.right < size.width)
        or (box.bottom >= tile.height - margin and tile.bottom < size.height)
    )


def _fingerprint(picture: Picture) -> bytes:
    digest = hashlib.blake2b(f"{picture.shape}{picture.dtype}".encode(), digest_size=16)
    digest.update(np.ascontiguousarray(picture).data)
    return digest.digest()
