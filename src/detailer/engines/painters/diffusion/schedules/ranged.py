"""Schedules that need but the highest and the lowest noise level."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from detailer.engines.painters.diffusion.schedules.zero import to_zero
from detailer.engines.painters.diffusion.table import Table

_RHO = 7.0


def karras(table: Table, steps: int) -> Tensor:
    """Equation 5 of Karras et al., arXiv:2206.00364: denser where there is little noise."""
    ramp = torch.linspace(0, 1, steps)
    low, high = table.lowest ** (1 / _RHO), table.highest ** (1 / _RHO)
    return to_zero((high + ramp * (low - high)) ** _RHO)


def exponential(table: Table, steps: int) -> Tensor:
    """Evenly spread logarithms."""
    return to_zero(torch.linspace(math.log(table.highest), math.log(table.lowest), steps).exp())


def kl_optimal(table: Table, steps: int) -> Tensor:
    """Evenly spread angles (Align your steps, Sabour et al., arXiv:2404.14507, theorem 3.1)."""
    if steps == 1:
        return torch.tensor([table.highest, 0.0])
    ramp = torch.arange(steps) / (steps - 1)
    angles = ramp * math.atan(table.lowest) + (1 - ramp) * math.atan(table.highest)
    return to_zero(angles.tan())
