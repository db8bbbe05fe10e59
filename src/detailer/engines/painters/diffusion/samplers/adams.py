"""Adams: slopes at the levels already seen, continued by a polynomial to the next one."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from detailer.engines.painters.diffusion.samplers.run import Run, ended, slope
from detailer.engines.painters.diffusion.space import across

Levels = NDArray[np.float64]
Weights = Callable[[Levels, float, float], Levels]
"""(levels seen, newest first; from; to) to the weights of their slopes."""

_TABULATED = (
    (1.0,),
    (3 / 2, -1 / 2),
    (23 / 12, -16 / 12, 5 / 12),
    (55 / 24, -59 / 24, 37 / 24, -9 / 24),
)
# DEIS measures time as variance-preserving diffusion over these sigmas does.
_FIRST, _LAST, _EPSILON = 0.002, 80.0, 1e-3
_RATE = 2 * (np.log(_FIRST**2 + 1) / _EPSILON - np.log(_LAST**2 + 1)) / (_EPSILON - 1)
_OFFSET = np.log(_LAST**2 + 1) - 0.5 * _RATE
# Where integrals are evaluated: exact for a polynomial of sigma, and as good as that for time.
_PLACES, _WIDTHS = np.polynomial.legendre.leggauss(16)


def lms(run: Run, x: Tensor) -> Iterator[Tensor]:
    """Linear multistep of order 4 (Katherine Crowson's): the polynomial is one of sigma."""
    return _continued(run, x, 4, lambda seen, here, to: integrated(seen, here, to, _itself))


def deis(run: Run, x: Tensor) -> Iterator[Tensor]:
    """DEIS, tAB of order 3 (Zhang and Chen, arXiv:2204.13902): the polynomial is one of time."""
    return _continued(run, x, 3, lambda seen, here, to: integrated(seen, here, to, _time))


def ipndm(run: Run, x: Tensor) -> Iterator[Tensor]:
    """PNDM's weights (Liu et al., arXiv:2202.09778) of order 4, as if all steps were as long."""
    return _continued(run, x, 4, lambda seen, here, to: (to - here) * tabulated(len(seen)))


def ipndm_v(run: Run, x: Tensor) -> Iterator[Tensor]:
    """The same for steps of different lengths, as in diff-sampler (Apache 2.0)."""
    return _continued(run, x, 4, lambda seen, here, to: (to - here) * varied(seen, to))


def _continued(run: Run, x: Tensor, order: int, weights: Weights) -> Iterator[Tensor]:
    levels = run.sigmas.cpu().double().numpy()
    slopes: list[Tensor] = []
    for step in run.steps():
        clean = run.denoise(x, step.sigma)
        slopes = [slope(x, clean, step.sigma), *slopes][:order]
        rows = np.stack([_row(row, step.index, len(slopes), weights) for row in levels])
        parts = torch.from_numpy(rows).float().to(x.device).T
        change = torch.stack([across(w, x) * s for w, s in zip(parts, slopes, strict=True)])
        x = ended(step, clean, x + change.sum(0))
        yield x


def _row(levels: Levels, index: int, order: int, weights: Weights) -> Levels:
    """One sample's weights; straight on where levels come twice, or to where it ends."""
    here, to = levels[index], levels[index + 1]
    seen = levels[index - order + 1 : index + 1][::-1]
    if order == 1 or to == 0 or len(np.unique(seen)) < order:
        return np.append(to - here, np.zeros(order - 1))
    return weights(seen, here, to)


def integrated(seen: Levels, here: float, to: float, clock: Callable[[Levels], Levels]) -> Levels:
    """Integrals over sigma of the polynomials that are 1 at one seen level and 0 at the others.

    Args:
        seen: Levels, newest first.
        here: Where the integral begins.
        to: Where it ends.
        clock: What the polynomial is one of, by sigma.
    """
    at = clock(here + (to - here) * (_PLACES + 1) / 2)
    known = clock(seen)
    rows = []
    for index, own in enumerate(known):
        others = np.delete(known, index)
        rows.append(np.prod((at[:, None] - others) / (own - others), axis=1))
    return np.asarray((to - here) / 2 * np.stack(rows) @ _WIDTHS)


def tabulated(order: int) -> Levels:
    """Adams' and Bashforth's weights for steps of one length."""
    return np.array(_TABULATED[order - 1])


def varied(seen: Levels, to: float) -> Levels:
    """Weights for steps of different lengths, up to order 4; (k,) for k levels seen.

    As diff-sampler publishes them, which ComfyUI follows; those of order 3 and 4 are not quite
    the integrals that `lms` has.
    """
    now, *lengths = -np.diff(np.append(to, seen))
    if not lengths:
        return np.ones(1)
    last, before, first = (*lengths, np.nan, np.nan)[:3]
    weights = np.array([1 + now / last / 2, -now / last / 2, 0, 0])
    ratio = last / before
    if len(seen) > 2:
        third = (1 - now**2 / (3 * last * (last + before))) / 2
        weights += third * np.array([1, -1 - ratio, ratio, 0])
    if len(seen) > 3:
        both = last * (last + before) / (before * (before + first))
        bent = np.array([1, -1 - ratio - both, ratio + both * (1 + before / first), -both * ratio])
        weights += _fourth(now, last, before, first) * bent
    return weights[: len(seen)]


def _fourth(now: float, last: float, before: float, first: float) -> float:
    two, three = now + last, now + last + before
    part = (1 - now / (3 * two)) / 2 + (1 - now / (2 * two)) * now / (6 * three)
    past = last * (last + before) * (last + before + first)
    return part * now * two * three / past


def _itself(levels: Levels) -> Levels:
    return levels


def _time(levels: Levels) -> Levels:
    squared = _OFFSET**2 + 2 * _RATE * np.log(levels**2 + 1)
    return np.asarray((np.sqrt(squared) - _OFFSET) / _RATE)
