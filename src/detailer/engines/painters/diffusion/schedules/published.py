"""Schedules that were found by search and published as figures."""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files
from typing import Any

import numpy as np
import torch
from torch import Tensor

# Sabour et al., Align your steps, arXiv:2404.14507: the authors' 10 steps for each model.
_ALIGNED = {
    "SD1": (
        14.6146412293, 6.4745760956, 3.8636745985, 2.6946151520, 1.8841921177, 1.3943805092,
        0.9642583904, 0.6523686016, 0.3977456272, 0.1515232662, 0.0291671582,
    ),
    "SDXL": (
        14.6146412293, 6.3184485287, 3.7681790315, 2.1811480769, 1.3405244945, 0.8620721141,
        0.5550693289, 0.3798540708, 0.2332364134, 0.1114188177, 0.0291671582,
    ),
    "SVD": (700.0, 54.5, 15.886, 7.977, 4.248, 1.789, 0.981, 0.403, 0.173, 0.034, 0.002),
}  # fmt: skip
COEFFICIENTS = tuple(round(0.8 + 0.05 * index, 2) for index in range(15))
"""Of GITS: the larger, the more steps where there is little noise."""


def aligned(model: str, steps: int) -> Tensor:
    """Align your steps for SD1, SDXL or SVD; in between by logarithm for other than 10 steps."""
    return _as_many(_ALIGNED[model], steps)


def gits(coefficient: float, steps: int) -> Tensor:
    """Chen et al., On the trajectory regularity of ODE-based diffusion sampling, arXiv:2405.11326.

    Published for 2 to 20 steps; more are in between by logarithm, and one is the last of 20.
    """
    figures = _gits()
    rows = figures["coefficients"][f"{coefficient:g}"]
    row = rows[-1] if steps == 1 or steps > len(rows) + 1 else rows[steps - 2]
    levels = [figures["levels"][index] for index in row]
    return _as_many(levels, steps) if steps > len(rows) + 1 else _ended(levels[-(steps + 1) :])


def _as_many(levels: Any, steps: int) -> Tensor:
    if steps + 1 == len(levels):
        return _ended(levels)
    known = np.log(np.asarray(levels)[::-1])
    places = np.linspace(0, 1, steps + 1)
    return _ended(np.exp(np.interp(places, np.linspace(0, 1, len(levels)), known))[::-1])


def _ended(levels: Any) -> Tensor:
    return torch.tensor([*map(float, levels[:-1]), 0.0])


@cache
def _gits() -> Any:
    """The authors' figures: levels, and for each coefficient the levels of 2, 3 ... 20 steps."""
    return json.loads((files(__package__) / "gits.json").read_text(encoding="utf-8"))
