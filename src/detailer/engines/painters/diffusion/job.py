"""Job: one cutout in the painter's terms, and what must be equal in one pass of the network."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass

from torch import Tensor

from detailer.core.geometry import Size
from detailer.core.paint import Paint
from detailer.core.plan import Cutout
from detailer.engines.painters.diffusion.families.family import Family
from detailer.engines.painters.diffusion.fit import Fit, fit_of
from detailer.engines.painters.diffusion.guiders import guider
from detailer.engines.painters.diffusion.masks import Act, act_of
from detailer.engines.painters.diffusion.samplers import sampler
from detailer.engines.painters.diffusion.schedules import SchedulerFunction, Steps, sigmas
from detailer.engines.painters.diffusion.table import Table
from detailer.engines.painters.diffusion.told import Told, told
from detailer.errors import InputError


@dataclass(frozen=True, eq=False)
class Job:
    """A cutout with everything decided that decides which others it can share a pass with."""

    cutout: Cutout
    told: Told
    fit: Fit
    table: Table
    sigmas: Tensor
    schedule: SchedulerFunction | None = None

    @property
    def paint(self) -> Paint:
        """The patch's own settings."""
        return self.cutout.patch.paint

    @property
    def size(self) -> Size:
        """The size that the model sees."""
        return self.fit.size

    @property
    def whole_schedule(self) -> Tensor:
        """All noise levels of the schedule whose last ones are `sigmas`, (M + 1,)."""
        paint = self.paint
        whole = int(paint.steps / paint.denoise)
        wish = Steps(
            paint.scheduler, whole, 1.0, paint.sampler_name, func=self.schedule, sigmas=paint.sigmas
        )
        return sigmas(wish, self.table)

    @property
    def steps(self) -> int:
        """How many steps one cycle of it has."""
        return len(self.sigmas) - 1

    @property
    def split(self) -> int:
        """The step from which the refiner goes on; all of them where there is none."""
        if not self.paint.refiner:
            return self.steps
        return int(self.steps * (1 - self.paint.refiner_ratio))

    @property
    def act(self) -> Act:
        """How its mask acts."""
        return act_of(self.paint, self.cutout.compatible)

    @property
    def needs_negative(self) -> bool:
        """Whether the negative is looked at: not where a scale of 1 would leave nothing of it."""
        return self.paint.cfg != 1 or self.paint.sampler_name.endswith("_cfg_pp")

    @property
    def key(self) -> Hashable:
        """Jobs with the same key can share a batch; all else differs from sample to sample."""
        paint = self.paint
        return (
            self.size,
            self.steps,
            self.split,
            paint.sampler_name,
            paint.cycle,
            self.needs_negative,
            paint.guider,
            self.table.shift,
            self.told.loras,
            paint.inpaint_model,
            paint.refiner,
            tuple((control.kind, control.model) for control in paint.controls),
        )


def job_of(cutout: Cutout, family: Family, schedule: SchedulerFunction | None = None) -> Job:
    """A cutout with its tags read, its size fitted and its noise levels decided.

    Raises:
        InputError: If the sampler, the scheduler or a tag is not known or out of range.
    """
    paint = cutout.patch.paint
    said = told(paint)
    fit = fit_of(cutout, family.multiple)
    table = family.table(fit.size, paint.shift)
    wish = Steps(
        paint.scheduler,
        paint.steps,
        paint.denoise,
        paint.sampler_name,
        # As the nodes count; so there always are as many steps as are asked for.
        from_start=True,
        func=schedule,
        sigmas=paint.sigmas,
    )
    levels = sigmas(wish, table)
    if len(levels) < 2:
        raise InputError(f"denoise={paint.denoise} with scheduler {paint.scheduler} leaves no step")
    if table.space.flow and levels[0] > 1:
        raise InputError(
            f"scheduler {paint.scheduler} or sigmas begin at {levels[0]:g}; a flow model's noise"
            " levels are 0 to 1: take simple or beta"
        )
    sampler(paint.sampler_name)
    guider(paint.guider)
    return Job(cutout, said, fit, table, levels, schedule)


def bucketed(jobs: Sequence[Job], limit: Callable[[Size], int]) -> list[list[Job]]:
    """Batches of jobs that can share a pass, in the order of their first.

    Args:
        jobs: In any order.
        limit: How many of a size that the model sees may share a pass.
    """
    buckets: dict[Hashable, list[Job]] = {}
    for job in jobs:
        buckets.setdefault(job.key, []).append(job)
    return [
        bucket[start : start + limit(bucket[0].size)]
        for bucket in buckets.values()
        for start in range(0, len(bucket), limit(bucket[0].size))
    ]
