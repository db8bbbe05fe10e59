"""Work: one picture from its file to its file."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from detailer.apps.cli import sheet
from detailer.apps.cli.done import Done
from detailer.apps.cli.options import Choice
from detailer.apps.cli.progress import Outcome, Reporter
from detailer.apps.cli.record import record
from detailer.apps.cli.targets import Job, make_folder, name_too_long
from detailer.apps.files import Photo, Write, check_target, write, write_untouched
from detailer.core.canvas import Canvas
from detailer.core.pixels import Native
from detailer.core.plan import Plan
from detailer.engines.upscalers.esrgan import Esrgan, Factor, Upscaled
from detailer.errors import InputError, OutputError
from detailer.flow import Detailer
from detailer.recipe import Recipe


@dataclass(frozen=True)
class Upscale:
    """Enlarging whole pictures so many times before they are detailed."""

    esrgan: Esrgan
    times: Factor

    def __call__(self, job: Job, photo: Photo, reporter: Reporter) -> Native:
        """The enlarged pixels; the reporter hears of every tile."""
        for step in self.esrgan.upscale(photo.pixels, self.times, photo.colour):
            if isinstance(step, Upscaled):
                return step.pixels
            reporter.step(job, step)
        raise AssertionError("upscale ends with the pixels")

    def foreseen(self, photo: Photo) -> Photo:
        """A picture of the size to come, to ask whether it can be written: no memory is used."""
        height, width, *channels = photo.pixels.shape
        size = (height * self.times, width * self.times, *channels)
        return replace(photo, pixels=np.broadcast_to(photo.pixels[:1, :1], size))


@dataclass(frozen=True)
class Work:
    """What is done to each picture.

    Attributes:
        plan: What the first pass does, if that was decided before.
        only: The regions that are painted, if not all.
        skip_empty: Do not write pictures in which nothing was painted.
    """

    detailer: Detailer
    choice: Choice
    write: Write
    upscale: Upscale | None = None
    plan: Plan | None = None
    only: frozenset[int] = frozenset()
    skip_empty: bool = False

    def __call__(self, job: Job, photo: Photo, reporter: Reporter) -> Outcome:
        """Do it.

        Raises:
            DetailerError: If it cannot be done; nothing is written then.
        """
        for path in (job.target, job.preview):
            # Frames are numbered, which makes the names of a file longer.
            if path and (reason := name_too_long(path)):
                raise OutputError(reason)
        make_folder(job.target.parent)
        check_target(
            self.upscale.foreseen(photo) if self.upscale else photo, job.target, self.write
        )
        pixels = self.upscale(job, photo, reporter) if self.upscale else photo.pixels
        canvas = Canvas(pixels, photo.colour)
        done = Done(canvas.size, canvas.fingerprint, self.upscale.times if self.upscale else 1)
        self._detail(job, canvas, done, reporter)
        if not done.count("painted"):
            done.remark = self._remark(done)
            # Where all failed there is no result, and nothing in the way of the next try.
            if self.skip_empty or done.count("failed"):
                return Outcome(done)
        # What was not painted is written as it lay there: no pixel of a JPEG moves.
        untouched = not (done.count("painted") or self.upscale)
        if not (untouched and write_untouched(photo, job.target, self.write)):
            text = record(done, self._recipe, self.choice.beside)
            write(photo, canvas.pixels, job.target, text, self.write)
        if job.preview is None or not done.entries():
            return Outcome(done, (job.target,))
        title = sheet.Title(job.target.name, self.choice.recipe.about)
        before = Canvas(pixels, photo.colour)
        sheet.save(sheet.draw(before, canvas, done, title), job.preview)
        return Outcome(done, (job.target, job.preview))

    def _detail(self, job: Job, canvas: Canvas, done: Done, reporter: Reporter) -> None:
        if self.plan is None:
            reporter.find(job)
        for step in self._detailer.steps(canvas, self._plan(canvas)):
            done.take(step)
            reporter.step(job, step)
            del step  # a painted patch is large

    def _remark(self, done: Done) -> str:
        if entries := done.entries():
            sharp = all(entry.reason.startswith("sharp already") for entry in entries)
            hint = "; what is drawn wrong needs a diffusion model: --painter diffusion:FILE"
            return f"nothing painted{hint if sharp else ''}"
        detector = self.choice.recipe.detect.detector
        given = detector.startswith("mask:")
        return f"nothing to paint: {detector[5:]} marks nothing" if given else "nothing found"

    @property
    def _recipe(self) -> Recipe:
        """What is carried out, with the defaults of the painters' models in it."""
        first, *later = (passing.recipe for passing in self.detailer.passes())
        return first.but(then=tuple(later))

    @property
    def _detailer(self) -> Detailer:
        # Single regions are done again alone: further passes would find all others too.
        return replace(self.detailer, then=()) if self.only else self.detailer

    def _plan(self, canvas: Canvas) -> Plan | None:
        if not self.only:
            return self.plan
        plan = self.plan or self.detailer.plan(canvas)
        there = {patch.index for patch in plan.patches} | {skip.index for skip in plan.skipped}
        lacking = sorted(self.only - there)
        if lacking:
            known = f"there are 0 to {max(there)}" if there else "nothing was found"
            raise InputError(f"--only {','.join(map(str, lacking))}: no such region; {known}")
        return plan.only(set(self.only))
