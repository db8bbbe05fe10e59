"""Regions read off a mask are what the mask shows, however large the picture is."""

from __future__ import annotations

import re
import tracemalloc

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detailer.core.geometry import Box, Size
from detailer.core.regions import Regions, Trace, recut
from detailer.core.regions.occupied import bounds, islands
from detailer.errors import InputError

ALL = Trace(drop_size=0)


@st.composite
def masks(draw: st.DrawFn, most: int = 200) -> np.ndarray:
    """Discs, rings, boxes and single pixels, sharp or grey, in a picture of many blocks."""
    height, width = draw(st.integers(1, most)), draw(st.integers(1, most))
    noise = np.random.default_rng(draw(st.integers(0, 2**32)))
    mask = np.zeros((height, width), np.float32)
    for _ in range(draw(st.integers(0, 6))):
        x, y = (int(noise.integers(0, side)) for side in (width, height))
        radius = int(noise.integers(0, 40))
        grey = float(noise.choice([1.0, 0.5, 0.004, 0.003]))
        thickness = int(noise.choice([-1, 1, 3]))
        cv2.circle(mask, (x, y), radius, grey, thickness)
    return mask


def pixels(mask: np.ndarray) -> np.ndarray:
    """What the nodes count as masked."""
    return (mask * 255).astype(np.uint8) != 0


@given(masks())
def test_every_masked_pixel_is_in_a_region(mask: np.ndarray) -> None:
    seen = Regions.from_mask(mask, ALL).to_mask()
    inside = pixels(mask)
    assert np.array_equal(seen[inside], mask[inside])
    assert (seen <= mask).all()


@given(masks())
def test_outlines_are_those_of_the_whole_picture_at_once(mask: np.ndarray) -> None:
    found, tree = cv2.findContours(
        pixels(mask).astype(np.uint8), cv2.RETR_TREE, cv2.CHAIN_APPROX_SIMPLE
    )
    top = [each for i, each in enumerate(found) if tree[0, i, 3] < 0]
    expected = [cv2.boundingRect(each) for each in top]
    boxes = [region.box for region in Regions.from_mask(mask, ALL)]
    assert [(b.left, b.top, b.width, b.height) for b in boxes] == expected


@given(masks())
def test_a_mask_is_its_own_regions_mask(mask: np.ndarray) -> None:
    regions = Regions.from_mask(mask, ALL)
    assert Regions.from_mask(regions.to_mask(), ALL) == regions


@given(masks(), st.booleans())
def test_regions_are_as_small_as_they_can_be(mask: np.ndarray, combined: bool) -> None:
    how = ALL.but(combined=combined)
    for region in Regions.from_mask(mask, how):
        assert region.mask.box == region.box
        rows, columns = np.nonzero(pixels(region.mask.alpha))
        assert (rows.min(), columns.min()) == (0, 0)
        assert (rows.max() + 1, columns.max() + 1) == region.mask.alpha.shape


@given(masks())
def test_filled_outlines_hold_the_outlines(mask: np.ndarray) -> None:
    plain = Regions.from_mask(mask, ALL)
    filled = Regions.from_mask(mask, ALL.but(contour_fill=True))
    boxed = Regions.from_mask(mask, ALL.but(bbox_fill=True))
    for a, b, c in zip(plain, filled, boxed, strict=True):
        assert a.box == b.box == c.box
        assert (a.mask.alpha <= b.mask.alpha).all()
        assert set(np.unique(b.mask.alpha)) <= {0, 1}
        assert (c.mask.alpha == 1).all()


@given(masks())
def test_a_mask_of_any_kind_gives_the_same_regions(mask: np.ndarray) -> None:
    sharp = pixels(mask)
    expected = Regions.from_mask(sharp.astype(np.float32), ALL)
    for kind, levels in ((bool, 1), (np.uint8, 255), (np.uint16, 65535), (np.float64, 1)):
        same = sharp.astype(kind) * kind(levels)
        assert Regions.from_mask(same, ALL) == expected


@given(masks())
def test_a_combined_region_is_all_that_is_masked(mask: np.ndarray) -> None:
    regions = Regions.from_mask(mask, ALL.but(combined=True))
    separate = Regions.from_mask(mask, ALL)
    assert len(regions) == (1 if separate.items else 0)
    for region in regions:
        assert all(region.box.holds(each.box) for each in separate)
        assert np.array_equal(region.mask.alpha, mask[region.box.slices])


