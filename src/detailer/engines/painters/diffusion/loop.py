"""Loop: from noise to clean latents, kept parts in place, many samples in one pass."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from detailer.engines.painters.diffusion.condition import Condition
from detailer.engines.painters.diffusion.families.family import Family
from detailer.engines.painters.diffusion.forward import Forward, Guides
from detailer.engines.painters.diffusion.guiders import Guider, blank
from detailer.engines.painters.diffusion.masks import Kept
from detailer.engines.painters.diffusion.samplers import Run, Sampler
from detailer.engines.painters.diffusion.space import Space


@dataclass(frozen=True, eq=False)
class Leg:
    """One model's share of the steps: `first` up to and without `last`.

    `negatives` are left out where no sample's scale asks for them. `timestep` tells what the
    network calls a noise level, (B,) to (B,), where the table's own name is not wanted.
    """

    family: Family
    conditions: Sequence[Condition]
    negatives: Sequence[Condition] | None
    scale: Tensor
    guider: Guider
    guides: Guides
    first: int
    last: int
    timestep: Callable[[Tensor], Tensor] | None = None


@dataclass(frozen=True, eq=False)
class Stage:
    """Where the sampling is after a step: x, and the clean latents as last seen.

    `lost` is (B,) bool: samples that stopped being finite, and were left as they had been.
    """

    step: int
    x: Tensor
    clean: Tensor
    lost: Tensor


@dataclass(frozen=True, eq=False)
class Sampling:
    """How a batch is denoised: its sampler, and where the noise of its steps comes from."""

    sampler: Sampler
    noise: Callable[[Tensor, Tensor], Tensor]


def denoise(kept: Kept, noise: Tensor, legs: Sequence[Leg], sampling: Sampling) -> Iterator[Stage]:
    """Every step of a batch, in which each sample has noise levels, text and mask of its own.

    The mask acts in the denoiser: what is kept goes in noised and comes out clean, so that every
    sampler respects it. A sample that stops being finite stays as it was, and so do the others.

    Args:
        kept: The clean latents, the masks and the noise levels, (B, N + 1).
        noise: (B, C, h, w) that it starts from.
        legs: The models, one after the other; together they make all N steps.

    Yields:
        A stage after each of the N steps; the last one holds the result.
    """
    space = kept.table.space
    x = started(kept, noise, space)
    step = 0
    lost = torch.zeros(len(x), dtype=torch.bool, device=x.device)
    for leg in legs:
        denoiser = Denoiser(leg, kept, space, lost)
        sigmas = kept.sigmas[:, leg.first : leg.last + 1]
        run = Run(denoiser, sigmas, space, sampling.noise)
        for reached in sampling.sampler(run, x):
            step += 1
            x, lost = reached, denoiser.lost
            yield Stage(step, x, kept.restored(denoiser.clean), lost)


def started(kept: Kept, noise: Tensor, space: Space) -> Tensor:
    """The latents noised to each sample's first level; from pure noise at the table's top."""
    first = kept.sigmas[:, 0]
    return space.start(kept.latents, noise, first, kept.table.full(first))


@dataclass(eq=False)
class Denoiser:
    """What a sampler calls: x at a noise level (B,) to the clean latents, masked and guided."""

    leg: Leg
    kept: Kept
    space: Space
    lost: Tensor
    clean: Tensor = field(init=False)

    def __post_init__(self) -> None:
        self.clean = self.kept.latents

    def __call__(self, x: Tensor, sigma: Tensor) -> Tensor:
        """The clean latents (B, C, h, w)."""
        return self.pair(x, sigma)[0]

    def pair(self, x: Tensor, sigma: Tensor) -> tuple[Tensor, Tensor]:
        """The clean latents, and those that the negative alone gives."""
        mask = self.kept.at(sigma)
        around = self.space.noised(self.kept.latents, self.kept.noise, sigma)
        mixed = x * mask + around * (1 - mask)
        seen = torch.where(mask == 0, around, mixed)
        guided, negative = (self._masked(one, mask) for one in self._predicted(seen, sigma))
        self.clean = guided
        return guided, negative

    def _predicted(self, x: Tensor, sigma: Tensor) -> tuple[Tensor, Tensor]:
        leg = self.leg
        timestep = None if leg.timestep is None else leg.timestep(sigma)
        forward = Forward(x, sigma, leg.conditions, leg.guides, timestep)
        if leg.negatives is None:
            positive = leg.family.predict(forward)
            return positive, positive
        both = leg.family.predict(forward.doubled(leg.negatives))
        positive, negative = both.chunk(2)
        guided = leg.guider(positive, negative, leg.scale, blank(x, sigma, self.space))
        return guided, negative

    def _masked(self, clean: Tensor, mask: Tensor) -> Tensor:
        latents = self.kept.latents
        broken = ~torch.isfinite(clean).flatten(1).all(1)
        self.lost = self.lost | broken
        mixed = clean * mask + latents * (1 - mask)
        return torch.where((mask == 0) | broken.view(-1, 1, 1, 1), latents, mixed)
