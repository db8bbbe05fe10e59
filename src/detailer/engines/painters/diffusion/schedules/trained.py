"""Schedules that pick from the noise levels, or the time steps, of training."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from detailer.engines.painters.diffusion.schedules.zero import to_zero
from detailer.engines.painters.diffusion.table import Table

# A table whose lowest level is as good as none needs no 0 after it.
_NONE = 1e-5


def normal(table: Table, steps: int) -> Tensor:
    """Evenly spread time steps, both ends included."""
    first, last = _ends(table)
    if math.isclose(float(table.sigma(torch.tensor(last))), 0, abs_tol=_NONE):
        return table.sigma(torch.linspace(first, last, steps + 1))
    return to_zero(table.sigma(torch.linspace(first, last, steps)))


def sgm_uniform(table: Table, steps: int) -> Tensor:
    """Evenly spread time steps without the lowest, as in Stability's generative-models."""
    return to_zero(table.sigma(torch.linspace(*_ends(table), steps + 1)[:-1]))


def simple(table: Table, steps: int) -> Tensor:
    """Levels at an even distance from the highest down, without interpolation."""
    every = len(table.sigmas) / steps
    down = (torch.arange(steps, dtype=torch.float64) * every).long()
    return to_zero(table.sigmas[-1 - down])


def ddim_uniform(table: Table, steps: int) -> Tensor:
    """Levels at an even whole distance from the lowest up (Song et al., arXiv:2010.02502).

    Where the table has no such distance there are more steps than asked for, as in ComfyUI.
    """
    bare = math.isclose(float(table.sigmas[1]), 0, abs_tol=_NONE)
    every = max(len(table.sigmas) // (steps + bare), 1)
    levels = table.sigmas[1::every].flip(0)
    return levels if bare else to_zero(levels)


def _ends(table: Table) -> tuple[float, float]:
    """What the network calls the highest and the lowest level."""
    ends = table.timestep(table.sigmas[[-1, 0]])
    return float(ends[0]), float(ends[1])
