"""Fit: what the model sees of sizes that it does not take."""

from __future__ import annotations

import numpy as np

from detailer.core.canvas import Canvas
from detailer.core.geometry import Box, Size
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
