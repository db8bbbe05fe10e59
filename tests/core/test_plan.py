"""What a painter gets, and in which order work can be done."""

from __future__ import annotations

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


def cutout(**paint: object) -> Cutout:
    region = Region.from_box(Box(30, 30, 50, 50))
    window = Window(10, 10, Size(240, 240), 4.0)
    patch = Patch(0, region, window, region.mask, Paint(**paint))
    return Cutout(patch, np.full((60, 60, 3), 0.5, np.float32))


def test_the_noise_mask_is_the_regions_mask_at_the_painted_size() -> None:
    mask = cutout(noise_mask_feather=0).noise_mask
    assert mask.shape == (240, 240)
    assert (mask[84:156, 84:156] == 1).all()
    assert mask[:70].max() == mask[:, 170:].max() == 0


def test_a_feathered_noise_mask_fades_on_both_sides_of_the_rim() -> None:
    mask = cutout(noise_mask_feather=5).noise_mask
    assert 0 < mask[76, 120] < 0.5 < mask[84, 120] < 1


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
