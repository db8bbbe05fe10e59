"""What a painter gets, and in which order work can be done."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest
from hypothesis import given

from detailer.core.geometry import Box, Size
from detailer.core.matte import Matte
from detailer.core.paint import Paint
from detailer.core.plan import Cutout, Patch, Plan
from detailer.core.region import Region
from detailer.core.window import Window
from detailer.flow import make_plan
from detailer.recipe import Recipe
from tests.strategies import Scene, scenes


def patch_of(box: Box, scale: float, scale_y: float | None = None, **paint: object) -> Patch:
    region = Region.from_box(box)
    around = 80 / scale
    window = Window(box.left - around, box.top - around, Size(240, 240), scale, scale_y=scale_y)
    return Patch(0, region, window, region.mask, Paint(**paint))


def cutout(**paint: object) -> Cutout:
    patch = patch_of(Box(30, 30, 50, 50), 4.0, **paint)
    return Cutout(patch, np.full((60, 60, 3), 0.5, np.float32), Size(60, 60))


def test_the_noise_mask_is_the_regions_mask_at_the_painted_size() -> None:
    mask = cutout(noise_mask_feather=0).noise_mask
    assert mask.shape == (240, 240)
    assert (mask[84:156, 84:156] == 1).all()
    assert mask[:70].max() == mask[:, 170:].max() == 0


def test_a_feathered_noise_mask_fades_outward_and_is_whole_inside() -> None:
    mask = cutout(noise_mask_feather=12).noise_mask
    assert 0 < mask[72, 120] < mask[76, 120] < 1
    assert (mask[84:156, 84:156] == 1).all()


def test_the_feather_of_a_noise_mask_does_not_depend_on_the_scale() -> None:
    large, small = (
        replace(cutout(noise_mask_feather=20), patch=patch).noise_mask
        for patch in (patch_of(Box(30, 30, 50, 50), 4.0), patch_of(Box(30, 30, 70, 70), 2.0))
    )
    # The edge of a mask that was enlarged is soft itself, over a pixel or two.
    np.testing.assert_allclose(large, small, atol=0.1)


def drawn(mask: np.ndarray, scale: float, **paint: object) -> np.ndarray:
    """The noise mask of a mask over a whole picture that is painted so much larger."""
    size = Size(mask.shape[1], mask.shape[0])
    window = Window(0, 0, Size(round(size.width * scale), round(size.height * scale)), scale)
    region = Region(size.box, Matte(mask, size.box))
    patch = Patch(0, region, window, region.mask, Paint(**paint))
    return Cutout(patch, np.zeros((*mask.shape, 3), np.float32), size).noise_mask


@pytest.mark.parametrize("scale", [1.0, 2.0])
def test_a_thin_noise_mask_fades_at_most_half_as_far_as_it_is_thick(scale: float) -> None:
    stroke = cv2.line(np.zeros((300, 300), np.float32), (30, 30), (270, 270), 1, 8)
    soft = drawn(stroke, scale, noise_mask_feather=40)
    sharp = drawn(stroke, scale, noise_mask_feather=0)
    away = cv2.distanceTransform((sharp < 0.5).astype(np.uint8), cv2.DIST_L2, 0)
    assert soft[away > 4.5 * scale + 1].max() < 0.05
    assert soft[(away > 1) & (away < 2)].mean() > 0.3


@pytest.mark.parametrize("scale", [0.7, 1.0, 2.0])
def test_what_a_mask_encloses_is_kept_while_painting_too(scale: float) -> None:
    mask = cv2.circle(np.ones((200, 200), np.float32), (100, 100), 40, 0, -1)
    soft = drawn(mask, scale, noise_mask_feather=20)
    sharp = drawn(mask, scale, noise_mask_feather=0)
    assert (soft <= sharp + 0.05).all()
    assert soft[round(100 * scale), round(100 * scale)] == 0
    assert soft[5, 5] == 1


def test_the_nodes_noise_mask_is_blurred_in_pixels_of_the_crop() -> None:
    patch = patch_of(Box(30, 30, 50, 50), 4.0, scale_y=4.0)
    crop = replace(cutout(), patch=patch).noise_mask_of_crop
    assert crop.shape == (60, 60)
    # Half of the blur lies inside: a small face is nowhere let go at once.
    assert crop.max() < 0.6


def test_without_a_noise_mask_all_of_the_cutout_may_change() -> None:
    assert (cutout(noise_mask=False).noise_mask == 1).all()


def test_pixels_are_made_anew_so_that_a_painter_may_write_into_them() -> None:
    one = cutout()
    one.pixels[:] = 0
    assert one.pixels.min() == 0.5


@given(scenes())
def test_every_patch_is_in_one_wave_and_waves_do_not_cut_what_they_paste(scene: Scene) -> None:
    plan = make_plan(scene.regions, Recipe(crop=scene.crop))
    waves = list(plan.waves())
    assert sorted(patch.index for wave in waves for patch in wave) == [
        patch.index for patch in plan.patches
    ]
    for wave in waves:
        for place, later in enumerate(wave):
            for earlier in wave[:place]:
                assert not later.window.footprint.meets(earlier.paste_mask.box)


@pytest.mark.parametrize("count", [0, 1, 3])
def test_regions_that_never_meet_are_one_wave(count: int) -> None:
    patches = []
    for index in range(count):
        box = Box(100 * index, 0, 100 * index + 20, 20)
        window = Window(box.left, 0, Size(20, 20), 1.0)
        patches.append(Patch(index, Region.from_box(box), window, Matte.filled(box)))
    assert len(list(Plan(Size(400, 20), tuple(patches)).waves())) == min(count, 1)
