"""SA-Solver: a stochastic Adams method that predicts and corrects."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from detailer.engines.painters.diffusion.samplers.run import Run, Step, ended, share
from detailer.engines.painters.diffusion.space import Space, across

_PREDICTED, _CORRECTED = 3, 4
_PLACES, _WIDTHS = np.polynomial.legendre.leggauss(24)


def sa_solver(run: Run, x: Tensor) -> Iterator[Tensor]:
    """SA-Solver (Xue et al., arXiv:2309.05019) of orders 3 and 4, lower at both ends.

    Noise is added in the middle of the schedule (`Space.middle`), as in ComfyUI.
    """
    return _sampled(run, x, again=False)


def sa_solver_pece(run: Run, x: Tensor) -> Iterator[Tensor]:
    """The same with a second look at what was corrected."""
    return _sampled(run, x, again=True)


@dataclass(frozen=True, eq=False)
class _Step:
    """A step that was predicted, to be corrected: from where, with how much noise, (B,)."""

    x: Tensor
    sigma: Tensor
    after: Tensor
    stirs: Tensor
    noise: Tensor

    def solved(self, space: Space, seen: Sequence[tuple[Tensor, Tensor]], orders: Tensor) -> Tensor:
        """x after the step by what was seen: (clean latents, sigma) each, newest first."""
        length = space.half_log_snr(self.after) - space.half_log_snr(self.sigma)
        left = share(self.after, self.sigma) * torch.exp(-self.stirs * length)
        ends = (self.sigma, self.after)
        ratios = [space.half_log_snr(level) for level in (*ends, *(level for _, level in seen))]
        weights = _weights(torch.stack(ratios, dim=1), self.stirs, orders)
        weights = weights * space.alpha(self.after)[:, None]
        parts = [across(w, self.x) * clean for w, (clean, _) in zip(weights.T, seen, strict=True)]
        return across(left, self.x) * self.x + torch.stack(parts).sum(0) + self.noise


def _sampled(run: Run, x: Tensor, again: bool) -> Iterator[Tensor]:
    run = run.below_brim()
    seen: list[tuple[Tensor, Tensor]] = []
    leg: _Step | None = None
    for step in run.steps():
        clean = run.denoise(x, step.sigma)
        seen = [(clean, step.sigma), *seen][:_CORRECTED]
        if leg is not None:
            orders = _orders(run, step, len(seen), _CORRECTED)
            # ComfyUI leaves out the last correction, of which only the second look would tell.
            orders = torch.where(step.last, orders if again else 0, orders)
            corrected = leg.solved(run.space, seen, orders.clamp(min=1))
            x = torch.where(across(orders > 0, x), corrected, x)
            if again:
                clean = run.denoise(x, step.sigma)
                seen[0] = (clean, step.sigma)
        leg = _stirred(run, step, x)
        orders = _orders(run, step, min(len(seen), _PREDICTED), _PREDICTED)
        known = seen[:_PREDICTED]
        x = ended(step, clean, leg.solved(run.space, known, orders.clamp(min=1)))
        yield x


def _orders(run: Run, step: Step, seen: int, most: int) -> Tensor:
    """(B,) how many looks count: fewer towards the end of samples that end without noise."""
    left = run.count - 1 - step.index + (most == _CORRECTED)
    plain = torch.full_like(run.sigmas[:, 0], min(seen, most)).long()
    return torch.where(run.sigmas[:, -1] == 0, plain.clamp(max=left), plain)


def _stirred(run: Run, step: Step, x: Tensor) -> _Step:
    high, low = run.space.middle
    stirs = ((step.look <= high) & (step.look >= low) & ~step.last).to(x.dtype)
    noise = torch.zeros_like(x)
    if not step.ends:
        length = run.space.half_log_snr(step.look) - run.space.half_log_snr(step.sigma)
        amount = stirs * step.look * (-torch.expm1(-2 * length)).clamp(min=0).sqrt()
        noise = across(amount, x) * run.noise(stirs * step.sigma, step.look)
    return _Step(x, step.sigma, step.look, stirs, noise)


def _weights(ratios: Tensor, stirs: Tensor, orders: Tensor) -> Tensor:
    """(B, k) of each look: integrals of exponential and polynomial, 0 beyond a sample's order.

    Args:
        ratios: (B, 2 + k) half log SNR of the step's start and end, and of the looks.
        stirs: (B,) 1 for samples with noise in this step, else 0.
        orders: (B,) how many looks count.
    """
    rows = zip(ratios.tolist(), stirs.tolist(), orders.tolist(), strict=True)
    weights = np.stack([_row(np.array(row), 1 + stir, order) for row, stir, order in rows])
    return torch.from_numpy(weights).float().to(ratios.device)


def _row(ratios: NDArray[np.float64], rate: float, order: int) -> NDArray[np.float64]:
    start, end, looks = ratios[0], ratios[1], ratios[2:]
    known = looks[:order] if len(np.unique(looks[:order])) == order else looks[:1]
    at = start + (end - start) * (_PLACES + 1) / 2
    grown = rate * np.exp(rate * (at - end)) * _WIDTHS * (end - start) / 2
    weights = np.zeros(len(looks))
    for index, own in enumerate(known):
        others = np.delete(known, index)
        weights[index] = grown @ np.prod((at[:, None] - others) / (own - others), axis=1)
    return weights
