"""Fit: what the model sees of sizes that it does not take."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn.functional import interpolate

from detailer.core.canvas import Canvas
from detailer.core.geometry import Box, Size
from detailer.core.matte import Matte
from detailer.core.plan import Cutout, Patch
from detailer.core.region import Region
from detailer.core.window import Window
from detailer.engines.painters.diffusion.fit import fit_of
from detailer.engines.painters.diffusion.masks import latent_mask
from detailer.stages.crop import cut
from detailer.stages.paint import Paint
from tests.engines.contract import shapes

SIZE = Size(40, 48)


def cutout() -> Cutout:
    """Only the eight columns on the right may change."""
    region = Region.from_box(Box(32, 0, 40, 48))
    paint = Paint(noise_mask_feather=0)
    patch = Patch(0, region, Window(0, 0, SIZE, 1.0), region.mask, paint)
    return cut(Canvas(shapes(SIZE)), patch)


def test_what_is_filled_up_is_cut_off_again() -> None:
    one = cutout()
    fit = fit_of(one, 16)
    assert fit.size == Size(48, 48)
    assert np.array_equal(fit.undone(fit.pixels(one)), one.pixels)
    assert np.array_equal(fit.undone(fit.mask(one)), one.noise_mask)


def test_the_mask_lies_over_the_same_pixels_after_filling_up() -> None:
    one = cutout()
    mask = latent_mask(one, fit_of(one, 16), (6, 6), "blend")
    assert mask.shape == (1, 6, 6)
    assert mask[0, 0].tolist() == [0, 0, 0, 0, 1, 1]


@given(st.integers(64, 600), st.integers(64, 600), st.sampled_from([8, 16]))
def test_every_size_is_cut_as_the_nodes_cut_it_and_the_mask_with_it(
    width: int, height: int, multiple: int
) -> None:
    size = Size(width, height)
    crop = Box(0, 0, 20, 24)
    window = Window(0, 0, size, width / 20, scale_y=height / 24)
    patch = Patch(0, Region.from_box(Box(4, 4, 16, 20)), window, Matte.filled(crop), Paint())
    fit = fit_of(Cutout(patch, shapes(crop.size), crop.size), multiple)
    assert fit.size == Size(width // multiple * multiple, height // multiple * multiple)
    painted = np.arange(width * height, dtype=np.float32).reshape(height, width)
    left, top = (width % multiple) // 2, (height % multiple) // 2
    middle = painted[top : top + fit.size.height, left : left + fit.size.width]
    assert np.array_equal(fit._fitted(painted), middle)
    assert fit.undone(middle).shape == middle.shape


@pytest.mark.parametrize("size", [Size(185, 256), Size(256, 185), Size(185, 185), Size(193, 191)])
def test_a_size_one_pixel_over_is_cut_for_pixels_and_mask(size: Size) -> None:
    window = Window(0, 0, size, size.width / 60, scale_y=size.height / 60)
    box = Box(20, 20, 40, 40)
    patch = Patch(0, Region.from_box(box), window, Matte.filled(box), Paint())
    one = Cutout(patch, shapes(Size(60, 60)), Size(60, 60))
    fit = fit_of(one, 8)
    assert fit.pixels(one).shape == (*fit.size.shape, 3)
    assert fit.mask(one).shape == fit.size.shape


@given(st.integers(64, 600), st.integers(64, 600), st.integers(0, 30))
@settings(max_examples=20)
def test_with_inpaint_model_the_nodes_cut_the_mask_as_they_cut_the_picture(
    width: int, height: int, feather: int
) -> None:
    window = Window(0, 0, Size(width, height), width / 60, scale_y=height / 60)
    box = Box(20, 14, 41, 43)
    mask = {}
    for asked in (True, False):
        paint = Paint(inpaint_model=asked, noise_mask_feather=feather)
        patch = Patch(0, Region.from_box(box), window, Matte.filled(box), paint)
        one = Cutout(patch, np.zeros((60, 60, 3), np.float32), Size(60, 60))
        fit = fit_of(one, 8)
        mask[asked] = latent_mask(one, fit, (fit.size.height // 8, fit.size.width // 8), "blend")
    crop = torch.from_numpy(one.noise_mask_of_crop)[None, None]
    shape = tuple(mask[True].shape[1:])
    assert torch.equal(mask[False], interpolate(crop, size=shape, mode="bilinear")[0])
    large = interpolate(crop, size=(height, width), mode="bilinear")
    top, left = (height % 8) // 2, (width % 8) // 2
    cut_off = large[..., top : top + 8 * shape[0], left : left + 8 * shape[1]]
    theirs = interpolate(cut_off, size=shape, mode="bilinear")[0]
    torch.testing.assert_close(mask[True], theirs, atol=1e-5, rtol=0)
