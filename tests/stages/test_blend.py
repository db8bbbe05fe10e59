"""What comes back is soft at its rim, whole in its core, and nowhere else."""

from __future__ import annotations

import math

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detailer.core.alpha import gaussian
from detailer.core.canvas import Canvas
from detailer.core.geometry import Box, Size
from detailer.core.matte import Matte
from detailer.core.pixels import size_of
from detailer.core.plan import Failed, Painted, Patch
from detailer.core.region import Region
from detailer.core.window import Window
from detailer.stages.blend import Blend, Shrunk, paste, paste_mask, shrink
from detailer.stages.crop import frame
from tests.strategies import Scene, drawn_masks, scenes


def framed(scene: Scene) -> list[tuple[Region, Window]]:
    pairs = [(region, frame(region, scene.regions.size, scene.crop)) for region in scene.regions]
    return [(region, window) for region, window in pairs if isinstance(window, Window)]


@given(scenes(), st.floats(0, 1))
def test_a_paste_mask_lies_in_the_picture_and_in_its_window(scene: Scene, ratio: float) -> None:
    for region, window in framed(scene):
        mask = paste_mask(region, window, scene.regions.size, Blend(feather_ratio=ratio))
        assert scene.regions.size.box.holds(mask.box)
        assert window.footprint.holds(mask.box) or mask.empty
        assert mask.alpha.size == 0 or (mask.alpha.min() >= 0 and mask.alpha.max() <= 1)


def mask_of(box: Box, size: Size, window: Window, ratio: float = 0.5) -> np.ndarray:
    region = Region.from_box(box)
    return paste_mask(region, window, size, Blend(feather_ratio=ratio)).within(size.box)


def test_the_core_has_full_strength_and_the_fade_lies_outside() -> None:
    size, box = Size(100, 100), Box(40, 40, 60, 60)
    alpha = mask_of(box, size, Window(0, 0, size, 1.0))
    assert (alpha[box.slices] == 1).all()
    assert 0 < alpha[50, 62] < 1
    assert (np.diff(alpha[50, 60:80]) <= 0).all()
    assert alpha[50, 72:].max() == 0


@pytest.mark.parametrize("factor", [2, 4])
def test_the_fade_grows_with_the_region(factor: int) -> None:
    small = mask_of(Box(40, 40, 60, 60), Size(100, 100), Window(0, 0, Size(100, 100), 1.0))
    size = Size(100 * factor, 100 * factor)
    box = Box(40, 40, 60, 60).scaled(factor, factor)
    large = mask_of(box, size, Window(0, 0, size, 1.0))
    assert large.mean() == pytest.approx(small.mean(), rel=0.1)


def test_there_is_no_fade_towards_the_border_of_the_picture() -> None:
    size = Size(64, 64)
    alpha = mask_of(Box(0, 0, 20, 30), size, Window(0, 0, size, 1.0))
    assert (alpha[:30, 0] == 1).all()
    assert (alpha[0, :20] == 1).all()


def test_at_the_windows_edge_inside_the_picture_it_has_faded_out() -> None:
    size, window = Size(100, 100), Window(30, 30, Size(40, 40), 1.0)
    alpha = mask_of(Box(30, 30, 70, 70), size, window, ratio=0.2)
    assert alpha[50, 30] < 0.1
    assert alpha[50, 50] == 1


def test_a_grey_mask_keeps_its_grey() -> None:
    size, box = Size(60, 60), Box(20, 20, 40, 40)
    region = Region(box, Matte(np.full((20, 20), 0.4, np.float32), box))
    mask = paste_mask(region, Window(0, 0, size, 1.0), size, Blend(feather_ratio=0.3))
    assert mask.within(size.box)[30, 30] == pytest.approx(0.4)
    assert mask.alpha.max() == pytest.approx(0.4)


def test_by_name_the_nodes_blur_is_had() -> None:
    size, box = Size(60, 60), Box(20, 20, 40, 40)
    crop = Box(10, 10, 50, 50)
    window = Window(10, 10, Size(80, 80), 2.0, scale_y=2.0)
    blend = Blend(feather_mode="gaussian", feather=5)
    mask = paste_mask(Region.from_box(box), window, size, blend)
    expected = gaussian(Matte.filled(box).within(crop), 5)
    assert np.array_equal(mask.within(crop), expected)


def test_the_sigma_of_that_blur_can_be_set() -> None:
    size, box = Size(60, 60), Box(20, 20, 40, 40)
    window = Window(0, 0, size, 1.0)
    blend = Blend(feather_mode="gaussian", feather=10, feather_sigma=4)
    mask = paste_mask(Region.from_box(box), window, size, blend)
    expected = gaussian(Matte.filled(box).within(size.box), 10, 4)
    assert np.array_equal(mask.within(size.box), expected)


FEATHERS = st.one_of(
    st.builds(
        Blend,
        feather_ratio=st.floats(0, 1),
        feather_side=st.sampled_from(["inside", "outside", "both"]),
    ),
    st.builds(Blend, feather_mode=st.just("gaussian"), feather=st.integers(0, 20)),
)