@given(masks(most=100))
def test_the_nodes_combined_box_is_a_pixel_short(mask: np.ndarray) -> None:
    sharp = pixels(mask)
    ours = Regions.from_mask(sharp, ALL.but(combined=True))
    theirs = Regions.from_mask(sharp, ALL.but(combined=True, compatible=True, drop_size=99))
    for a in theirs:
        (b,) = ours
        assert (a.box.right + 1, a.box.bottom + 1) == (b.box.right, b.box.bottom)
        assert np.array_equal(a.mask.alpha, b.mask.alpha)


def test_what_lies_in_a_hole_belongs_to_the_ring() -> None:
    mask = np.zeros((400, 400), np.float32)
    cv2.circle(mask, (200, 200), 180, 1.0, 3)
    cv2.circle(mask, (200, 200), 20, 0.5, -1)
    (region,) = Regions.from_mask(mask)
    assert np.array_equal(region.mask.within(Box(0, 0, 400, 400)), mask)
    (filled,) = Regions.from_mask(mask, Trace(contour_fill=True))
    assert filled.mask.within(Box(200, 200, 201, 201)) == 1


def test_pixels_that_touch_over_a_corner_of_a_block_are_one_region() -> None:
    mask = np.zeros((128, 128), np.uint8)
    mask[60:64, 60:64] = mask[64:68, 64:68] = 255
    assert [tuple(r.box) for r in Regions.from_mask(mask, ALL)] == [(60, 60, 68, 68)]


def test_outlines_come_from_the_bottom_up() -> None:
    mask = np.zeros((90, 90), np.uint8)
    mask[2:9, 2:9] = mask[2:9, 70:79] = mask[70:79, 2:9] = 255
    tops = [(region.box.top, region.box.left) for region in Regions.from_mask(mask, ALL)]
    assert tops == [(70, 2), (2, 70), (2, 2)]


@pytest.mark.parametrize(("drop_size", "left"), [(0, 3), (1, 2), (2, 1), (5, 0)])
def test_a_region_stays_if_both_sides_are_above_the_drop_size(drop_size: int, left: int) -> None:
    mask = np.zeros((20, 20), np.uint8)
    mask[1, 1] = mask[5:7, 5:15] = mask[10:15, 3:8] = 255
    assert len(Regions.from_mask(mask, Trace(drop_size=drop_size))) == left


def test_planes_are_traced_one_after_the_other() -> None:
    planes = np.zeros((3, 30, 20), np.float32)
    planes[0, 2:9, 2:9] = planes[2, 12:19, 2:9] = 1
    regions = Regions.from_mask(planes, ALL.but(label="x"))
    assert regions.size == Size(20, 30)
    assert [(region.box.top, region.label) for region in regions] == [(2, "x"), (12, "x")]


def test_frames_have_the_same_box_and_a_mask_of_their_own() -> None:
    frames = np.zeros((2, 30, 30), np.float32)
    frames[0, 2:9, 2:9] = frames[1, 2:9, 6:14] = 1
    (region,) = Regions.from_mask(frames.max(axis=0), ALL)
    first, second = (recut(region, frame) for frame in frames)
    assert first.box == second.box == Box(2, 2, 14, 9)
    assert first.mask.alpha.sum() == 49
    assert second.mask.alpha.sum() == 56


def test_values_beyond_0_to_1_are_cut() -> None:
    mask = np.array([[2.0, -1.0, 0.5]], np.float32)
    regions = Regions.from_mask(mask, ALL)
    assert regions.to_mask().tolist() == [[1, 0, 0.5]]


@pytest.mark.parametrize("combined", [False, True])
def test_a_mask_with_a_hole_in_its_numbers_is_refused(combined: bool) -> None:
    mask = np.zeros((99, 99), np.float32)
    mask[80, 80] = np.nan
    with pytest.raises(InputError, match="NaN"):
        Regions.from_mask(mask, ALL.but(combined=combined))


