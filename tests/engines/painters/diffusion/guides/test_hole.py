"""What an inpaint model sees of the picture with a hole."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from diffusers.image_processor import VaeImageProcessor
from torch import Tensor
from torch.nn.functional import interpolate

from detailer.core.geometry import Box, Size
from detailer.core.paint import Paint
from detailer.core.window import Window
from detailer.engines.painters.diffusion.guides.hole import cells, hole, small, with_hole
from detailer.engines.painters.diffusion.vae import Vae
from tests.engines.painters.diffusion.steered import job, picture, vae

HOLED = Paint(inpaint_model=True, noise_mask_feather=0)
FACE = Box(8, 16, 24, 32)
ALL = Size(32, 48)


@pytest.fixture(scope="module")
def family() -> Any:
    return SimpleNamespace(name="sd15", vae=Vae(vae(), torch.device("cpu")))


def region(paint: Paint, box: Box = FACE, size: Size = ALL) -> Any:
    return job(picture(ALL), Window(0, 0, size, 1.0), paint, box)


def pixels_of(*jobs: Any) -> Tensor:
    shown = [torch.from_numpy(each.fit.pixels(each.cutout)) for each in jobs]
    return torch.stack(shown).permute(0, 3, 1, 2).contiguous()


def guide(family: Any, *jobs: Any) -> Tensor:
    with torch.no_grad():
        return hole(family, pixels_of(*jobs), jobs)


def test_it_is_what_diffusers_inpaint_pipelines_give_their_networks(family) -> None:
    one = region(HOLED)
    pixels = pixels_of(one)
    processor = VaeImageProcessor(
        vae_scale_factor=8, do_normalize=False, do_binarize=True, do_convert_grayscale=True
    )
    mask = processor.preprocess(torch.from_numpy(one.cutout.noise_mask)[None, None])
    emptied = (pixels * 2 - 1) * (mask < 0.5)
    with torch.no_grad():
        latents = family.vae.model.encode(emptied).latent_dist.mode()
    theirs = torch.cat([interpolate(mask, (6, 4)), latents * 0.18215], 1)
    ours = guide(family, one)
    assert torch.equal(ours[:, :1], theirs[:, :1])
    torch.testing.assert_close(ours[:, 1:], theirs[:, 1:], atol=1e-6, rtol=1e-5)
    assert ours.shape == (1, 5, 6, 4)


def test_the_hole_is_grey_and_the_rest_is_as_it_was() -> None:
    pixels = torch.rand(2, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    mask = torch.zeros(2, 1, 8, 8)
    mask[..., 2:5, 3:6] = torch.tensor([0.4, 0.6, 1.0])
    seen = with_hole(pixels, mask, torch.tensor([True, False]))
    assert bool((seen[0, :, 2:5, 4:6] == 0.5).all())
    torch.testing.assert_close(seen[0, :, :, :4], pixels[0, :, :, :4])
    torch.testing.assert_close(seen[1], pixels[1])


def test_a_soft_mask_is_rounded() -> None:
    mask = torch.linspace(0, 1, 64).view(1, 1, 8, 8)
    assert set(small(mask, torch.zeros(1, 4, 4, 4)).unique().tolist()) == {0.0, 1.0}
    assert set(cells(mask, 4).unique().tolist()) == {0.0, 1.0}


def test_without_inpaint_model_the_picture_is_shown_whole_with_its_mask(family) -> None:
    one = region(HOLED.but(inpaint_model=False))
    with torch.no_grad():
        whole = family.vae.encode(pixels_of(one))
    seen = guide(family, one)
    torch.testing.assert_close(seen[:, 1:], whole)
    assert torch.equal(seen[:, :1], guide(family, region(HOLED))[:, :1])


def test_where_all_is_repainted_all_is_hole(family) -> None:
    seen = guide(family, region(Paint(noise_mask=False)))
    grey = torch.full((1, 3, 48, 32), 0.5)
    with torch.no_grad():
        torch.testing.assert_close(seen[:, 1:], family.vae.encode(grey))
    assert bool((seen[:, 0] == 1).all())


def test_each_job_has_a_hole_of_its_own(family) -> None:
    jobs = [region(HOLED), region(HOLED, Box(0, 0, 16, 8)), region(HOLED.but(inpaint_model=False))]
    together = guide(family, *jobs)
    for row, each in enumerate(jobs):
        torch.testing.assert_close(together[row], guide(family, each)[0], atol=1e-5, rtol=1e-5)


def test_a_size_that_is_no_multiple_is_fitted_as_the_pixels_are(family) -> None:
    one = region(HOLED, Box(8, 16, 30, 42), Size(30, 42))
    seen = guide(family, one)
    assert seen.shape == (1, 5, 6, 4)
    # The border is repeated, also of the mask: what is added is painted where its neighbours are.
    assert bool((seen[0, 0, 2:, 1:] == 1).all())
    assert bool((seen[0, 0, :2] == 0).all())


def test_flux_fill_sees_every_pixel_of_the_mask_as_its_own_pipeline_gives_it(family) -> None:
    one = region(HOLED, Box(9, 17, 22, 31))
    mask = torch.from_numpy(one.cutout.noise_mask)[None, None]
    fill = SimpleNamespace(name="flux", vae=family.vae)
    seen = guide(fill, one)
    assert seen.shape == (1, 64 + 4, 6, 4)
    packed = mask[:, 0].view(1, 6, 8, 4, 8).permute(0, 2, 4, 1, 3).reshape(1, 64, 6, 4)
    assert torch.equal(seen[:, :64], packed)


def test_a_mask_of_nothing_and_of_everything_are_holes_too(family) -> None:
    all_of_it = region(HOLED, Box(0, 0, 32, 48))
    assert bool((guide(family, all_of_it)[:, 0] == 1).all())
    assert np.isfinite(guide(family, all_of_it).numpy()).all()
