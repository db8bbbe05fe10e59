"""Tiles cover all of what they are laid over."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detailer.core.geometry import Box, Size
from detailer.core.region import Region
from detailer.core.regions import Filters, Regions, Tile, make_tiles
from detailer.errors import InputError
from tests.strategies import sizes

tiles = st.builds(
    Tile,
    bbox_size=st.integers(8, 80),
    min_overlap=st.integers(0, 60),
    mask_irregularity=st.sampled_from([0.0, 0.0, 0.2, 1.0]),
    irregular_mask_mode=st.sampled_from(
        ["Reuse fast", "Reuse quality", "All random fast", "All random quality"]
    ),
    seed=st.integers(0, 99),
)


def times_seen(regions: Regions) -> np.ndarray:
    seen = np.zeros(regions.size.shape, int)
    for region in regions:
        seen[region.mask.box.slices] += region.mask.alpha > 0
    return seen


@given(sizes(least=1, most=150), tiles)
def test_every_pixel_lies_in_a_tile(size: Size, tile: Tile) -> None:
    regions = make_tiles(size, tile)
    assert times_seen(regions).min() >= 1
    for region in regions:
        assert size.box.holds(region.box)
        assert region.box.width == region.box.height == regions[0].box.width
        assert set(np.unique(region.mask.alpha)) <= {0, 1}


@given(sizes(least=90, most=150), st.integers(12, 80), st.integers(0, 39))
def test_neighbours_overlap_as_much_as_asked(size: Size, side: int, overlap: int) -> None:
    overlap = min(overlap, side // 2)
    regions = make_tiles(size, Tile(bbox_size=side, min_overlap=overlap))
    lefts = sorted({region.box.left for region in regions})
    assert all(b - a <= side - overlap for a, b in pairwise(lefts))
    count = len(lefts)
    assert count == 1 or (count - 1) * side - (count - 2) * overlap < size.width


@given(sizes(least=64, most=120), tiles)
def test_the_same_seed_gives_the_same_tiles(size: Size, tile: Tile) -> None:
    assert make_tiles(size, tile) == make_tiles(size, tile)


def test_ragged_edges_differ_by_tile_or_are_all_the_same() -> None:
    def inner(mode: str) -> list[np.ndarray]:
        tile = Tile(bbox_size=64, mask_irregularity=0.5, irregular_mask_mode=mode, min_overlap=0)
        regions = make_tiles(Size(400, 400), tile)
        assert any(0 < region.mask.alpha.mean() < 1 for region in regions)
        edge = regions.size.box.grown(-1)
        return [region.mask.alpha for region in regions if edge.holds(region.box)]

    same, other = inner("Reuse fast"), inner("All random fast")
    assert all(np.array_equal(alpha, same[0]) for alpha in same)
    assert not np.array_equal(other[0], other[1])


def test_tiles_towards_the_border_of_the_picture_are_straight() -> None:
    tile = Tile(bbox_size=64, mask_irregularity=0.5, min_overlap=0)
    seen = make_tiles(Size(200, 200), tile).to_mask()
    assert seen[0].all()
    assert seen[-1].all()
    assert seen[:, 0].all()
    assert seen[:, -1].all()


def regions(*boxes: tuple[int, ...]) -> Regions:
    """Boxes in a picture of 200×150."""
    return Regions(Size(200, 150), tuple(Region.from_box(Box(*box)) for box in boxes))


def test_tiles_are_limited_to_what_they_are_given() -> None:
    inside = regions((20, 30, 120, 70))
    tile = Tile(bbox_size=64, filter_segs_dilation=0)
    found = make_tiles(inside.size, tile, Filters(inside=inside))
    assert np.array_equal(found.to_mask(), inside.to_mask())
    assert found[0].box == Box(20, 30, 60, 70)


def test_tiles_leave_alone_what_they_are_told_to() -> None:
    outside = regions((0, 0, 64, 64), (100, 100, 110, 110))
    tile = Tile(bbox_size=64, min_overlap=0, filter_segs_dilation=0)
    found = make_tiles(outside.size, tile, Filters(outside=outside))
    assert np.array_equal(found.to_mask(), 1 - outside.to_mask())
    assert Box(0, 0, 64, 64) not in [region.box for region in found]


def test_a_filter_of_nothing_leaves_nothing() -> None:
    nothing = Regions(Size(200, 150))
    assert not make_tiles(nothing.size, None, Filters(inside=nothing)).items
    assert len(make_tiles(nothing.size, None, Filters(outside=nothing))) > 0


def test_a_filter_of_another_picture_is_refused() -> None:
    with pytest.raises(InputError, match="200×150"):
        make_tiles(Size(64, 64), Tile(bbox_size=32), Filters(outside=regions((0, 0, 9, 9))))


def test_the_nodes_layout_has_its_gaps_only_when_asked() -> None:
    # One pixel more than a tile: theirs start at 1, twice.
    theirs = Tile(bbox_size=64, min_overlap=0, compatible=True)
    assert [r.box for r in make_tiles(Size(65, 64), theirs)] == [Box(1, 0, 65, 64)] * 2
    ours = theirs.but(compatible=False)
    assert [r.box.left for r in make_tiles(Size(65, 64), ours)] == [0, 1]
    # An overlap that is wider than a tile: none.
    wide = Tile(bbox_size=512, min_overlap=64, compatible=True, filter_segs_dilation=0)
    inside = Filters(inside=regions((20, 30, 120, 70)))
    assert not make_tiles(Size(200, 150), wide, inside).items
    assert make_tiles(Size(200, 150), wide.but(compatible=False), inside).items


def test_the_nodes_layout_may_have_a_tile_more() -> None:
    # 1000 px: two tiles of 512 overlap by 24, but theirs count by the step of 488 and make three.
    theirs = Tile(bbox_size=512, min_overlap=24, compatible=True)
    lefts = [r.box.left for r in make_tiles(Size(1000, 512), theirs)]
    assert lefts == [0, 244, 488]
    ours = make_tiles(Size(1000, 512), theirs.but(compatible=False))
    assert [r.box.left for r in ours] == [0, 488]


def test_the_nodes_lay_a_row_twice_where_a_pixel_is_over() -> None:
    boxes = [r.box for r in make_tiles(Size(1025, 513), Tile(compatible=True))]
    row = [Box(0, 1, 512, 513), Box(257, 1, 769, 513), Box(513, 1, 1025, 513)]
    assert boxes == row * 2


def test_the_nodes_move_a_tile_to_the_pictures_edge_and_not_to_the_filters() -> None:
    inside = Regions(Size(200, 150), (Region.from_box(Box(20, 30, 156, 96)),))
    tile = Tile(bbox_size=64, min_overlap=8, filter_segs_dilation=0, compatible=True)
    found = make_tiles(inside.size, tile, Filters(inside=inside))
    assert sorted({r.box.left for r in found}) == [20, 56, 92]
    assert sorted({r.box.top for r in found}) == [30, 31]


def test_the_nodes_reckon_with_coarse_edges_only_where_one_is_used_for_all() -> None:
    ragged = Tile(mask_irregularity=0.5, compatible=True)
    assert ragged.reach == 16
    assert ragged.but(irregular_mask_mode="All random fast").reach == 64
    assert ragged.but(irregular_mask_mode="All random fast", compatible=False).reach == 16


def test_a_tile_too_small_for_raggedness_is_straight() -> None:
    tile = Tile(bbox_size=8, min_overlap=0, mask_irregularity=0.1)
    assert make_tiles(Size(1, 5), tile).to_mask().all()
