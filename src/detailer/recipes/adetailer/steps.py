"""Steps: A1111's steps and strength as steps and denoise, so that the same noise levels are run."""

from __future__ import annotations

import math
from dataclasses import dataclass

# A1111 takes no more of a schedule, so that its first level is never left out wholly.
_STRONGEST = 0.999
_DECIMALS = 12


@dataclass(frozen=True)
class Strength:
    """How A1111 is asked: steps of the whole schedule, and the share of them, 0..1.

    `exact` is its setting by which as many steps are run as are asked for. `by_time` marks the
    samplers that count time steps, which make a step less.
    """

    steps: int
    strength: float
    exact: bool = False
    by_time: bool = False

    @property
    def whole(self) -> int:
        """Steps of the whole schedule."""
        if self.exact and self.strength > 0:
            return int(self.steps / min(self.strength, _STRONGEST))
        return self.steps

    @property
    def run(self) -> int:
        """Steps that are run: its last ones; one at least."""
        last = self.steps - 1 if self.exact else int(min(self.strength, _STRONGEST) * self.steps)
        return max(1, last + (not self.by_time))


@dataclass(frozen=True)
class Counterpart:
    """Paint's steps, which always run, and its denoise, which says of how many they are the last.

    The whole schedule has floor(steps / denoise) steps.
    """

    steps: int
    denoise: float


def counterpart(asked: Strength, more: int = 0) -> Counterpart:
    """The steps and the denoise that run what A1111 runs.

    A1111 lays out `asked.whole` noise levels and starts at the one before the last
    int(strength · steps), so it makes a step more than that. Of all denoise that have a schedule
    of as many steps the shortest number is taken: 12 of 28 steps are 0.42, for 12 / 0.42 is 28
    and a bit. Where all of them are run it is 1.

    Args:
        asked: What A1111 is asked.
        more: Steps to add to both, for a schedule that counts otherwise.
    """
    whole, run = asked.whole + more, asked.run + more
    if run >= whole:
        return Counterpart(whole, 1.0)
    for decimals in range(1, _DECIMALS):
        scale = 10**decimals
        denoise = math.floor(run / whole * scale) / scale
        if denoise > 0 and int(run / denoise) == whole:
            return Counterpart(run, denoise)
    return Counterpart(run, run / (whole + 0.5))
