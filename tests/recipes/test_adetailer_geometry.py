"""A converted recipe cuts, masks and pastes where A1111 does, worked out over the whole picture."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detailer.core.geometry import Box, Size
from detailer.core.plan import Patch
from detailer.core.region import Region
from detailer.core.regions import Regions
from detailer.flow import Detailer
from detailer.recipes.adetailer import converted
from detailer.stages.paint import each

PICTURE = Size(240, 180)


def planned(tab: dict[str, Any], *boxes: Box, picture: Size = PICTURE) -> tuple[Patch, ...]:
    """What the recipe of a tab does to regions that a detector has found."""
    recipe = converted(
        {
            "width": 512,
            "height": 768,
            "seed": 5,
            "alwayson_scripts": {"ADetailer": [{"ad_model": "face.onnx"} | tab]},
        }
    ).recipe
    found = Regions(picture, tuple(Region.from_box(box) for box in boxes))
    detailer = Detailer(lambda _: found, each(lambda cutout: cutout.pixels), recipe)
    return detailer.plan(np.zeros((*picture.shape, 3), np.uint8)).patches


def mask_of_a1111(box: Box, dilation: int, blur: int, picture: Size = PICTURE) -> np.ndarray:
    """The mask that A1111 lays over the picture: grown by ADetailer, then blurred, in 8 bits."""
    mask = np.zeros(picture.shape, np.uint8)
    mask[box.slices] = 255
    if dilation:
        kernel = np.ones((abs(dilation), abs(dilation)), np.uint8)
        mask = (cv2.dilate if dilation > 0 else cv2.erode)(mask, kernel)
    side = 2 * int(2.5 * blur + 0.5) + 1
    if blur:
        mask = cv2.GaussianBlur(mask, (side, 1), blur)
        mask = cv2.GaussianBlur(mask, (1, side), blur)
    return mask


def crop_of_a1111(mask: np.ndarray, padding: int, size: Size) -> Box:
    """The bounds of the mask and the padding, grown along one side to the painted aspect."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    height, width = mask.shape
    left, top = max(columns[0] - padding, 0), max(rows[0] - padding, 0)
    right = min(columns[-1] + 1 + padding, width)
    bottom = min(rows[-1] + 1 + padding, height)
    if (right - left) * size.height > (bottom - top) * size.width:
        more = int((right - left) * size.height / size.width - (bottom - top))
        top, bottom = grown(top, bottom, more, height)
    else:
        more = int((bottom - top) * size.width / size.height - (right - left))
        left, right = grown(left, right, more, width)
    return Box(int(left), int(top), int(right), int(bottom))


