"""Schedules: which noise levels a sampler stops at, by ComfyUI's names."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from itertools import pairwise
from types import MappingProxyType

import torch
from torch import Tensor

from detailer.engines.painters.diffusion.samplers import DISCARD_PENULTIMATE
from detailer.engines.painters.diffusion.schedules.beta import beta
from detailer.engines.painters.diffusion.schedules.linear_quadratic import linear_quadratic
from detailer.engines.painters.diffusion.schedules.published import COEFFICIENTS, aligned, gits
from detailer.engines.painters.diffusion.schedules.ranged import exponential, karras, kl_optimal
from detailer.engines.painters.diffusion.schedules.steps import SchedulerFunction, Steps
from detailer.engines.painters.diffusion.schedules.trained import (
    ddim_uniform,
    normal,
    sgm_uniform,
    simple,
)
from detailer.engines.painters.diffusion.table import Table
from detailer.errors import InputError

__all__ = ["SCHEDULERS", "Schedule", "SchedulerFunction", "Steps", "scheduler", "sigmas"]

Schedule = Callable[[Table, int], Tensor]
"""(table, M) to levels (M+1,) float32 on the CPU, falling to 0."""

_SPREAD: dict[str, Schedule] = {
    "normal": normal,
    "karras": karras,
    "exponential": exponential,
    "sgm_uniform": sgm_uniform,
    "simple": simple,
    "ddim_uniform": ddim_uniform,
    "beta": beta,
    "linear_quadratic": linear_quadratic,
    "kl_optimal": kl_optimal,
}
_ALIGNED: dict[str, Schedule] = {
    f"AYS {model}": lambda _, steps, model=model: aligned(model, steps)  # type: ignore[misc]
    for model in ("SD1", "SDXL", "SVD")
}
_GITS: dict[str, Schedule] = {
    f"GITS[coeff={value:g}]": lambda _, steps, value=value: gits(value, steps)  # type: ignore[misc]
    for value in COEFFICIENTS
}
SCHEDULERS: Mapping[str, Schedule] = MappingProxyType(_SPREAD | _ALIGNED | _GITS)
"""By name; published ones do not look at the table."""
# Above this ComfyUI takes the whole schedule.
_WHOLE = 0.9999
_MOST = 10_000_000


def scheduler(name: str) -> Schedule:
    """The schedule of a name; the coefficient of GITS may have any number of decimals.

    Raises:
        InputError: There is none; the message lists all.
    """
    coefficient = re.fullmatch(r"GITS\[coeff=(\d+(?:\.\d+)?)\]", name)
    wanted = f"GITS[coeff={float(coefficient[1]):g}]" if coefficient else name
    if wanted not in SCHEDULERS:
        raise InputError(f"scheduler {name!r} is unknown; known: {', '.join(SCHEDULERS)}")
    return SCHEDULERS[wanted]


def sigmas(wish: Steps, table: Table) -> Tensor:
    """The noise levels to stop at, with ComfyUI's meaning of steps and denoise.

    The whole schedule has floor(steps / denoise) steps; its last `steps` are taken. Only with
    denoise 1 may there be another number of steps (`ddim_uniform` has more, but not with
    `from_start`; `beta` fewer where steps are many).

    Returns:
        (N+1,) float32 on the CPU, falling to 0; empty where denoise is 0.

    Raises:
        InputError: The scheduler is unknown, or a number is out of its range.
    """
    if wish.sigmas:
        return _own(wish.sigmas)
    _check(wish)
    if wish.denoise == 0:
        return torch.zeros(0)
    whole = wish.denoise > _WHOLE
    count = wish.steps if whole else int(wish.steps / wish.denoise)
    if count > _MOST:
        raise InputError(f"steps={wish.steps} of denoise={wish.denoise} are too many; ask for less")
    levels = _whole(wish, table, count)
    if wish.from_start and len(levels) > count + 1:
        levels = torch.cat([levels[:count], levels.new_zeros(1)])
    return levels if whole else levels[-(wish.steps + 1) :]


def _whole(wish: Steps, table: Table, count: int) -> Tensor:
    spread = scheduler(wish.scheduler)
    if wish.sampler_name in DISCARD_PENULTIMATE:
        levels = spread(table, count + 1)
        levels = torch.cat([levels[:-2], levels[-1:]])
    else:
        levels = spread(table, count)
    return levels if wish.func is None else wish.func(table, wish.sampler_name, levels)


def _check(wish: Steps) -> None:
    if wish.steps < 1:
        raise InputError(f"steps={wish.steps} is out of range: it must be at least 1")
    if not 0 <= wish.denoise <= 1:
        raise InputError(f"denoise={wish.denoise} is out of range: it must be 0 to 1")


def _own(levels: tuple[float, ...]) -> Tensor:
    fine = all(math.isfinite(level) and level >= 0 for level in levels)
    falling = all(high > low for high, low in pairwise(levels))
    if len(levels) < 2 or not fine or not falling:
        raise InputError(f"sigmas={levels} must be two or more numbers, falling, none below 0")
    return torch.tensor(levels)
