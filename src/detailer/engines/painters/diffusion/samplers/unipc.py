"""UniPC: predicts a step, and corrects it by what is seen at its end."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property

import torch
from torch import Tensor

from detailer.engines.painters.diffusion.samplers.run import Run, share, towards
from detailer.engines.painters.diffusion.space import across

_ORDER = 3
# What stands for 0 at the end, where the signal-to-noise ratio is no number.
_NEARLY_CLEAN = 0.001
# By how much half the log SNR is uncertain where sigma is 1; it grows as sigma^-2.
_GRAIN = 4e-7


def uni_pc(run: Run, x: Tensor) -> Iterator[Tensor]:
    """UniPC (Zhao et al., arXiv:2302.04867), B1(h), of order 3, lower at both ends.

    As in ComfyUI the last level is 0.001 instead of 0, and sigma means what it does where
    variance explodes, also of flows.
    """
    return _predicted_and_corrected(run, x, second_kind=False)


def uni_pc_bh2(run: Run, x: Tensor) -> Iterator[Tensor]:
    """The same with B2(h)."""
    return _predicted_and_corrected(run, x, second_kind=True)


@dataclass(frozen=True, eq=False)
class _Leg:
    """A step to solve: its levels, after it and then newest first, and what was seen at these."""

    x: Tensor
    seen: tuple[Tensor, ...]
    levels: Tensor
    """(B, 1 + k) sigma."""
    second_kind: bool

    @cached_property
    def ratios(self) -> Tensor:
        """(B, 1 + k) half the logarithm of the signal-to-noise ratio."""
        return _half_log_snr(self.levels)

    @cached_property
    def length(self) -> Tensor:
        """(B,) how far the step goes in it."""
        return self.ratios[:, 0] - self.ratios[:, 1]

    @cached_property
    def back(self) -> Tensor:
        """(B, k): where all levels but the newest lie, in steps from it; 1 is the step's end."""
        others = torch.cat([self.ratios[:, 2:], self.ratios[:, :1]], dim=1)
        return share(others - self.ratios[:, 1:2], self.length[:, None])

    @cached_property
    def factor(self) -> Tensor:
        """(B,) exp(-length) - 1."""
        return torch.expm1(-self.length)

    @cached_property
    def base(self) -> Tensor:
        """(B,) the paper's B(h)."""
        return self.factor if self.second_kind else -self.length

    @cached_property
    def straight(self) -> Tensor:
        """x after the step to first order, in the peers' single precision."""
        scaled = _scaled(self.levels[:, :2])
        left = share(scaled[:, 0], scaled[:, 1])
        return across(left, self.x) * self.x - across(self.factor, self.x) * self.seen[0]

    def bent(self, change: Tensor) -> Tensor:
        """x after the step with what slopes add; without, where levels cannot be told apart."""
        between = self.ratios[:, :-1] - self.ratios[:, 1:]
        far = between.isfinite() & (between > _GRAIN / self.levels[:, :-1] ** 2)
        plain = towards(self.x, self.seen[0], self.levels[:, 1], self.levels[:, 0])
        x = self.straight - across(self.base, self.x) * change
        return torch.where(across(far.all(dim=1), x), x, plain)


def _predicted_and_corrected(run: Run, x: Tensor, second_kind: bool) -> Iterator[Tensor]:
    run = replace(run, sigmas=_nearly_clean(run.sigmas))
    order = max(1, min(_ORDER, run.count - 1))
    leg: _Leg | None = None
    seen: tuple[Tensor, ...] = ()
    for step in run.steps():
        clean = run.denoise(x, step.sigma)
        x = x if leg is None else _corrected(leg, clean)
        seen = (clean, *seen)[:order]
        here = min(order, step.index + 1, run.count - step.index)
        levels = run.sigmas[:, step.index + 1 - here : step.index + 2].flip(1)
        leg = _Leg(x, seen[:here], levels, second_kind)
        x = _predicted(leg)
        yield x


def _nearly_clean(sigmas: Tensor) -> Tensor:
    last = torch.where(sigmas[:, -1] == 0, sigmas[:, -2].clamp(max=_NEARLY_CLEAN), sigmas[:, -1])
    return torch.cat([sigmas[:, :-1], last[:, None]], dim=1)


def _predicted(leg: _Leg) -> Tensor:
    order = len(leg.seen)
    if order == 1:
        return leg.bent(torch.zeros_like(leg.x))
    weights = _half(leg) if order == 2 else _solved(leg, order - 1)
    return leg.bent(_slopes(leg, weights))


def _corrected(leg: _Leg, clean: Tensor) -> Tensor:
    weights = _half(leg) if len(leg.seen) == 1 else _solved(leg, len(leg.seen))
    change = across(weights[:, -1], leg.x) * (clean - leg.seen[0])
    return leg.bent(change + _slopes(leg, weights[:, :-1]))


def _half(leg: _Leg) -> Tensor:
    return torch.full_like(leg.length, 0.5)[:, None]


def _slopes(leg: _Leg, weights: Tensor) -> Tensor:
    """Weighted changes since earlier levels, (B, k-1), by how far those lie back."""
    total = torch.zeros_like(leg.x)
    scaled = share(weights, leg.back[:, :-1])
    for weight, old in zip(scaled.T, leg.seen[1:], strict=True):
        total = total + across(weight, leg.x) * (old - leg.seen[0])
    return total


def _solved(leg: _Leg, order: int) -> Tensor:
    """(B, order) weights that make the step right to that order (equation 5 of the paper)."""
    back = leg.back[:, :order]
    powers = torch.stack([back**power for power in range(order)], dim=1)
    length = -leg.length
    term, factorial, wanted = share(leg.factor, length) - 1, 1.0, []
    for power in range(1, order + 1):
        wanted.append(share(term * factorial, leg.base))
        factorial *= power + 1
        term = share(term, length) - 1 / factorial
    # A sample whose levels come twice has no solution; nobody looks at its weights.
    solution: Tensor = torch.linalg.solve_ex(powers, torch.stack(wanted, dim=1))[0]
    return solution


def _log_alpha(sigma: Tensor) -> Tensor:
    return 0.5 * torch.log(1 / (sigma * sigma + 1))


def _scaled(sigma: Tensor) -> Tensor:
    """Sigma again, by way of variance-preserving diffusion, as the peers have it.

    In single precision 2 % off at 0.001, and in what ComfyUI gives that can be seen.
    """
    log = _log_alpha(sigma)
    return torch.sqrt(1 - torch.exp(2 * log)) / torch.exp(log)


def _half_log_snr(sigma: Tensor) -> Tensor:
    """-log(sigma), on the same way."""
    log = _log_alpha(sigma)
    return log - 0.5 * torch.log(1 - torch.exp(2 * log))
