"""Steps: how many noise levels, spread how, for which sampler."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor

from detailer.engines.painters.diffusion.table import Table

SchedulerFunction = Callable[[Table, str, Tensor], Tensor]
"""(table, sampler's name, the whole schedule (M+1,)) to a schedule."""


@dataclass(frozen=True)
class Steps:
    """What a user asks for; `steps` of them are taken whatever the denoise is."""

    scheduler: str = "normal"
    steps: int = 20
    denoise: float = 1.0
    """Above 0 to 1: the last `steps` of steps / denoise are taken; 0 takes none."""
    sampler_name: str = "euler"
    from_start: bool = False
    """Whether steps are counted from the start of the whole schedule, as the Impact Pack does; its
    end is cut off where it has more than it should have (`ddim_uniform`)."""
    func: SchedulerFunction | None = None
    """Changes the whole schedule before its last steps are taken."""
    sigmas: tuple[float, ...] = ()
    """A user's own noise levels, falling: taken as they are, instead of all of the above."""
