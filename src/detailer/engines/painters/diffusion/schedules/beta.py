"""Schedule by a beta distribution: dense at both ends of training's time."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from detailer.engines.painters.diffusion.schedules.zero import to_zero
from detailer.engines.painters.diffusion.table import Table

_SHAPE = 0.6
# Each term of the series is less than half of the one before.
_TERMS = 60


def beta(table: Table, steps: int) -> Tensor:
    """Levels at evenly spread quantiles of Beta(0.6, 0.6) (Lee et al., arXiv:2407.12173).

    A quantile is only needed as far as the level that it is nearest to, so those are found by
    how many borders between levels lie below it. Levels that come twice are taken once: there
    may be fewer steps than asked for, as in ComfyUI.
    """
    last = len(table.sigmas) - 1
    borders = _below((np.arange(last) + 0.5) / last)
    quantiles = 1 - np.linspace(0, 1, steps, endpoint=False)
    chosen = np.searchsorted(borders, quantiles, side="right")
    once = np.append(True, np.diff(chosen) != 0)
    return to_zero(table.sigmas[chosen[once].tolist()])


def _below(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """The distribution function of Beta(a, a): exactly 1/2 in the middle, by its symmetry."""
    nearer = np.minimum(values, 1 - values)
    tail = 0.5 * _unscaled(nearer) / _unscaled(np.array([0.5]))
    return np.where(values > 0.5, 1 - tail, tail)


def _unscaled(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """The integral of (t (1 - t))^(a - 1) from 0 to values, up to 1/2, by its power series."""
    total, term = np.zeros_like(values), np.ones_like(values)
    for power in range(_TERMS):
        total += term / (_SHAPE + power)
        term = term * values * (power + 1 - _SHAPE) / (power + 1)
    return values**_SHAPE * total
