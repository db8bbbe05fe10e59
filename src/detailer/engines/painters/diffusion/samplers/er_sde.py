"""ER-SDE: the reverse process with as much noise as a function says."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from detailer.engines.painters.diffusion.samplers.run import Run, Step, ended, share
from detailer.engines.painters.diffusion.space import across

_POINTS = 200


@dataclass(frozen=True, eq=False)
class _Past:
    """What earlier steps saw: the clean latents, their slope, and the levels of both; (B,)."""

    clean: Tensor
    level: Tensor
    slope: Tensor | None = None
    before: Tensor | None = None


def er_sde(run: Run, x: Tensor) -> Iterator[Tensor]:
    """VP ER-SDE-Solver-3 (Cui et al., arXiv:2309.06169) with the authors' noise function."""
    run = run.below_brim()
    past: _Past | None = None
    for step in run.steps():
        clean = run.denoise(x, step.sigma)
        level = step.sigma / run.space.alpha(step.sigma)
        now = _slope(clean, level, past)
        alpha = run.space.alpha(step.look)
        becomes = step.look / alpha
        moved = _moved(run, step, x, clean)
        if past is not None and now is not None:
            second, third = _weights(level, becomes)
            moved = moved + across(alpha * second, x) * now
            if past.slope is not None and past.before is not None:
                apart = across(share(torch.full_like(level, 2), level - past.before), x)
                moved = moved + across(alpha * third, x) * apart * (now - past.slope)
        x = ended(step, clean, _stirred(run, step, moved))
        past = _Past(clean, level, now, None if past is None else past.level)
        yield x


def _slope(clean: Tensor, level: Tensor, past: _Past | None) -> Tensor | None:
    if past is None:
        return None
    apart = share(torch.ones_like(level), level - past.level)
    return across(apart, clean) * (clean - past.clean)


def _scale(level: Tensor) -> Tensor:
    return level * ((level**0.3).exp() + 10)


def _moved(run: Run, step: Step, x: Tensor, clean: Tensor) -> Tensor:
    was, becomes = run.space.alpha(step.sigma), run.space.alpha(step.look)
    left = share(_scale(step.look / becomes), _scale(step.sigma / was))
    return across(becomes / was * left, x) * x + across(becomes * (1 - left), x) * clean


def _weights(level: Tensor, becomes: Tensor) -> tuple[Tensor, Tensor]:
    """Of the first and the second derivative: integrals over the step, by 200 points."""
    change = becomes - level
    width = -change / _POINTS
    points = becomes[:, None] + torch.arange(_POINTS, device=level.device) * width[:, None]
    scaled = _scale(points)
    end = _scale(becomes)
    first = (1 / scaled).sum(1) * width
    second = ((points - level[:, None]) / scaled).sum(1) * width
    return change + first * end, change**2 / 2 + second * end


def _stirred(run: Run, step: Step, x: Tensor) -> Tensor:
    if step.ends:
        return x
    alpha = run.space.alpha(step.look)
    level, becomes = step.sigma / run.space.alpha(step.sigma), step.look / alpha
    left = share(_scale(becomes), _scale(level))
    amount = alpha * (becomes**2 - (level * left) ** 2).clamp(min=0).sqrt()
    return x + across(amount, x) * run.noise(step.sigma, step.after)
