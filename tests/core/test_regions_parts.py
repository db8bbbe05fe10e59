"""Of a mask what is meant stays as it is; what is not goes whole, and is told where it may be."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detailer.core.geometry import Box
from detailer.core.region import MOST_TOLD
from detailer.core.regions import Regions, Trace, split
from detailer.core.regions.parts import Meant, parts
from tests.core.test_regions_from_mask import masks


def components(mask: np.ndarray) -> list[np.ndarray]:
    """Where each part of a mask is, over the whole picture."""
    count, labels = cv2.connectedComponents((mask >= np.float32(1 / 255)).astype(np.uint8))
    return [labels == number for number in range(1, count)]


@given(masks(), st.sampled_from([0.3, 0.5, 0.7]), st.sampled_from([0, 2, 64]))
def test_a_part_stays_as_it_is_or_goes_whole(mask: np.ndarray, threshold: float, area: int) -> None:
    before = mask.copy()
    sifted = parts(mask, Meant(threshold, area))
    expected = mask.copy()
    for part in components(mask):
        if mask[part].max() < threshold or part.sum() < area:
            expected[part] = 0
    assert np.array_equal(sifted.mask, expected)
    assert np.array_equal(mask, before)


@given(masks(), st.sampled_from([2, 64]))
def test_what_goes_is_told_unless_it_is_faint_and_small(mask: np.ndarray, area: int) -> None:
    told = parts(mask, Meant(0.5, area, "x")).left_out
    gone = [part for part in components(mask) if (mask[part].max() >= 0.5) != (part.sum() >= area)]
    assert len(told) == len(gone)
    for out in told:
        assert out.region.label == "x"
        assert any(np.array_equal(out.region.mask.within(whole(mask)), mask * g) for g in gone)


def whole(mask: np.ndarray):
    return Box(0, 0, mask.shape[1], mask.shape[0])


@pytest.mark.parametrize(("kind", "levels"), [(bool, 1), (np.uint8, 255), (np.uint16, 65535)])
def test_masks_of_every_dtype_lose_the_same(kind: type, levels: int) -> None:
    mask = np.zeros((90, 90), kind)
    mask[5:25, 5:25] = mask[60, 60] = levels
    sifted = parts(mask, Meant(0.5, 64))
    assert sifted.mask.dtype == kind
    assert sifted.mask.sum(dtype=int) == 400 * levels
    assert [out.reason for out in sifted.left_out] == ["its mask covers 1 px; mask_min_area=64"]


def test_a_mask_of_which_all_is_meant_is_not_copied() -> None:
    mask = np.zeros((90, 90), np.uint8)
    mask[5:25, 5:25] = 255
    assert parts(mask, Meant(0.5, 64)).mask is mask


def test_noise_in_a_hole_goes_and_what_is_meant_there_stays_with_the_ring() -> None:
    mask = np.zeros((200, 200), np.float32)
    cv2.circle(mask, (100, 100), 80, 1.0, 5)
    mask[60, 60] = 0.2
    cv2.circle(mask, (100, 100), 12, 0.8, -1)
    (region,) = Regions.from_mask(mask, Trace(mask_threshold=0.5, mask_min_area=64))
    mask[60, 60] = 0
    assert np.array_equal(region.mask.within(whole(mask)), mask)


def test_what_is_left_out_comes_along_and_counts_in_nothing() -> None:
    mask = np.zeros((90, 90), np.uint8)
    mask[5:25, 5:25], mask[60, 60] = 255, 255
    found = Regions.from_mask(mask, Trace(mask_min_area=64))
    assert (len(found), len(found.left_out)) == (1, 1)
    assert found == Regions(found.size, found.items)
    for other in (found.sorted("left-right"), found.filter(lambda _: False), found[:0]):
        assert other.left_out == found.left_out
    for both in (found + Regions(found.size), Regions(found.size) + found):
        assert both.left_out == found.left_out
    some, others = split(found, lambda _: True)
    assert (some + others).left_out == found.left_out
    again = Regions.from_mask(mask, Trace(mask_min_area=64))
    assert len((found + again).left_out) == 2


def test_of_many_parts_left_out_the_largest_are_told_and_the_number_of_the_others() -> None:
    mask = np.zeros((600, 600), np.uint8)
    mask[:, 300:600:4][::4] = 255  # 75 by 150 specks
    for place in range(25):
        mask[24 * place : 24 * place + 2, 10 : 12 + place] = 255
    told = parts(mask, Meant(0.5, 64, "x")).left_out
    assert [out.region.box.width for out in told[:-1]] == list(range(7, 27))[:MOST_TOLD]
    assert all(out.region.mask.alpha.all() for out in told)
    assert told[0].reason == "its mask covers 14 px; mask_min_area=64"
    assert told[-1].reason == "11,255 more for the same reason; mask_min_area=64"
    assert told[-1].region.box == Box(10, 0, 597, 597)
    assert told[-1].region.label == "x"


def test_the_faint_are_told_apart_from_the_small_and_numbered_as_well() -> None:
    mask = np.zeros((600, 600), np.float32)
    mask.reshape(30, 20, 30, 20)[:, :9, :, :9] = 0.25
    mask[15, 15] = 1
    told = parts(mask, Meant(0.5, 64)).left_out
    assert len(told) == MOST_TOLD + 2
    assert told[0].reason == "its mask covers 1 px; mask_min_area=64"
    assert told[1].reason == "its mask is nowhere above 0.25; mask_threshold=0.5"
    assert told[-1].reason == "880 more for the same reason; mask_threshold=0.5"
