"""A picture laid out in overlapping tiles, one region for each: Make Tile SEGS."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import reduce

from pydantic import Field

from detailer.core.geometry import Box, Size
from detailer.core.matte import Matte
from detailer.core.region import Region
from detailer.core.regions.algebra import intersect, subtract
from detailer.core.regions.collection import Regions
from detailer.core.regions.irregular import Ragged, ragged
from detailer.core.regions.reshape import grow
from detailer.core.settings import Settings


class Tile(Settings):
    """How a picture is laid out in tiles."""

    bbox_size: int = Field(512, ge=8, le=16384, description="Side of a tile, px.")
    min_overlap: int = Field(5, ge=0, le=4096, description="Least overlap of neighbours, px.")
    filter_segs_dilation: int = Field(
        20, ge=-255, le=255, description="Growth of the filters' masks, px."
    )
    mask_irregularity: float = Field(
        0.0, ge=0, le=1, description="How ragged the edges are; tiles grow and overlap by it."
    )
    irregular_mask_mode: Ragged = Field(
        "Reuse fast", description="One ragged edge for all tiles or one each; coarse or fine."
    )
    seed: int = Field(0, ge=0, lt=2**64, description="Start of the ragged edges' randomness.")
    compatible: bool = Field(
        False,
        description="The nodes' layout: tiles more than needed at times, even the same one twice,"
        " none where the overlap is wider than a tile, the filter's box a pixel short.",
    )

    @property
    def reach(self) -> int:
        """How far ragged edges go in and out, px."""
        if self.mask_irregularity == 0:
            return 0
        # The nodes reckon with coarse edges only where one is used for all tiles.
        coarse = ("Reuse fast",) if self.compatible else ("Reuse fast", "All random fast")
        detail = 128 if self.irregular_mask_mode in coarse else 512
        return max(6, int(detail * self.mask_irregularity / 4))


@dataclass(frozen=True)
class Filters:
    """What tiles are limited to, and what they leave alone."""

    inside: Regions | None = None
    outside: Regions | None = None


def make_tiles(size: Size, tile: Tile | None = None, filters: Filters | None = None) -> Regions:
    """Square tiles over a picture, or over the box of what they are limited to, row by row.

    A tile's side is at most the shorter one of what is laid out; the overlap is spread evenly.
    Tiles of which the filters leave nothing are dropped.

    Raises:
        InputError: If a filter is of a picture of another size.
    """
    tile, filters = tile or Tile(), filters or Filters()
    inside, outside = (
        grow(each, tile.filter_segs_dilation, lopsided=tile.compatible)
        if each is not None
        else None
        for each in (filters.inside, filters.outside)
    )
    area = size.box if inside is None else _extent(inside, tile)
    boxes = compatible_layout(area, size, tile) if tile.compatible else layout(area, tile)
    tiles = Regions(size, tuple(Region(box, Matte.filled(box)) for box in boxes))
    if tile.mask_irregularity > 0:
        tiles = _ragged(tiles, area, tile)
    if inside is not None:
        tiles = intersect(tiles, inside)
    if outside is not None:
        tiles = subtract(tiles, outside)
    return tiles.filter(lambda region: not region.mask.empty)


def layout(area: Box, tile: Tile) -> list[Box]:
    """The boxes of all tiles over an area of whole pixels, row by row."""
    side = int(min(tile.bbox_size + 2 * tile.reach, area.width, area.height))
    overlap = min(tile.min_overlap, side // 2) + tile.reach
    overlap = min(overlap, max(side - 1, 0))
    if side == 0:
        return []
    lefts, tops = starts(int(area.width), side, overlap), starts(int(area.height), side, overlap)
    return [_square(area.left + x, area.top + y, side) for y in tops for x in lefts]


def compatible_layout(area: Box, size: Size, tile: Tile) -> list[Box]:
    """The boxes of all tiles over an area of a picture, row by row, as the nodes lay them out.

    Each axis has as many tiles as if all advanced by the whole step, and what would come within a
    pixel of the picture's far edge is moved to it: 1025×513 has its only row of 512 px twice.
    """
    side = int(min(tile.bbox_size + 2 * tile.reach, area.width, area.height))
    overlap = min(tile.min_overlap, tile.bbox_size / 2) + tile.reach
    if side in (0, overlap):
        return []
    lefts = _compatible_starts((int(area.left), int(area.right)), size.width, side, overlap)
    tops = _compatible_starts((int(area.top), int(area.bottom)), size.height, side, overlap)
    return [_square(x, y, side) for y in tops for x in lefts]


def starts(length: int, side: int, overlap: int) -> list[int]:
    """Where the fewest tiles start that cover a length and overlap by that at least.

    They are spread evenly. The overlap is less than the side, or one tile covers the length.
    """
    if length <= side:
        return [0]
    count = math.ceil((length - overlap) / (side - overlap))
    return [round(i * (length - side) / (count - 1)) for i in range(count)]


def _compatible_starts(area: tuple[int, int], picture: int, side: int, overlap: float) -> list[int]:
    first, length = area[0], area[1] - area[0]
    count = math.ceil(length / (side - overlap))
    if count * side < length:
        count += 1
    step = side - (int((count * side - length) / (count - 1)) if count != 1 else 0)
    each = (first + index * step for index in range(count if step else 1))
    return [start if start + side < picture - 1 else picture - side for start in each]


def _square(left: float, top: float, side: int) -> Box:
    return Box(left, top, left + side, top + side)


def _ragged(tiles: Regions, area: Box, tile: Tile) -> Regions:
    reuse = tile.irregular_mask_mode.startswith("Reuse")
    fine = tile.irregular_mask_mode.endswith("quality")
    masks = (
        ragged(region.box, area, tile.reach, (tile.seed,) if reuse else (tile.seed, index), fine)
        for index, region in enumerate(tiles)
    )
    return tiles.holding(
        [region.with_mask(mask) for region, mask in zip(tiles, masks, strict=True)]
    )


def _extent(regions: Regions, tile: Tile) -> Box:
    """The smallest box around all masks."""
    boxes = (region.mask.trimmed().box for region in regions)
    box = reduce(Box.joined, boxes, Box(0, 0, 0, 0)).clipped(regions.size.box)
    short = int(tile.compatible and not box.empty)
    return Box(box.left, box.top, box.right - short, box.bottom - short)
