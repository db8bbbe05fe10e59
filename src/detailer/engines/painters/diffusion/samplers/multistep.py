"""Second order by what the step before saw: one look in each step."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from detailer.engines.painters.diffusion.samplers.ancestral import split
from detailer.engines.painters.diffusion.samplers.run import Run, Step, share, slope, towards
from detailer.engines.painters.diffusion.space import across

# How far past the newest slope the estimate goes.
_GAMMA = 2.0


def dpmpp_2m(run: Run, x: Tensor) -> Iterator[Tensor]:
    """DPM-Solver++(2M) (Lu et al., arXiv:2211.01095) in sigma."""
    old = None
    for step in run.steps():
        clean = run.denoise(x, step.sigma)
        aim = clean if old is None else clean + across(_ahead(run, step), x) * (clean - old)
        x = towards(x, aim, step.sigma, step.after)
        old = clean
        yield x


def dpmpp_2m_cfg_pp(run: Run, x: Tensor) -> Iterator[Tensor]:
    """The same, the noise of which the negative text tells (CFG++, arXiv:2406.08070)."""
    old = None
    for step in run.steps():
        clean, negative = run.denoise.pair(x, step.sigma)
        left = across(share(step.after, step.sigma), x)
        x = clean + left * (x - negative)
        if old is not None:
            x = x + (1 - left) * across(_ahead(run, step), x) * (clean - old)
        old = negative
        yield x


def _ahead(run: Run, step: Step) -> Tensor:
    """How much of the last change is still to come: half of this step by the last, in log sigma."""
    now = (step.sigma / step.after).log()
    before = (run.sigmas[:, step.index - 1] / step.sigma).log()
    return torch.where(step.last, 0, share(now, 2 * before))


def gradient_estimation(run: Run, x: Tensor) -> Iterator[Tensor]:
    """Permenter and Yuan, Interpreting and improving diffusion models, arXiv:2306.04848."""
    return _estimated(run, x, plus=False)


def gradient_estimation_cfg_pp(run: Run, x: Tensor) -> Iterator[Tensor]:
    """The same, the noise of which the negative text tells (CFG++, arXiv:2406.08070)."""
    return _estimated(run, x, plus=True)


def _estimated(run: Run, x: Tensor, plus: bool) -> Iterator[Tensor]:
    old = None
    for step in run.steps():
        clean, teller = _looked(run, step, x, plus)
        now = slope(x, teller, step.sigma)
        x = clean + now * across(step.after, x)
        if old is not None:
            length = torch.where(step.last, 0, step.after - step.sigma)
            x = x + (_GAMMA - 1) * across(length, x) * (now - old)
        old = now
        yield x


def _looked(run: Run, step: Step, x: Tensor, plus: bool) -> tuple[Tensor, Tensor]:
    """The clean latents, and those that tell what is noise."""
    if plus:
        return run.denoise.pair(x, step.sigma)
    clean = run.denoise(x, step.sigma)
    return clean, clean


def res_multistep(run: Run, x: Tensor) -> Iterator[Tensor]:
    """RES, refined exponential solver, multistep (Zhang et al., arXiv:2308.02157)."""
    return _refined(run, x, fresh=False, plus=False)


def res_multistep_ancestral(run: Run, x: Tensor) -> Iterator[Tensor]:
    """The same with fresh noise."""
    return _refined(run, x, fresh=True, plus=False)


def res_multistep_cfg_pp(run: Run, x: Tensor) -> Iterator[Tensor]:
    """RES, the noise of which the negative text tells (CFG++, arXiv:2406.08070)."""
    return _refined(run, x, fresh=False, plus=True)


def res_multistep_ancestral_cfg_pp(run: Run, x: Tensor) -> Iterator[Tensor]:
    """The same with fresh noise."""
    return _refined(run, x, fresh=True, plus=True)


def _refined(run: Run, x: Tensor, *, fresh: bool, plus: bool) -> Iterator[Tensor]:
    old = aimed = None
    for step in run.steps():
        clean, teller = _looked(run, step, x, plus)
        down, up = split(step.sigma, step.after)
        down = down if fresh else step.after
        straight = clean + slope(x, teller, step.sigma) * across(down, x)
        if old is None or aimed is None:
            x = straight
        else:
            newest, older = _weights(run, step, down, aimed)
            bent = across(share(down, step.sigma), x) * (x + (clean - teller))
            bent = bent + across(newest, x) * teller + across(older, x) * old
            x = torch.where(across(step.last, x), straight, bent)
        if fresh and not step.ends:
            x = x + across(up, x) * run.noise(step.sigma, step.after)
        old, aimed = teller, down
        yield x


def _weights(run: Run, step: Step, down: Tensor, aimed: Tensor) -> tuple[Tensor, Tensor]:
    """Of what this step and the last one saw: exponential integrals of a line through both."""
    long = (step.sigma / down).log()
    back = share((aimed / run.sigmas[:, step.index - 1]).log(), long)
    first = share(torch.expm1(-long), -long)
    second = share(first - 1, -long)
    older = share(second, back)
    return long * (first - older), long * older
