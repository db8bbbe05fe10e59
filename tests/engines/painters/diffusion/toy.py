"""A denoiser that is a formula: latents are normal around a mean, and the way to them is known."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor

from detailer.engines.painters.diffusion.noise import StepNoise, own_noise, start_noise
from detailer.engines.painters.diffusion.samplers import Run, sampler
from detailer.engines.painters.diffusion.space import Space, across
from detailer.engines.painters.diffusion.table import Table, betas

VARIANCE = 0.36
MEAN = 0.5
SHAPE = (2, 4, 4)
TABLES = {"exploding": Table.trained(betas()), "flow": Table.flow(3.0)}


@dataclass(eq=False)
class Toy:
    """The mean of what x may come from; what is not finite stays in its sample."""

    space: Space
    broken: tuple[int, ...] = ()
    called: list[Tensor] = field(default_factory=list)

    def __call__(self, x: Tensor, sigma: Tensor) -> Tensor:
        self.called.append(sigma)
        assert x.shape[0] == sigma.shape[0]
        assert sigma.isfinite().all()
        level, share = across(sigma, x), across(self.space.alpha(sigma), x)
        clean = MEAN + share * VARIANCE / (share**2 * VARIANCE + level**2) * (x - share * MEAN)
        clean[list(self.broken)] = torch.nan
        return clean

    def pair(self, x: Tensor, sigma: Tensor) -> tuple[Tensor, Tensor]:
        clean = self(x, sigma)
        return clean, clean


def exact(space: Space, x: Tensor, sigma: Tensor, after: Tensor) -> Tensor:
    """Where x goes from sigma to after without noise, if the steps are infinitely short."""
    was, becomes = across(space.alpha(sigma), x), across(space.alpha(after), x)
    spread = (was**2 * VARIANCE + across(sigma, x) ** 2).sqrt()
    left = (becomes**2 * VARIANCE + across(after, x) ** 2).sqrt()
    return becomes * MEAN + left / spread * (x - was * MEAN)


def begun(table: Table, sigmas: Tensor, shape: tuple[int, ...] = SHAPE) -> Tensor:
    """x of samples at their first levels, (B, ...), of seeds 0, 1 ..."""
    latents = MEAN + VARIANCE**0.5 * start_noise(shape, range(100, 100 + len(sigmas)))
    return table.space.noised(latents, start_noise(shape, range(len(sigmas))), sigmas[:, 0])


def sampled(
    name: str, table: Table, sigmas: Tensor, x: Tensor, noise: StepNoise | None = None
) -> list[Tensor]:
    """x after every step."""
    noise = noise or own_noise(tuple(x.shape[1:]), range(len(x)))
    return list(sampler(name)(Run(Toy(table.space), sigmas, table.space, noise), x))
