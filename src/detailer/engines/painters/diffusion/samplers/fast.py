"""DPM-Solver-fast: a third as many steps, of up to three looks each, at levels of its own."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from detailer.engines.painters.diffusion.samplers.euler import euler
from detailer.engines.painters.diffusion.samplers.run import Run, slope
from detailer.engines.painters.diffusion.space import across


def dpm_fast(run: Run, x: Tensor) -> Iterator[Tensor]:
    """DPM-Solver-fast (Lu et al., arXiv:2206.00927): N looks, and x after each.

    Of the schedule only the ends count: levels between are spread evenly by logarithm. As in
    ComfyUI it ends where a schedule is before its 0; a single step goes to 0 nevertheless.
    """
    if run.count == 1:
        yield from euler(run, x)
        return
    orders = _orders(run.count)
    levels = _levels(run.sigmas, len(orders))
    for order, before, after in zip(orders, levels, levels[1:], strict=False):
        for moved in _leap(run, x, (before, after), order):
            yield moved
        x = moved


def _orders(count: int) -> list[int]:
    threes, rest = divmod(count, 3)
    return [3] * threes + [rest] if rest else [3] * (threes - 1) + [2, 1]


def _levels(sigmas: Tensor, steps: int) -> Tensor:
    """(steps + 1, B) logarithms."""
    last = torch.where(sigmas[:, -1] == 0, sigmas[:, -2], sigmas[:, -1])
    first, last = sigmas[:, 0].log(), last.log()
    ramp = torch.linspace(0, 1, steps + 1, device=sigmas.device)[:, None]
    return first + ramp * (last - first)


def _leap(run: Run, x: Tensor, ends: tuple[Tensor, Tensor], order: int) -> Iterator[Tensor]:
    """One step: x after each of its looks, the last of them with all that was seen."""
    before, after = ends
    length = before - after
    first = slope(x, run.denoise(x, before.exp()), before.exp())
    newest = first
    for look in range(1, order + 1):
        place = look / order
        level = (before - place * length).exp()
        reach = torch.expm1(place * length)
        moved = x - across(level * reach, x) * first
        if look > 1:
            bend = reach / 2 if order == 2 else _mean(place * length)
            moved = moved - across(level * order / (look - 1) * place * bend, x) * (newest - first)
        yield moved
        if look < order:
            newest = slope(moved, run.denoise(moved, level), level)


def _mean(length: Tensor) -> Tensor:
    """(exp(h) - 1) / h - 1, and 0 at 0."""
    return torch.where(length == 0, 0, torch.expm1(length) / length - 1)
