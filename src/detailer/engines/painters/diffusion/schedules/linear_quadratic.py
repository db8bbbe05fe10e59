"""Schedule that hardly moves at first: linear, then quadratic."""

from __future__ import annotations

import torch
from torch import Tensor

from detailer.engines.painters.diffusion.schedules.zero import to_zero
from detailer.engines.painters.diffusion.table import Table

# How far the linear half goes.
_DONE = 0.025


def linear_quadratic(table: Table, steps: int) -> Tensor:
    """Half of the steps for the first 2.5 % of the way, the others ever longer.

    Of Meta's Movie Gen (arXiv:2410.13720) as in Genmo's Mochi 1: where the line ends, the
    parabola begins with the same slope.
    """
    if steps == 1:
        return torch.tensor([table.highest, 0.0])
    straight = steps // 2
    bent = steps - straight
    step = torch.arange(steps, dtype=torch.float64)
    slope = _DONE / straight
    curve = (1 - _DONE - slope * bent) / bent**2
    beyond = (step - straight).clamp(min=0)
    done = slope * step + curve * beyond**2
    return to_zero(((1 - done) * table.highest).float())
