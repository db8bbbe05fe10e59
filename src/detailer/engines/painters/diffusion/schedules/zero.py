"""Zero: where every schedule ends."""

from __future__ import annotations

import torch
from torch import Tensor


def to_zero(levels: Tensor) -> Tensor:
    """Levels (N,) and a 0 after them."""
    return torch.cat([levels, levels.new_zeros(1)])
