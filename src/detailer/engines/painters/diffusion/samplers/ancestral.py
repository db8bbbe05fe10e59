"""Ancestral: how far a step goes below its aim, and the noise that brings it back up."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from detailer.engines.painters.diffusion.samplers.run import Run, Step, share
from detailer.engines.painters.diffusion.space import Space, across


@dataclass(frozen=True, eq=False)
class Rise:
    """A step down to `down`, after which x * `kept` + noise * `up` is at the step's aim; (B,)."""

    down: Tensor
    kept: Tensor
    up: Tensor


def rise(space: Space, before: Tensor, after: Tensor) -> Rise:
    """The parts of a step from before to after, sigmas (B,), with all of its noise renewed.

    Where variance explodes: DDPM's posterior (Ho et al., arXiv:2006.11239), as k-diffusion has
    it. Of flows: just as far below, and back up so that the picture's share is right.
    """
    down, up = split(before, after)
    if not space.flow:
        return Rise(down, torch.ones_like(down), up)
    kept = share(1 - after, 1 - down)
    return Rise(down, kept, (after**2 - (down * kept) ** 2).clamp(min=0).sqrt())


def split(before: Tensor, after: Tensor) -> tuple[Tensor, Tensor]:
    """(down, up) with down^2 + up^2 = after^2, where variance explodes."""
    left = share(after, before)
    up = left * ((before - after) * (before + after)).clamp(min=0).sqrt()
    return left * after, up


def risen(run: Run, step: Step, x: Tensor, by: Rise) -> Tensor:
    """x with the noise of a step; samples that end have none."""
    if step.ends:
        return x
    noise = run.noise(step.sigma, step.after)
    return across(by.kept, x) * x + across(by.up, x) * noise


Move = Callable[[Run, Step, Tensor, Rise], Tensor]
"""(run, step, x, rise) to x at rise.down."""


def ancestral(run: Run, x: Tensor, move: Move) -> Iterator[Tensor]:
    """Moves below each step's aim, then rises to it with fresh noise."""
    for step in run.steps():
        by = rise(run.space, step.sigma, step.after)
        x = risen(run, step, move(run, step, x, by), by)
        yield x
