"""Progress: how a run is told, in plain lines, as JSON lines, or not at all."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, TextIO

from detailer.apps.cli.done import Done, Entry
from detailer.apps.cli.record import noted, rounded, seen
from detailer.apps.cli.targets import Job
from detailer.core.plan import Failed, Painted, Progress, Skipped
from detailer.flow import Planned, Step


@dataclass(frozen=True)
class Outcome:
    """A picture that is finished: what was done, and the files that were written."""

    done: Done
    files: tuple[Path, ...] = ()


class Reporter(Protocol):
    """What hears how a run goes."""

    def load(self, painter: str) -> None:
        """A painter's model is loaded, which may take a while."""

    def start(self, job: Job) -> None:
        """A picture is begun."""

    def find(self, job: Job) -> None:
        """Regions are looked for in it, which takes a while in tiles or with a large model."""

    def step(self, job: Job, step: Step) -> None:
        """Something happened to it."""

    def finish(self, job: Job, outcome: Outcome) -> None:
        """It is finished."""

    def fail(self, job: Job, reason: str) -> None:
        """It could not be done."""

    def total(self, pictures: int, failures: int) -> None:
        """All of them are through."""

    def close(self) -> None:
        """The run has ended, be it by force."""


def complain(source: Path, reason: str) -> None:
    """A line on the error output for a picture, or a part of it, that failed."""
    sys.stderr.write(f"detailer: {about(source, reason)}\n")


@dataclass
class Silent:
    """Says nothing but what failed."""

    def load(self, painter: str) -> None:
        """Nothing."""

    def start(self, job: Job) -> None:
        """Nothing."""

    def find(self, job: Job) -> None:
        """Nothing."""

    def step(self, job: Job, step: Step) -> None:
        """A line for a region that failed."""
        if isinstance(step, Failed):
            complain(job.source, f"region {step.patch.index} stays as it was: {step.reason}")

    def finish(self, job: Job, outcome: Outcome) -> None:
        """Nothing."""

    def fail(self, job: Job, reason: str) -> None:
        """A line for a picture that failed."""
        complain(job.source, reason)

    def total(self, pictures: int, failures: int) -> None:
        """Nothing."""

    def close(self) -> None:
        """Nothing."""


@dataclass
class Lines(Silent):
    """One line for each thing that happens, for logs."""

    out: TextIO
    _doing: Progress = field(default_factory=lambda: Progress(0, 0))

    def load(self, painter: str) -> None:
        """A line."""
        self._say(f"loading {painter} …")

    def find(self, job: Job) -> None:
        """A line."""
        self._say(f"{job.source}: finding …")

    def step(self, job: Job, step: Step) -> None:
        """A line; of progress only when something is begun."""
        super().step(job, step)
        text = told(step)
        if isinstance(step, Progress):
            goes_on = step.text == self._doing.text and step.done > self._doing.done
            self._doing = step
            text = "" if goes_on else f"{step.text} …"
        if text:
            self._say(f"{job.source}: {text}")

    def finish(self, job: Job, outcome: Outcome) -> None:
        """What was written where."""
        self._say(summary(job, outcome))

    def total(self, pictures: int, failures: int) -> None:
        """How many there were, if there were several."""
        if pictures > 1:
            self._say(f"{pictures - failures} of {pictures} pictures done")

    def _say(self, text: str) -> None:
        self.out.write(text + "\n")
        self.out.flush()


@dataclass
class JsonLines(Silent):
    """One JSON object in a line for each thing that happens, for programs."""

    out: TextIO
    _pass: int = 0

    def start(self, job: Job) -> None:
        """Passes are counted anew."""
        self._pass = 0

    def find(self, job: Job) -> None:
        """That it has begun."""
        self._say({"step": "finding", "picture": str(job.source)})

    def step(self, job: Job, step: Step) -> None:
        """Its kind, and what is known of it."""
        super().step(job, step)
        self._pass += isinstance(step, Planned)
        values = _values(step)
        if values:
            self._say({**values, "pass": self._pass, "picture": str(job.source)})

    def finish(self, job: Job, outcome: Outcome) -> None:
        """The files that were written, and the counts."""
        done, files = outcome.done, [str(path) for path in outcome.files]
        counts = {state: done.count(state) for state in ("painted", "skipped", "failed")}
        values: dict[str, Any] = {"step": "finished", "picture": str(job.source)}
        values |= {"output": files[0] if files else None, "files": files, "regions": counts}
        if done.remark:
            self._say({"step": "skipped", "reason": done.remark, "picture": str(job.source)})
        self._say(values)

    def fail(self, job: Job, reason: str) -> None:
        """The reason, here and on the error output."""
        super().fail(job, reason)
        self._say({"step": "failed", "picture": str(job.source), "reason": reason})

    def total(self, pictures: int, failures: int) -> None:
        """How many pictures there were, and how many failed."""
        self._say({"step": "done", "pictures": pictures, "failures": failures})

    def _say(self, values: dict[str, Any]) -> None:
        self.out.write(json.dumps(values, ensure_ascii=False, default=str) + "\n")
        self.out.flush()


def told(step: Step) -> str:
    """A step in words; empty for those that are not told one by one."""
    if isinstance(step, Planned):
        found = len(step.plan.patches) + len(step.plan.skipped)
        return f"{found} found, {len(step.plan.patches)} to paint" if found else ""
    if isinstance(step, Skipped):
        return f"region {step.index} skipped: {step.reason}"
    if isinstance(step, Painted):
        patch = step.patch
        return f"region {patch.index} painted at {patch.size}, seed {patch.paint.seed}"
    return ""


def summary(job: Job, outcome: Outcome) -> str:
    """What came of a picture, in one line."""
    done = outcome.done
    counts = [f"{done.count(s)} {s}" for s in ("painted", "skipped", "failed") if done.count(s)]
    said = ", ".join([*counts, *([done.remark] if done.remark else [])])
    files = ", ".join(str(path) for path in outcome.files) or "not written"
    return f"{job.source} -> {files} ({said})"


def _values(step: Step) -> dict[str, Any]:
    """A step as JSON values; empty for the last one, of which `finish` tells more."""
    if isinstance(step, Planned):
        plan = step.plan
        size = [plan.size.width, plan.size.height]
        counts = {"patches": len(plan.patches), "skipped": len(plan.skipped)}
        return {"step": "planned", "size": size, **counts}
    if isinstance(step, Progress):
        return {"step": "progress", "done": step.done, "total": step.total, "text": step.text}
    if isinstance(step, Skipped):
        notes = step.notes
        entry = Entry(step.index, step.region, "skipped", reason=step.reason, notes=notes)
        return {"step": "skipped", "index": step.index, **seen(entry), **noted(entry)}
    if isinstance(step, Painted | Failed):
        patch = step.patch
        state: Any = "painted" if isinstance(step, Painted) else "failed"
        reason = step.reason if isinstance(step, Failed) else ""
        notes = step.notes if isinstance(step, Painted) else {}
        entry = Entry(patch.index, patch.region, state, reason=reason, notes=notes)
        return {
            "step": state,
            "index": patch.index,
            **seen(entry),
            "window": rounded(patch.window.box),
            "size": [patch.size.width, patch.size.height],
            "seed": patch.paint.seed,
            **noted(entry),
        }
    return {}


def about(path: Path, reason: str) -> str:
    """The reason with the file's name before it, unless it is in there."""
    # Most errors of files begin with the file's name already.
    return reason if str(path) in reason else f"{path}: {reason}"
