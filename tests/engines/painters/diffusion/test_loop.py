"""The loop: kept parts stay, each sample is as if alone, and legs join without a seam."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import pytest
import torch
from torch import Tensor

from detailer.core.geometry import Size
from detailer.engines.painters.diffusion.forward import Forward, Guides
from detailer.engines.painters.diffusion.guiders import guider
from detailer.engines.painters.diffusion.loop import Leg, Sampling, Stage, denoise
from detailer.engines.painters.diffusion.masks import Act, Kept, Mode
from detailer.engines.painters.diffusion.noise import own_noise, start_noise
from detailer.engines.painters.diffusion.samplers import SAMPLERS, sampler
from detailer.engines.painters.diffusion.schedules import Steps, sigmas
from tests.engines.painters.diffusion.analytic import Analytic

SHAPE = (4, 8, 8)
MODES: tuple[Mode, ...] = ("hard", "blend", "differential")


@dataclass(frozen=True)
class Sample:
    """What may differ from one sample of a batch to the next."""

    seed: int = 0
    prompt: str = "0.5"
    negative: str = "-0.5"
    cfg: float = 3.0
    denoise: float = 0.5
    scheduler: str = "normal"
    mode: Mode = "differential"


MIXED = (
    Sample(1),
    Sample(2, "-0.3", "0.1", 7.5, 1.0, "karras", "blend"),
    Sample(3, "0.9", "0.2", 0.0, 0.3, "simple", "hard"),
    Sample(2**64 - 1, "0.1", "0.4", 1.5, 0.5, "beta", "off"),
)


def mask_of(mode: Mode) -> Tensor:
    if mode == "off":
        return torch.ones(1, 8, 8)
    mask = torch.zeros(1, 8, 8)
    mask[:, 2:6, 2:6] = 0.4
    mask[:, 3:5, 3:5] = 1
    return (mask > 0).float() if mode == "hard" else mask


def latents_of(sample: Sample) -> Tensor:
    return torch.randn(SHAPE, generator=torch.Generator().manual_seed(sample.seed // 2 + 77))


@dataclass(frozen=True)
class Made:
    kept: Kept
    noise: Tensor
    leg: Leg
    sampling: Sampling

    def run(self, *legs: Leg) -> Stage:
        *_, last = denoise(self.kept, self.noise, legs or (self.leg,), self.sampling)
        return last


def made(samples: Sequence[Sample], name: str = "euler", family: Analytic | None = None) -> Made:
    family = family or Analytic()
    table = family.table(Size(64, 64))
    steps = 6
    levels = torch.stack(
        [sigmas(Steps(s.scheduler, steps, s.denoise, name), table) for s in samples]
    )
    seeds = [s.seed for s in samples]
    noise = start_noise(SHAPE, seeds)
    kept = Kept(
        torch.stack([latents_of(s) for s in samples]),
        noise,
        torch.stack([mask_of(s.mode) for s in samples]),
        [Act(s.mode) for s in samples],
        levels,
        table,
    )
    leg = Leg(
        family,
        family.encode_text([s.prompt for s in samples]),
        family.encode_text([s.negative for s in samples]),
        torch.tensor([s.cfg for s in samples]),
        guider("cfg"),
        Guides(Size(64, 64)),
        0,
        steps,
    )
    return Made(kept, noise, leg, Sampling(sampler(name), own_noise(SHAPE, seeds)))


@pytest.mark.parametrize("flow", [False, True], ids=["noise", "flow"])
@pytest.mark.parametrize("name", SAMPLERS)
def test_a_batch_of_mixed_settings_gives_what_single_runs_give(name: str, flow: bool) -> None:
    together = made(MIXED, name, Analytic(flow)).run()
    for row, sample in enumerate(MIXED):
        alone = made([sample], name, Analytic(flow)).run()
        torch.testing.assert_close(together.clean[row], alone.clean[0], rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("name", SAMPLERS)
def test_what_is_kept_comes_out_as_it_went_in_bit_for_bit(name: str, mode: Mode) -> None:
    samples = [replace(MIXED[0], mode=mode), replace(MIXED[1], mode=mode)]
    work = made(samples, name)
    clean = work.run().clean
    untouched = (work.kept.mask == 0).expand_as(clean)
    assert torch.equal(clean[untouched], work.kept.latents[untouched])
    assert not torch.equal(clean, work.kept.latents)


def test_soft_masks_change_what_they_cover_by_their_strength() -> None:
    work = made([replace(MIXED[0], mode="blend")])
    apart = (work.run().clean - work.kept.latents).abs().mean(1, keepdim=True)
    kept, soft, whole = (apart[work.kept.mask == value].mean() for value in (0, 0.4, 1))
    assert kept == 0
    assert kept < soft < whole


def test_two_legs_of_one_model_are_one_run_with_euler() -> None:
    work = made(MIXED)
    first, second = replace(work.leg, last=4), replace(work.leg, first=4)
    assert torch.equal(work.run().clean, work.run(first, second).clean)


def test_a_second_leg_goes_on_with_its_own_words() -> None:
    work = made(MIXED[:1])
    other = replace(work.leg, first=4, conditions=Analytic().encode_text(["-2"]))
    assert not torch.equal(work.run().clean, work.run(replace(work.leg, last=4), other).clean)


@dataclass(eq=False)
class Breaking(Analytic):
    """Goes wrong in one row, at its third call."""

    row: int = 1

    def predict(self, forward: Forward) -> Tensor:
        clean = super().predict(forward)
        if len(self.calls) == 3:
            clean[self.row] = float("nan")
        return clean


@pytest.mark.parametrize("name", SAMPLERS)
def test_a_sample_that_breaks_is_told_and_touches_no_other(name: str) -> None:
    well = made(MIXED, name).run()
    broken = made(MIXED, name, Breaking()).run()
    assert broken.lost.tolist() == [False, True, False, False]
    assert torch.isfinite(broken.clean).all()
    for row in (0, 2, 3):
        assert torch.equal(broken.clean[row], well.clean[row])


def test_without_negatives_the_network_sees_each_sample_once() -> None:
    family = Analytic()
    work = made(MIXED, family=family)
    work.run(replace(work.leg, negatives=None))
    assert family.calls == [4] * 6
    family.calls.clear()
    work.run()
    assert family.calls == [8] * 6


def test_a_scale_of_one_is_as_if_there_were_no_negative() -> None:
    work = made([replace(MIXED[0], cfg=1.0)])
    plain = work.run(replace(work.leg, negatives=None))
    assert torch.equal(work.run().clean, plain.clean)


def test_a_mask_of_all_zero_leaves_all_and_one_of_all_one_is_as_if_off() -> None:
    work = made([MIXED[0]])
    none = replace(work, kept=replace(work.kept, mask=torch.zeros(1, 1, 8, 8)))
    assert torch.equal(none.run().clean, work.kept.latents)
    whole = replace(work, kept=replace(work.kept, mask=torch.ones(1, 1, 8, 8)))
    off = replace(whole, kept=replace(whole.kept, acts=[Act("off")]))
    torch.testing.assert_close(whole.run().clean, off.run().clean)
