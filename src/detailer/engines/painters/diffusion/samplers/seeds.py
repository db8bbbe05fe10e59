"""SEEDS: exponential solvers that look two or three times along one path of noise."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from detailer.engines.painters.diffusion.samplers.run import Run, Step, ended
from detailer.engines.painters.diffusion.samplers.sde import phi_2
from detailer.engines.painters.diffusion.space import across


@dataclass(frozen=True)
class _Stages:
    """Where in a step looks are taken, and how much the newest of them counts at each place.

    `weight` takes twice the length up to a place (B,), the place, and that of the newest look.
    """

    places: tuple[float, ...]
    weight: Callable[[Tensor, float, float], Tensor]


def seeds_2(run: Run, x: Tensor) -> Iterator[Tensor]:
    """SEEDS-2 (Gonzalez et al., arXiv:2305.14267) for data predictions: all by the middle."""
    stages = _Stages((1 / 2, 1.0), lambda length, place, look: -torch.expm1(-length))
    return _sampled(run, x, stages)


def seeds_3(run: Run, x: Tensor) -> Iterator[Tensor]:
    """SEEDS-3 of the same: lines through the first look and the newest."""
    stages = _Stages((1 / 3, 2 / 3, 1.0), lambda length, place, look: place / look * phi_2(length))
    return _sampled(run, x, stages)


def _sampled(run: Run, x: Tensor, stages: _Stages) -> Iterator[Tensor]:
    run = run.below_brim()
    for step in run.steps():
        clean = run.denoise(x, step.sigma)
        x = clean if step.ends else ended(step, clean, _through(run, step, (x, clean), stages))
        yield x


def _through(run: Run, step: Step, start: tuple[Tensor, Tensor], stages: _Stages) -> Tensor:
    x, clean = start
    ratio = run.space.half_log_snr(step.sigma)
    length = run.space.half_log_snr(step.look) - ratio
    newest, noise, there = clean, torch.zeros_like(x), x
    here, level = 0.0, step.sigma
    for place in stages.places:
        before, level = level, run.space.sigma_at(ratio + place * length)
        gone = (here - place) * length
        fresh = (-torch.expm1(2 * gone)).clamp(min=0).sqrt()
        noise = across(gone.exp(), x) * noise + across(fresh, x) * run.noise(before, level)
        twice = 2 * place * length
        counts = stages.weight(twice, place, here) if here else torch.zeros_like(level)
        mean = across(-torch.expm1(-twice) - counts, x) * clean + across(counts, x) * newest
        left = level / step.sigma * torch.exp(-place * length)
        alpha = across(run.space.alpha(level), x)
        there = across(left, x) * x + alpha * mean + across(level, x) * noise
        if place < 1:
            newest = run.denoise(there, level)
        here = place
    return there
