"""Run: what a sampler is given, and its steps."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Protocol

import torch
from torch import Tensor

from detailer.engines.painters.diffusion.noise import StepNoise
from detailer.engines.painters.diffusion.space import Space, across


class Denoise(Protocol):
    """What the model takes noisy latents for: x (B, C, h, w), sigma (B,) to clean latents."""

    def __call__(self, x: Tensor, sigma: Tensor, /) -> Tensor:
        """The clean latents, guided by text."""
        ...

    def pair(self, x: Tensor, sigma: Tensor, /) -> tuple[Tensor, Tensor]:
        """The clean latents and, for CFG++, those of the negative text alone."""
        ...


@dataclass(frozen=True, eq=False)
class Step:
    """From one noise level to the next; every sample has its own, (B,)."""

    index: int
    sigma: Tensor
    after: Tensor
    last: Tensor
    """(B,) bool: the samples that are clean after it."""
    ends: bool
    """Whether all samples are clean after it: no second look, no noise is needed."""

    @property
    def look(self) -> Tensor:
        """Where a second look is taken: `after`, and where that is 0 some level that is not."""
        return torch.where(self.last, self.sigma, self.after)


@dataclass(frozen=True, eq=False)
class Run:
    """A batch's way from noise to picture: its model, its noise levels, its noise.

    `sigmas` are (B, N+1) float32 on the device of the latents, falling: each sample has its own,
    all have as many. No sample looks at another, so what is not finite stays in its sample.
    """

    denoise: Denoise
    sigmas: Tensor
    space: Space
    noise: StepNoise

    @property
    def count(self) -> int:
        """N, the number of steps."""
        return self.sigmas.shape[1] - 1

    def steps(self) -> Iterator[Step]:
        """From each level to the next."""
        clean = self.sigmas == 0
        ends = clean.all(dim=0).tolist()
        for index in range(self.count):
            before, after = self.sigmas[:, index], self.sigmas[:, index + 1]
            yield Step(index, before, after, clean[:, index + 1], ends[index + 1])

    def below_brim(self) -> Run:
        """The same, from where the signal-to-noise ratio is a number."""
        return replace(self, sigmas=self.space.below_brim(self.sigmas))


Sampler = Callable[[Run, Tensor], Iterator[Tensor]]
"""Yields the latents after every step: N times; the last are the result."""


def towards(x: Tensor, clean: Tensor, sigma: Tensor, after: Tensor) -> Tensor:
    """A first-order step, in either space: the noise in x shrinks from sigma to after."""
    left = across(share(after, sigma), x)
    return left * x + (1 - left) * clean


def slope(x: Tensor, clean: Tensor, sigma: Tensor) -> Tensor:
    """What x changes by per sigma (equation 3 of Karras et al., arXiv:2206.00364)."""
    return (x - clean) / across(sigma, x)


def ended(step: Step, clean: Tensor, x: Tensor) -> Tensor:
    """x, but the clean latents of samples that end with this step."""
    return torch.where(across(step.last, x), clean, x)


def share(part: Tensor, whole: Tensor) -> Tensor:
    """part / whole, and 0 where whole is 0.

    Two noise levels that are the same make a step of no length; nothing is known per length.
    """
    return torch.where(whole == 0, 0, part / whole)
