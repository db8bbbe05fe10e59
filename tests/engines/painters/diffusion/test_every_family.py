"""Every family, as a tiny model of the real file format, painted through the public path."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pytest
import torch

from detailer.core.canvas import Canvas
from detailer.core.geometry import Box, Size
from detailer.core.matte import Matte
from detailer.core.paint import Paint
from detailer.core.plan import Cutout, Painted, Patch, Progress
from detailer.core.region import Region
from detailer.core.window import Window
from detailer.engines.painters.diffusion.batch import Batch
from detailer.engines.painters.diffusion.job import job_of
from detailer.engines.painters.diffusion.loop import Stage, denoise
from detailer.engines.painters.diffusion.model import open_model
from detailer.engines.painters.diffusion.options import Options
from detailer.engines.painters.diffusion.painter import Diffusion
from detailer.stages.crop import cut
from tests.engines.contract import shapes
from tests.engines.painters.diffusion.tiny import MADE, folder

FAMILIES = list(MADE)
TOLD = Paint(prompt="a face", negative="blurry", steps=4, cfg=3.0, denoise=0.6, mask_mode="hard")


@cache
def painter(name: str) -> Diffusion:
    options = Options(device="cpu", dtype="fp32", batching="on")
    return Diffusion(open_model(str(folder(name)), options), options)


def cutout(index: int = 0, alpha: Any = None, **told: Any) -> Cutout:
    picture = shapes(Size(64, 64), index, blur=3)
    region = Region.from_box(Box(16, 16, 48, 48))
    if alpha is not None:
        region = replace(region, mask=Matte(alpha, region.mask.box))
    window = Window(0, 0, Size(64, 64), 1.0)
    paint = TOLD.but(**{"seed": 10 + index, "noise_mask_feather": 0, **told})
    return cut(Canvas(picture), Patch(index, region, window, region.mask, paint))


def batch(one: Diffusion, *cutouts: Cutout) -> Batch:
    jobs = [job_of(each, one.model.family) for each in cutouts]
    return Batch(jobs, one.model, lambda path: one.model)


def latents(work: Batch) -> tuple[torch.Tensor, Stage]:
    """What the batch begins with, and its last stage."""
    with torch.no_grad():
        pixels = torch.from_numpy(np.stack([job.fit.pixels(job.cutout) for job in work.jobs]))
        pixels = pixels.permute(0, 3, 1, 2)
        clean = work.model.family.vae.encode(pixels)
        legs = list(work._legs(pixels))
        *_, last = denoise(*work._set_up(clean, 0), legs, work._sampling(clean, 0))
    return clean, last


@pytest.mark.parametrize("name", FAMILIES)
def test_a_mask_of_zero_is_exactly_untouched(name: str) -> None:
    before, last = latents(batch(painter(name), cutout()))
    apart = (last.clean - before).abs().amax(dim=(0, 1))
    assert apart[2:6, 2:6].min() > 0
    apart[2:6, 2:6] = 0
    assert apart.max() == 0


@pytest.mark.parametrize("name", FAMILIES)
def test_a_softer_mask_changes_less(name: str) -> None:
    alpha = np.repeat(np.repeat(np.array([[0.25, 0.5], [0.75, 1.0]], np.float32), 16, 0), 16, 1)
    before, last = latents(
        batch(painter(name), cutout(alpha=alpha, mask_mode="differential", steps=8, denoise=1.0))
    )
    apart = (last.clean - before).abs().mean(dim=(0, 1))
    quarters = [apart[y : y + 2, x : x + 2].mean() for y in (2, 4) for x in (2, 4)]
    assert 0 < quarters[0] < quarters[3]
    assert quarters[0] < quarters[2]


MIXED = (
    {"denoise": 0.3, "cfg": 2.0},
    {"denoise": 1.0, "prompt": "another, much longer text about somebody", "mask_mode": "off"},
    {"denoise": 0.5, "cfg": 5.5, "scheduler": "karras", "mask_mode": "blend", "negative": ""},
)


@pytest.mark.parametrize("sampler_name", ["euler_ancestral", "dpmpp_2m"])
@pytest.mark.parametrize("name", FAMILIES)
def test_a_batch_of_mixed_settings_gives_what_single_runs_give(
    name: str, sampler_name: str
) -> None:
    one = painter(name)
    work = [cutout(i, sampler_name=sampler_name, **told) for i, told in enumerate(MIXED)]
    _, together = latents(batch(one, *work))
    for row, each in enumerate(work):
        _, alone = latents(batch(one, each))
        torch.testing.assert_close(together.clean[row], alone.clean[0], atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("name", FAMILIES)
def test_the_same_model_as_refiner_changes_nothing(name: str) -> None:
    one = painter(name)
    _, whole = latents(batch(one, cutout()))
    _, split = latents(batch(one, cutout(refiner="itself", refiner_ratio=0.5)))
    torch.testing.assert_close(split.clean, whole.clean, atol=1e-6, rtol=1e-6)


@pytest.mark.parametrize("name", FAMILIES)
def test_pixels_come_out_of_the_whole_painter(name: str) -> None:
    answers = list(painter(name)([cutout(), cutout(1)]))
    assert sum(isinstance(answer, Progress) for answer in answers) == 4
    for answer in answers[-2:]:
        assert isinstance(answer, Painted)
        assert answer.pixels.shape == (64, 64, 3)
        assert np.isfinite(answer.pixels).all()


@pytest.mark.parametrize("side", [8, 24])
@pytest.mark.parametrize("name", FAMILIES)
def test_a_size_below_what_a_family_is_made_for_is_painted(name: str, side: int) -> None:
    region = Region.from_box(Box(2, 2, 6, 6))
    window = Window(0, 0, Size(side, side), side / 8)
    patch = Patch(0, region, window, region.mask, TOLD)
    *_, answer = painter(name)([cut(Canvas(shapes(Size(64, 64))), patch)])
    assert isinstance(answer, Painted)
    assert answer.pixels.shape == (side, side, 3)
