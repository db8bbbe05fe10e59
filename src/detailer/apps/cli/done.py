"""Done: what was done to one picture, pass by pass, region by region."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from detailer.core.geometry import Size
from detailer.core.plan import Failed, Painted, Patch, Plan, Skipped
from detailer.core.region import Region
from detailer.flow import Planned, Step


@dataclass(frozen=True)
class Entry:
    """One region and what became of it; `reason` says why it was skipped or failed.

    `notes` is what a painter noted of it, or whoever measured it while it was planned.
    """

    index: int
    region: Region
    state: Literal["painted", "skipped", "failed"]
    patch: Patch | None = None
    reason: str = ""
    notes: Mapping[str, Any] = field(default_factory=dict)


@dataclass
class Pass:
    """One pass over the picture: its plan, and its regions in order."""

    plan: Plan
    found: dict[int, Entry] = field(default_factory=dict)

    @property
    def entries(self) -> list[Entry]:
        """All its regions by their index."""
        return [self.found[index] for index in sorted(self.found)]


@dataclass
class Done:
    """What was done to one picture so far; pixels are not kept.

    Attributes:
        size: Of the picture that was worked on.
        fingerprint: Of its pixels before.
        upscaled: How many times it was enlarged before that.
        remark: Why nothing was painted, if so.
    """

    size: Size
    fingerprint: str
    upscaled: int = 1
    remark: str = ""
    passes: list[Pass] = field(default_factory=list)

    def take(self, step: Step) -> None:
        """Take in one step of the flow."""
        if isinstance(step, Planned):
            self.passes.append(Pass(step.plan))
        elif isinstance(step, Skipped):
            notes = step.notes
            entry = Entry(step.index, step.region, "skipped", reason=step.reason, notes=notes)
            self._add(entry)
        elif isinstance(step, Painted):
            patch = step.patch
            self._add(Entry(patch.index, patch.region, "painted", patch, notes=step.notes))
        elif isinstance(step, Failed):
            patch = step.patch
            self._add(Entry(patch.index, patch.region, "failed", patch, reason=step.reason))

    def entries(self) -> list[Entry]:
        """All regions of all passes."""
        return [entry for one in self.passes for entry in one.entries]

    def count(self, state: str) -> int:
        """How many regions came to a state."""
        return sum(entry.state == state for entry in self.entries())

    def _add(self, entry: Entry) -> None:
        self.passes[-1].found[entry.index] = entry