def grown(start: int, end: int, more: int, limit: int) -> tuple[int, int]:
    length = end - start + more
    first = max(0, min(start - more // 2, limit - length))
    return first, min(first + length, limit)


@st.composite
def faces(draw: st.DrawFn) -> Box:
    width, height = draw(st.integers(20, 60)), draw(st.integers(20, 60))
    left = draw(st.integers(0, PICTURE.width - width))
    top = draw(st.integers(0, PICTURE.height - height))
    return Box(left, top, left + width, top + height)


@settings(deadline=None)
@given(faces(), st.integers(-8, 16), st.integers(0, 6), st.integers(0, 16))
def test_the_window_is_a1111s_crop_region(box: Box, dilation: int, blur: int, padding: int) -> None:
    (patch,) = planned(
        {
            "ad_dilate_erode": dilation,
            "ad_mask_blur": blur,
            "ad_inpaint_only_masked_padding": padding,
        },
        box,
    )
    theirs = crop_of_a1111(mask_of_a1111(box, dilation, blur), padding, Size(512, 768))
    assert patch.size == Size(512, 768)
    if theirs.width * 1.5 > theirs.height + 2:
        return  # the picture has no room for a window of that aspect: theirs is squeezed into it
    for mine, other in zip(patch.window.box, theirs, strict=True):
        assert mine == pytest.approx(other, abs=3)


@settings(deadline=None)
@given(faces(), st.integers(-8, 16), st.integers(0, 8))
def test_what_comes_back_is_a1111s_blurred_mask(box: Box, dilation: int, blur: int) -> None:
    (patch,) = planned({"ad_dilate_erode": dilation, "ad_mask_blur": blur}, box)
    # Theirs is squeezed into its aspect where the picture has no room for it; ours is cut off.
    seen = patch.window.footprint.clipped(PICTURE.box)
    theirs = mask_of_a1111(box, dilation, blur)[seen.slices] / 255
    ours = patch.paste_mask.within(seen)
    # A1111 works in 8 bits, twice, and with kernels of 8 bits that lose their tails.
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=5 / 255)


def test_what_is_painted_is_the_mask_before_its_blur() -> None:
    box = Box(100, 60, 140, 110)
    (patch,) = planned({"ad_dilate_erode": 4, "ad_mask_blur": 6}, box)
    hard = mask_of_a1111(box, 4, 0) / 255
    assert np.array_equal(patch.region.mask.within(PICTURE.box), hard)
    # A1111 rounds the blurred one, which only takes off the corners.
    rounded = mask_of_a1111(box, 4, 6) >= 128
    assert np.array_equal(rounded[85], hard[85] > 0.5)
    assert np.array_equal(rounded[:, 120], hard[:, 120] > 0.5)
    assert patch.paint.mask_mode == "hard"


def test_every_mask_has_the_seed_of_the_picture_and_its_number() -> None:
    boxes = Box(10, 10, 40, 40), Box(100, 20, 140, 70), Box(180, 100, 220, 150)
    assert [patch.paint.seed for patch in planned({}, *boxes)] == [5, 6, 7]
    same = planned({"ad_same_seed_for_each_tab": True}, *boxes)
    assert [patch.paint.seed for patch in same] == [5, 5, 5]


def test_a_mask_that_is_moved_out_comes_in_on_the_other_side() -> None:
    (patch,) = planned(
        {"ad_x_offset": -20, "ad_dilate_erode": 0, "ad_mask_blur": 0}, Box(0, 40, 30, 80)
    )
    mask = patch.paste_mask.within(PICTURE.box)
    assert mask[50, 5] == 1
    assert mask[50, PICTURE.width - 10] == 1
    assert mask[50, 20] == 0


def test_a_small_region_may_depart_further_than_a_large_one() -> None:
    boxes = Box(10, 10, 30, 30), Box(60, 20, 180, 150)
    small, large = planned({"ad_dynamic_denoise_power": 3}, *boxes)
    for patch, box in ((small, boxes[0]), (large, boxes[1])):
        share = box.area / PICTURE.area
        assert patch.paint.denoise == pytest.approx(0.42 * (1 - share) ** 3, rel=0.02)


def test_the_painted_size_follows_the_box_where_that_is_asked_for() -> None:
    (patch,) = planned({"ad_match_inpaint_bbox_size": "Free"}, Box(60, 60, 120, 90))
    assert patch.size == Size(768, 384)


def test_not_only_masked_shows_the_whole_picture() -> None:
    picture = Size(256, 384)
    (patch,) = planned({"ad_inpaint_only_masked": False}, Box(60, 60, 120, 90), picture=picture)
    assert patch.window.box == picture.box
    assert patch.size == Size(512, 768)


def test_masks_are_merged_into_one_region() -> None:
    boxes = Box(10, 10, 40, 40), Box(100, 20, 140, 70)
    (patch,) = planned({"ad_mask_merge_invert": "Merge", "ad_mask_blur": 0}, *boxes)
    assert patch.paste_mask.within(PICTURE.box)[25, 25] == 1
    assert patch.paste_mask.within(PICTURE.box)[50, 120] == 1
    (inverted,) = planned({"ad_mask_merge_invert": "Merge and Invert", "ad_mask_blur": 0}, *boxes)
    assert inverted.paste_mask.within(PICTURE.box)[25, 25] == 0
    assert inverted.paste_mask.within(PICTURE.box)[170, 230] == 1
