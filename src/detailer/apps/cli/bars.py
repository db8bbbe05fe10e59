"""Bars: how a run goes, on a terminal, with rich."""

from __future__ import annotations

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from detailer.apps.cli.progress import Outcome, about, summary
from detailer.apps.cli.targets import Job
from detailer.core import plan as work
from detailer.flow import Planned, Step


class Bars:
    """A bar for the picture at hand and one for all of them; finished pictures stay as lines."""

    def __init__(self, pictures: int) -> None:
        self._console = Console(highlight=False, soft_wrap=True)
        self._bars = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(bar_width=28),
            TextColumn("{task.fields[what]}"),
            TimeElapsedColumn(),
            console=self._console,
            transient=True,
        )
        self._bars.start()
        self._all = self._bars.add_task(
            "all pictures", total=pictures, what=f"0 of {pictures}", visible=pictures > 1
        )
        self._one = self._bars.add_task("", total=None, what="", visible=False)
        self._painted = 0
        self._patches = 0

    def load(self, painter: str) -> None:
        """Show what is waited for."""
        self._wait(painter, "loading")

    def start(self, job: Job) -> None:
        """Show its name."""
        self._painted = self._patches = 0
        self._wait(job.source.name, "reading")

    def find(self, job: Job) -> None:
        """Show that it is looked at; how far that is nobody knows."""
        self._wait(job.source.name, "finding")

    def step(self, job: Job, step: Step) -> None:
        """Move its bar."""
        if isinstance(step, Planned):
            self._patches, self._painted = len(step.plan.patches), 0
            self._show(0, "painting" if self._patches else "nothing found")
        elif isinstance(step, work.Progress):
            share = step.done / step.total if step.total else 0
            told = f"{step.text} {100 * share:.0f} %"
            if self._patches:
                # How many regions are meant is not known, so that only the words move.
                self._bars.update(self._one, what=f"{self._count()}; {escape(told)}")
            else:
                self._bars.update(self._one, total=1, completed=share, what=escape(told))
        elif isinstance(step, work.Painted | work.Failed):
            self._painted += 1
            self._show(self._painted, self._count())
            if isinstance(step, work.Failed):
                self._warn(f"{job.source}: region {step.patch.index} stays: {step.reason}")

    def finish(self, job: Job, outcome: Outcome) -> None:
        """Leave a line for it."""
        mark = "[yellow]-[/]" if outcome.done.remark else "[green]✓[/]"
        self._bars.print(f"{mark} {escape(summary(job, outcome))}")
        self._next()

    def fail(self, job: Job, reason: str) -> None:
        """Leave a line for it, in red."""
        self._warn(about(job.source, reason))
        self._next()

    def total(self, pictures: int, failures: int) -> None:
        """How many are done, where that is not all."""
        if failures:
            self._bars.print(f"{pictures - failures} of {pictures} pictures done")

    def close(self) -> None:
        """Take the bars away."""
        self._bars.stop()

    def _wait(self, name: str, what: str) -> None:
        self._bars.reset(self._one, description=escape(name), visible=True, what=what)
        # To rich, a total of None leaves the last one.
        self._bars.tasks[self._one].total = None

    def _show(self, painted: int, what: str) -> None:
        self._bars.update(self._one, total=max(self._patches, 1), completed=painted, what=what)

    def _count(self) -> str:
        return f"{self._painted} of {self._patches} painted"

    def _warn(self, text: str) -> None:
        self._bars.print(f"[red]✗[/] {escape(text)}")

    def _next(self) -> None:
        self._bars.update(self._one, visible=False)
        self._bars.advance(self._all)
        task = self._bars.tasks[self._all]
        self._bars.update(self._all, what=f"{task.completed:.0f} of {task.total:.0f}")
