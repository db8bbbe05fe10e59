"""Slots: which control of which region goes where, where a batch shares the models that guide."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import torch
from torch import Tensor

from detailer.core.paint import Control

if TYPE_CHECKING:
    from detailer.engines.painters.diffusion.job import Job


@dataclass(frozen=True, eq=False)
class Slot:
    """One model's place in a pass: the control of each job that has one there.

    A region that uses a model twice needs two slots of it.
    """

    model: str
    jobs: Sequence[Job]
    controls: Sequence[Control | None]

    @property
    def strength(self) -> Tensor:
        """(B,) float32, 0 for the jobs that have no control here."""
        return torch.tensor([0.0 if each is None else each.strength for each in self.controls])

    @property
    def first(self) -> Tensor:
        """(B,) float32: the highest noise level at which it acts."""
        return torch.tensor([self._level(row, "start") for row in range(len(self.jobs))])

    @property
    def last(self) -> Tensor:
        """(B,) float32: the noise level just below the lowest at which it acts.

        In ComfyUI a control still acts at the very level where it ends.
        """
        ends = torch.tensor([self._level(row, "end") for row in range(len(self.jobs))])
        return torch.nextafter(ends, torch.full_like(ends, -1.0))

    def _level(self, row: int, end: Literal["start", "end"]) -> float:
        """The noise level of a share of training's steps, as ComfyUI counts start and end."""
        control = self.controls[row]
        share = 0.0 if control is None else getattr(control, end)
        return self.jobs[row].table.at_percent(share)


def slots(jobs: Sequence[Job], kind: Literal["control", "reference"]) -> list[Slot]:
    """The slots that a batch needs, in the order of their first use.

    A control of strength 0 needs none: it is as if it were not there.
    """
    taken: dict[tuple[str, int], dict[int, Control]] = {}
    for row, job in enumerate(jobs):
        count: Counter[str] = Counter()
        for control in job.paint.controls:
            if control.kind == kind and control.strength > 0:
                place = control.model, count[control.model]
                taken.setdefault(place, {})[row] = control
                count[control.model] += 1
    return [
        Slot(model, jobs, [controls.get(row) for row in range(len(jobs))])
        for (model, _), controls in taken.items()
    ]
