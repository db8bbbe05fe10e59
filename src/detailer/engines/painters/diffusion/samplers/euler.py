"""Euler: straight on along the slope, with or without fresh noise."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from torch import Tensor

from detailer.engines.painters.diffusion.samplers.ancestral import Rise, ancestral, split
from detailer.engines.painters.diffusion.samplers.run import Run, Step, slope, towards
from detailer.engines.painters.diffusion.space import EXPLODING, across


def euler(run: Run, x: Tensor) -> Iterator[Tensor]:
    """Algorithm 2 of Karras et al., arXiv:2206.00364, without churn; the same steps as DDIM's."""
    for step in run.steps():
        x = towards(x, run.denoise(x, step.sigma), step.sigma, step.after)
        yield x


def euler_ancestral(run: Run, x: Tensor) -> Iterator[Tensor]:
    """Euler's steps with fresh noise (k-diffusion), of flows with a picture's share kept right."""
    return ancestral(run, x, _straight)


def _straight(run: Run, step: Step, x: Tensor, by: Rise) -> Tensor:
    return towards(x, run.denoise(x, step.sigma), step.sigma, by.down)


def ddpm(run: Run, x: Tensor) -> Iterator[Tensor]:
    """Ho et al., arXiv:2006.11239.

    Its posterior is Euler's ancestral step where variance explodes. Flows have no step of their
    own here, nor in ComfyUI.
    """
    return euler_ancestral(replace(run, space=EXPLODING), x)


def lcm(run: Run, x: Tensor) -> Iterator[Tensor]:
    """Straight to the clean latents, and noise on them again (Luo et al., arXiv:2310.04378)."""
    for step in run.steps():
        x = run.denoise(x, step.sigma)
        if not step.ends:
            x = run.space.noised(x, run.noise(step.sigma, step.after), step.after)
        yield x


def euler_cfg_pp(run: Run, x: Tensor) -> Iterator[Tensor]:
    """Euler's steps, the noise of which the negative text tells (CFG++, arXiv:2406.08070)."""
    for step in run.steps():
        clean, noise = _told(run, step, x)
        becomes = across(run.space.alpha(step.after), x)
        x = becomes * clean + across(step.after, x) * noise
        yield x


def euler_ancestral_cfg_pp(run: Run, x: Tensor) -> Iterator[Tensor]:
    """The same with fresh noise."""
    run = run.below_brim()
    for step in run.steps():
        clean, noise = _told(run, step, x)
        was, becomes = run.space.alpha(step.sigma), run.space.alpha(step.after)
        down, up = split(step.sigma / was, step.after / becomes)
        x = across(becomes, x) * (clean + across(down, x) * noise)
        if not step.ends:
            x = x + across(becomes * up, x) * run.noise(step.sigma, step.after)
        yield x


def _told(run: Run, step: Step, x: Tensor) -> tuple[Tensor, Tensor]:
    """The clean latents, and the noise in x by the negative text."""
    clean, negative = run.denoise.pair(x, step.sigma)
    told = across(run.space.alpha(step.sigma), x) * negative
    return clean, slope(x, told, step.sigma)