def test_what_the_nodes_take_for_masked_is_there_by_name() -> None:
    mask = np.zeros((9, 9), np.float32)
    mask[2:5, 2:5] = -0.5
    theirs = ALL.but(compatible=True)
    assert not Regions.from_mask(mask, ALL).items
    assert [tuple(r.box) for r in Regions.from_mask(mask, theirs)] == [(2, 2, 5, 5)]
    faint = np.abs(mask) / 1000
    combined = theirs.but(combined=True, bbox_fill=True)
    assert not Regions.from_mask(faint, ALL.but(combined=True)).items
    (region,) = Regions.from_mask(faint, combined)
    assert region.box == Box(2, 2, 4, 4)
    assert region.mask.alpha.tolist()[0] == [1, 1, pytest.approx(0.0005)]
    faint[3:, :] = 0
    assert not Regions.from_mask(faint, combined).items


@pytest.mark.parametrize("kind", [np.float16, np.float32, np.float64])
def test_a_pixel_is_masked_from_one_level_in_255_up(kind: type) -> None:
    mask = np.array([[kind(1) / kind(255)], [0], [np.nextafter(kind(1 / 260), kind(0))]], kind)
    assert [tuple(r.box) for r in Regions.from_mask(mask, ALL)] == [(0, 0, 1, 1)]


def test_an_array_that_is_no_mask_is_refused_with_its_shape_or_dtype() -> None:
    with pytest.raises(InputError, match=r"\(2, 3, 4, 5\)"):
        Regions.from_mask(np.zeros((2, 3, 4, 5), np.uint8))
    with pytest.raises(InputError, match="int32"):
        Regions.from_mask(np.zeros((4, 5), np.int32))


@pytest.mark.parametrize("shape", [(0, 0), (0, 5), (1, 1), (64, 64), (65, 1)])
@pytest.mark.parametrize("combined", [False, True])
def test_an_empty_mask_has_no_regions(shape: tuple[int, int], combined: bool) -> None:
    for kind in (np.float32, np.uint8, bool):
        assert not Regions.from_mask(np.zeros(shape, kind), ALL.but(combined=combined)).items


@given(masks())
def test_islands_hold_all_and_never_meet(mask: np.ndarray) -> None:
    boxes = islands(mask, 0.5)
    seen = np.zeros(mask.shape, int)
    for box in boxes:
        seen[box.slices] += 1
    assert seen.max(initial=0) <= 1
    assert (seen[mask >= 0.5] == 1).all()


@given(masks())
def test_bounds_touch_what_they_hold_on_all_sides(mask: np.ndarray) -> None:
    rows, columns = np.nonzero(mask >= 0.5)
    expected = (0, 0, 0, 0)
    if rows.size:
        expected = (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)
    assert tuple(bounds(mask, 0.5)) == expected


@pytest.mark.parametrize("kind", [np.float32, np.uint8, bool])
def test_memory_grows_with_the_regions_and_not_with_the_picture(kind: type) -> None:
    mask = np.zeros((4096, 4096), kind)
    mask[100:200, 100:200] = mask[4000:4090, 3900:4000] = 1
    tracemalloc.start()
    assert len(Regions.from_mask(mask)) == 2
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 3e6


def test_a_mask_with_colours_is_refused() -> None:
    with pytest.raises(InputError, match="has colours; give one channel"):
        Regions.from_mask(np.zeros((64, 64, 3), np.float32))


def test_a_mask_of_one_channel_is_read_as_a_picture() -> None:
    mask = np.zeros((48, 64), np.uint8)
    mask[8:30, 10:50] = 255
    assert Regions.from_mask(mask[..., None]) == Regions.from_mask(mask)
    assert Regions.from_mask(mask[..., None]).size == Size(64, 48)


@pytest.mark.parametrize("shape", [(64,), (1, 64, 64, 1), (0, 64, 64), (64, 64, 2), (64, 64, 4)])
def test_a_mask_of_another_shape_is_refused_with_it(shape: tuple[int, ...]) -> None:
    with pytest.raises(InputError, match=f"a mask of shape {re.escape(str(shape))}"):
        Regions.from_mask(np.zeros(shape, np.float32))


@pytest.mark.parametrize("compatible", [False, True])
def test_a_batch_combined_gives_one_region_for_each_mask_as_the_nodes_have_it(
    compatible: bool,
) -> None:
    batch = np.zeros((3, 48, 64), np.float32)
    batch[0, 2:22, 3:23] = batch[0, 30:44, 40:60] = batch[2, 10:40, 20:50] = 1
    found = Regions.from_mask(batch, Trace(combined=True, compatible=compatible))
    short = int(compatible)
    boxes = [Box(3, 2, 60 - short, 44 - short), Box(20, 10, 50 - short, 40 - short)]
    assert [region.box for region in found] == boxes