def reach_of(blend: Blend, alpha: np.ndarray) -> float:
    """How far from a mask its paste mask may reach: what `paste_mask` states."""
    if blend.feather_mode == "gaussian":
        return blend.feather * math.sqrt(2)
    padded = np.pad((alpha > 0).astype(np.uint8), 1)
    thickest = 2 * float(cv2.distanceTransform(padded, cv2.DIST_L2, 0).max())
    share = {"inside": 0, "outside": 1, "both": 0.5}[blend.feather_side]
    return share * blend.feather_ratio * thickest


@given(drawn_masks(), FEATHERS, st.floats(0.5, 3), st.booleans())
def test_no_pixel_changes_further_from_the_mask_than_the_stated_reach(
    alpha: np.ndarray, blend: Blend, scale: float, close: bool
) -> None:
    size = size_of(alpha)
    region = Region(size.box, Matte(alpha, size.box).trimmed())
    around = region.mask.box if close and not region.mask.empty else size.box
    painted = Size(*(max(1, round(side * scale)) for side in (around.width, around.height)))
    window = Window(around.left, around.top, painted, scale)
    mask = paste_mask(region, window, size, blend).within(size.box)
    if not alpha.any():
        assert not mask.any()
        return
    away = cv2.distanceTransform((alpha <= 0).astype(np.uint8), cv2.DIST_L2, 0)
    assert mask[away > reach_of(blend, alpha) + 1e-4].max(initial=0) == 0


@given(drawn_masks(), FEATHERS)
def test_a_mask_and_its_complement_never_both_claim_a_pixel_at_full_strength(
    alpha: np.ndarray, blend: Blend
) -> None:
    size = size_of(alpha)
    window = Window(0, 0, size, 1.0)
    ours, theirs = (
        paste_mask(Region(size.box, Matte(part, size.box)), window, size, blend).within(size.box)
        for part in (alpha, 1 - alpha)
    )
    assert np.minimum(ours, theirs).max() < 1


@pytest.mark.parametrize("side", ["inside", "outside", "both"])
@pytest.mark.parametrize("thick", [12, 40])
def test_a_strokes_fade_follows_the_stroke_not_its_box(side: str, thick: int) -> None:
    stroke = cv2.line(np.zeros((400, 400), np.float32), (40, 40), (360, 360), 1, thick)
    size = size_of(stroke)
    region = Region(Box(20, 20, 380, 380), Matte(stroke, size.box).trimmed())
    for window in (Window(0, 0, size, 1.0), Window(20, 20, Size(360, 360), 1.0)):
        mask = paste_mask(region, window, size, Blend(feather_side=side)).within(size.box)
        away = cv2.distanceTransform((stroke == 0).astype(np.uint8), cv2.DIST_L2, 0)
        assert mask[away > thick / 10].max() == 0
        middle = np.arange(60, 340)
        assert mask[middle, middle].min() > 0.95


def patch_over(size: Size, box: Box, scale: float) -> Patch:
    region = Region.from_box(box)
    window = Window(0, 0, Size(round(size.width * scale), round(size.height * scale)), scale)
    return Patch(0, region, window, region.mask)


def test_a_result_of_another_size_has_failed() -> None:
    patch = patch_over(Size(32, 32), Box(8, 8, 16, 16), 2)
    small = shrink(Painted(patch, np.zeros((32, 32, 3), np.float32)))
    assert isinstance(small, Failed)
    assert "64×64" in small.reason


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_result_that_is_not_finite_has_failed(value: float) -> None:
    patch = patch_over(Size(32, 32), Box(8, 8, 16, 16), 2)
    small = shrink(Painted(patch, np.full((64, 64, 3), value, np.float32)))
    assert isinstance(small, Failed)
    assert "finite" in small.reason


@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_painted_bytes_and_painted_floats_come_to_the_same(dtype: type) -> None:
    patch = patch_over(Size(32, 32), Box(8, 8, 16, 16), 2)
    levels = np.random.default_rng(5).integers(0, 256, (64, 64, 3), np.uint8)
    pixels = levels if dtype is np.uint8 else levels.astype(np.float32) / 255
    canvas = Canvas(np.zeros((32, 32, 3), np.uint8))
    small = shrink(Painted(patch, pixels))
    assert isinstance(small, Shrunk)
    paste(canvas, small)
    assert canvas.pixels[8:16, 8:16].any()
    assert not canvas.pixels[16:].any()


@pytest.mark.parametrize("scale", [0.5, 1, 1.01, 2, 3.3])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_painted_levels_are_the_painted_numbers_at_every_scale(scale: float, dtype: type) -> None:
    patch = patch_over(Size(40, 40), Box(8, 8, 16, 16), scale)
    most = np.iinfo(dtype).max
    levels = np.random.default_rng(5).integers(0, most, (*patch.size.shape, 3), dtype)
    ours, floats = (
        shrink(Painted(patch, pixels))
        for pixels in (levels, (levels / np.float32(most)).astype(np.float32))
    )
    assert isinstance(ours, Shrunk)
    assert isinstance(floats, Shrunk)
    assert np.allclose(ours.pixels, floats.pixels, atol=1e-5)


@pytest.mark.parametrize(
    "pixels", [np.zeros((64, 64, 4)), np.zeros((64, 64, 3), np.int64), np.zeros((64, 64))]
)
def test_a_result_with_other_channels_or_numbers_has_failed(pixels: np.ndarray) -> None:
    patch = patch_over(Size(32, 32), Box(8, 8, 16, 16), 2)
    assert isinstance(shrink(Painted(patch, pixels)), Failed)
