"""Dry: what a run would do and cost, told without painting and without loading weights."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final, Protocol

from detailer.apps.cli import DONE, FAILED
from detailer.apps.cli.options import Choice, photos
from detailer.apps.cli.progress import complain
from detailer.apps.cli.record import rounded
from detailer.apps.cli.targets import Job
from detailer.core.canvas import Canvas
from detailer.core.paint import Paint
from detailer.core.plan import Plan
from detailer.engines.catalog import Spec, check_engine
from detailer.engines.foreseen import check_files, estimator
from detailer.errors import DetailerError, InputError
from detailer.flow import Detailer
from detailer.prompts.wording import TEXTS, Wording

_NAMING: Final = (
    *TEXTS, "painter", "prompt_syntax", "loras", "controls", "refiner", "sampler_name",
    "scheduler", "guider",
)  # fmt: skip


class Cost(Protocol):
    """What a painter foresees for a plan."""

    def values(self) -> dict[str, Any]:
        """As plain values."""

    def lines(self) -> list[str]:
        """In words."""


@dataclass(frozen=True)
class Foreseen:
    """What would be done to one picture, and what that costs by painter, where it is known."""

    job: Job
    plan: Plan
    costs: Mapping[str, Cost]

    def values(self) -> dict[str, Any]:
        """As plain values, for JSON."""
        waves = self.plan.wave_numbers()
        return {
            "picture": str(self.job.source),
            "output": str(self.job.target),
            "size": [self.plan.size.width, self.plan.size.height],
            "patches": [
                {
                    "index": patch.index,
                    "label": patch.region.label,
                    "box": rounded(patch.region.box),
                    "window": rounded(patch.window.box),
                    "size": [patch.size.width, patch.size.height],
                    "wave": wave,
                    "painter": patch.paint.painter,
                    "seed": patch.paint.seed,
                }
                for patch, wave in zip(self.plan.patches, waves, strict=True)
            ],
            "skipped": [{"index": skip.index, "reason": skip.reason} for skip in self.plan.skipped],
            "costs": {painter: cost.values() for painter, cost in self.costs.items()},
        }

    def lines(self) -> Iterator[str]:
        """In words."""
        plan = self.plan
        count = len(plan.patches) + len(plan.skipped)
        yield (
            f"{self.job.source}: {count} found, {len(plan.patches)} to paint -> {self.job.target}"
        )
        for patch, wave in zip(plan.patches, plan.wave_numbers(), strict=True):
            name = f"  region {patch.index} {patch.region.label}".rstrip()
            shown = f"{patch.window.box.size} px painted at {patch.size} by {patch.paint.painter}"
            yield f"{name}: {shown}, wave {wave}"
        for skip in plan.skipped:
            yield f"  region {skip.index} skipped: {skip.reason}"
        for painter, cost in self.costs.items():
            yield f"  {painter}"
            yield from (f"    {line}" for line in cost.lines())


def tell(
    todo: Sequence[Job], choice: Choice, arguments: argparse.Namespace, plan: Plan | None
) -> int:
    """Say what would be done to every picture by the first pass. The exit code.

    Raises:
        DetailerError: If something is wrong before the first picture is looked at.
    """
    if arguments.upscale > 1:
        raise InputError("--dry-run looks at pictures as they are; leave --upscale out")
    detailer = choice.load(without="painters")
    checks = _Checks(choice)
    _check_engines(detailer, checks, plan)
    failures = 0
    for job in todo:
        try:
            found = photos(job.source, arguments)
            for number, photo in enumerate(found):
                single = job.frame(number + 1) if len(found) > 1 else job
                made = _planned(Canvas(photo.pixels, photo.colour), detailer, arguments, plan)
                checks([patch.paint for patch in made.patches])
                _say(Foreseen(single, made, _costs(made, detailer, choice)), arguments)
        except DetailerError as error:
            complain(job.source, str(error))
            failures += 1
    if detailer.then and not (arguments.json or arguments.quiet):
        later = len(list(detailer.passes())) - 1
        sys.stdout.write(
            f"then {later} further pass{'es' * (later > 1)}, on what this one leaves\n"
        )
    return FAILED if failures else DONE


@dataclass
class _Checks:
    """What painters are asked for, looked at once however many regions ask for it."""

    choice: Choice
    done: set[Paint] = field(default_factory=set)

    def __call__(self, paints: Iterable[Paint]) -> None:
        """Refuse what could not be painted with."""
        asked = {Paint(**{name: getattr(paint, name) for name in _NAMING}) for paint in paints}
        if asked - self.done:
            check_files(list(asked - self.done), self.choice.diffusion)
            self.done |= asked


def _check_engines(detailer: Detailer, checks: _Checks, plan: Plan | None) -> None:
    """Refuse what a run would refuse before its first picture."""
    if checks.choice.upscaler:
        check_engine("upscaler", checks.choice.upscaler)
    # With a plan only its own painters are opened.
    checks(_common(passing.recipe.paint) for passing in detailer.passes() if plan is None)


def _common(paint: Paint) -> Paint:
    """The settings with what all regions are told; what is chosen for each is left out."""
    words = Wording.of(paint).common
    return paint.but(**words.changes(paint) if words else dict.fromkeys(TEXTS, ""))


def _planned(
    canvas: Canvas, detailer: Detailer, arguments: argparse.Namespace, plan: Plan | None
) -> Plan:
    made = plan or detailer.plan(canvas)
    made.check(canvas)
    return made.only(set(arguments.only)) if arguments.only else made


def _costs(plan: Plan, detailer: Detailer, choice: Choice) -> dict[str, Cost]:
    costs: dict[str, Cost] = {}
    for painter in dict.fromkeys(patch.paint.painter for patch in plan.patches):
        known = estimator(painter)
        if known is not None:
            own = tuple(patch for patch in plan.patches if patch.paint.painter == painter)
            size = detailer.recipe.paint.batch_size
            path = Spec.parse(painter).path
            costs[painter] = known(path, replace(plan, patches=own), size, choice.diffusion)
    return costs


def _say(foreseen: Foreseen, arguments: argparse.Namespace) -> None:
    if arguments.json:
        sys.stdout.write(json.dumps(foreseen.values(), ensure_ascii=False) + "\n")
    elif not arguments.quiet:
        sys.stdout.writelines(f"{line}\n" for line in foreseen.lines())
