"""Stochastic differential equations: DPM-Solver++ that adds noise in every step."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from detailer.engines.painters.diffusion.samplers.ancestral import split
from detailer.engines.painters.diffusion.samplers.run import Run, Step, ended, share
from detailer.engines.painters.diffusion.space import across


def dpmpp_sde(run: Run, x: Tensor) -> Iterator[Tensor]:
    """DPM-Solver++ (Lu et al., arXiv:2211.01095) with two looks, as in k-diffusion.

    The noise of the whole step is that of its first half and that of its second together: one
    Brownian path, in sigma.
    """
    run = run.below_brim()
    for step in run.steps():
        clean = run.denoise(x, step.sigma)
        if step.ends:
            x = clean
        else:
            middle = _middle(run, step)
            first = run.noise(step.sigma, middle)
            whole = _joined(step, middle, first, run.noise(middle, step.look))
            second = run.denoise(_down(run, step.sigma, middle, (x, clean, first)), middle)
            x = ended(step, clean, _down(run, step.sigma, step.look, (x, second, whole)))
        yield x


def _middle(run: Run, step: Step) -> Tensor:
    ratios = run.space.half_log_snr(step.sigma) + run.space.half_log_snr(step.look)
    return run.space.sigma_at(ratios / 2)


def _joined(step: Step, middle: Tensor, first: Tensor, second: Tensor) -> Tensor:
    whole = step.sigma - step.look
    early = share(step.sigma - middle, whole).clamp(0, 1)
    return across(early.sqrt(), first) * first + across((1 - early).sqrt(), first) * second


def _down(run: Run, before: Tensor, aim: Tensor, parts: tuple[Tensor, Tensor, Tensor]) -> Tensor:
    """An ancestral step where the noise is measured by the picture's share."""
    x, clean, noise = parts
    was, becomes = run.space.alpha(before), run.space.alpha(aim)
    level = before / was
    down, up = split(level, aim / becomes)
    left = share(down, level)
    moved = across(left * becomes / was, x) * x + across((1 - left) * becomes, x) * clean
    return moved + across(becomes * up, x) * noise


def dpmpp_2m_sde(run: Run, x: Tensor) -> Iterator[Tensor]:
    """DPM-Solver++(2M) SDE of k-diffusion, by the midpoint."""
    return _multistep(run, x, lambda twice: -0.5 * torch.expm1(-twice))


def dpmpp_2m_sde_heun(run: Run, x: Tensor) -> Iterator[Tensor]:
    """The same by Heun's rule."""
    return _multistep(run, x, phi_2)


def _multistep(run: Run, x: Tensor, weight: Callable[[Tensor], Tensor]) -> Iterator[Tensor]:
    run = run.below_brim()
    old = before = None
    for step in run.steps():
        clean = run.denoise(x, step.sigma)
        now = _length(run, step)
        moved = _exponential(run, step, x, clean)
        if old is not None and before is not None:
            ahead = run.space.alpha(step.after) * weight(2 * now) * share(now, before)
            moved = moved + across(ahead, x) * (clean - old)
        x = ended(step, clean, _stirred(run, step, moved))
        old, before = clean, now
        yield x


def dpmpp_3m_sde(run: Run, x: Tensor) -> Iterator[Tensor]:
    """DPM-Solver++(3M) SDE of k-diffusion: a parabola through the last three looks."""
    run = run.below_brim()
    seen: list[tuple[Tensor, Tensor]] = []
    for step in run.steps():
        clean = run.denoise(x, step.sigma)
        now = _length(run, step)
        moved = _exponential(run, step, x, clean)
        if seen:
            moved = moved + across(run.space.alpha(step.after), x) * _bend(now, clean, seen)
        x = ended(step, clean, _stirred(run, step, moved))
        seen = [*seen[-1:], (clean, now)]
        yield x


def _bend(now: Tensor, clean: Tensor, seen: list[tuple[Tensor, Tensor]]) -> Tensor:
    """What the change since earlier looks adds; looks with the lengths of their steps."""
    old, before = seen[-1]
    newer = across(share(now, before), clean) * (clean - old)
    second = phi_2(2 * now)
    if len(seen) == 1:
        return across(second, clean) * newer
    oldest, long_before = seen[-2]
    older = across(share(now, long_before), clean) * (old - oldest)
    both = before + long_before
    third = share(second, 2 * now) - torch.where(now == 0, 0, 0.5)
    first = newer + across(share(before, both), clean) * (newer - older)
    return across(second, clean) * first - across(third * share(now, both), clean) * (newer - older)


def phi_2(length: Tensor) -> Tensor:
    """1 + (exp(-h) - 1) / h, and 0 at 0."""
    return torch.where(length == 0, 0, torch.expm1(-length) / length + 1)


def _length(run: Run, step: Step) -> Tensor:
    """How far a step goes, in half the logarithm of the signal-to-noise ratio."""
    return run.space.half_log_snr(step.look) - run.space.half_log_snr(step.sigma)


def _exponential(run: Run, step: Step, x: Tensor, clean: Tensor) -> Tensor:
    """The linear part, solved exactly, with all of the noise renewed."""
    length = _length(run, step)
    left = share(step.after, step.sigma) * torch.exp(-length)
    gained = -run.space.alpha(step.after) * torch.expm1(-2 * length)
    return across(left, x) * x + across(gained, x) * clean


def _stirred(run: Run, step: Step, x: Tensor) -> Tensor:
    if step.ends:
        return x
    amount = step.after * (-torch.expm1(-2 * _length(run, step))).clamp(min=0).sqrt()
    return x + across(amount, x) * run.noise(step.sigma, step.after)
