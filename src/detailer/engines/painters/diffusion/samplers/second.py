"""Second order by looking twice, or three times, in each step."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from detailer.engines.painters.diffusion.samplers.ancestral import Rise, ancestral, rise, risen
from detailer.engines.painters.diffusion.samplers.run import (
    Run,
    Step,
    ended,
    share,
    slope,
    towards,
)
from detailer.engines.painters.diffusion.space import EXPLODING, Space, across

# Of flows: the level to look at half-way from pure noise, where half-way has no meaning.
_NEARLY_NOISE = 0.9999


def heun(run: Run, x: Tensor) -> Iterator[Tensor]:
    """Algorithm 2 of Karras et al., arXiv:2206.00364, without churn: the mean of two slopes."""
    for step in run.steps():
        clean = run.denoise(x, step.sigma)
        there = towards(x, clean, step.sigma, step.after)
        if not step.ends:
            second = slope(there, run.denoise(there, step.look), step.look)
            mean = (slope(x, clean, step.sigma) + second) / 2
            there = ended(step, clean, x + mean * across(step.after - step.sigma, x))
        x = there
        yield x


def heunpp2(run: Run, x: Tensor) -> Iterator[Tensor]:
    """Heun++: slopes of up to three levels, weighted by how noisy those are.

    Wang et al., arXiv:2310.15169v3 as in sd-webui-samplers-scheduler (MIT); by step number, the
    last step has one slope and the last but one two.
    """
    for step in run.steps():
        looks = min(3, run.count - step.index)
        levels = run.sigmas[:, step.index : step.index + looks]
        slopes = [slope(x, run.denoise(x, step.sigma), step.sigma)]
        ahead = x
        for before, level in zip(levels.T, levels.T[1:], strict=False):
            ahead = ahead + slopes[-1] * across(level - before, x)
            slopes.append(slope(ahead, run.denoise(ahead, level), level))
        weights = levels / (looks * run.sigmas[:, :1])
        weights = torch.cat([1 - weights[:, 1:].sum(1, keepdim=True), weights[:, 1:]], 1)
        mean = torch.stack([across(w, x) * s for w, s in zip(weights.T, slopes, strict=True)])
        x = x + mean.sum(0) * across(step.after - step.sigma, x)
        yield x


def dpm_2(run: Run, x: Tensor) -> Iterator[Tensor]:
    """DPM-Solver-2 (Lu et al., arXiv:2206.00927) in sigma: the slope in the middle."""
    for step in run.steps():
        x = _by_middle(run, step, x, step.after)
        yield x


def dpm_2_ancestral(run: Run, x: Tensor) -> Iterator[Tensor]:
    """The same with fresh noise."""
    return ancestral(run, x, lambda run, step, x, by: _by_middle(run, step, x, by.down))


def _by_middle(run: Run, step: Step, x: Tensor, aim: Tensor) -> Tensor:
    clean = run.denoise(x, step.sigma)
    if step.ends:
        return clean
    middle = torch.where(step.last, step.sigma, (step.sigma * aim).sqrt())
    ahead = towards(x, clean, step.sigma, middle)
    there = x + slope(ahead, run.denoise(ahead, middle), middle) * across(aim - step.sigma, x)
    return ended(step, clean, there)


def dpmpp_2s_ancestral(run: Run, x: Tensor) -> Iterator[Tensor]:
    """DPM-Solver++(2S) (Lu et al., arXiv:2211.01095) with fresh noise."""
    return ancestral(run, x, _two_looks)


def _two_looks(run: Run, step: Step, x: Tensor, by: Rise) -> Tensor:
    clean = run.denoise(x, step.sigma)
    if step.ends:
        return clean
    middle = _middle(run.space, step, by.down)
    second = run.denoise(towards(x, clean, step.sigma, middle), middle)
    return ended(step, clean, towards(x, second, step.sigma, by.down))


def _middle(space: Space, step: Step, aim: Tensor) -> Tensor:
    """The level whose signal-to-noise ratio is half-way, by logarithm."""
    if not space.flow:
        return torch.where(step.last, step.sigma, (step.sigma * aim).sqrt())
    ratios = space.half_log_snr(step.sigma) + space.half_log_snr(aim)
    middle = torch.where(step.last, step.sigma, space.sigma_at(ratios / 2))
    return torch.where(step.sigma >= 1, _NEARLY_NOISE, middle)


def dpmpp_2s_ancestral_cfg_pp(run: Run, x: Tensor) -> Iterator[Tensor]:
    """The same, the noise of which the negative text tells (CFG++, arXiv:2406.08070).

    As in ComfyUI, sigma means what it does where variance explodes, also of flows.
    """
    for step in run.steps():
        clean, negative = run.denoise.pair(x, step.sigma)
        by = rise(EXPLODING, step.sigma, step.after)
        there = clean
        if not step.ends:
            middle = _middle(EXPLODING, step, by.down)
            left = across(share(middle, step.sigma), x)
            ahead = left * (x + clean - negative) + (1 - left) * clean
            second, doubted = run.denoise.pair(ahead, middle)
            there = towards(x + clean - doubted, second, step.sigma, by.down)
            there = ended(step, clean, there)
        x = risen(run, step, there, by)
        yield x
