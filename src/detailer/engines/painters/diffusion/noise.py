"""Noise: where it comes from, for the start and for every step of samplers that add more."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Literal, TypeAlias

import torch
from torch import Generator, Tensor

from detailer.errors import InputError

Shape = tuple[int, ...]
Version: TypeAlias = Literal["comfyui", "comfyui-0.3.64"]
"""Whose step noise: today's ComfyUI's, or that of the version by which golden sets were made."""
StepNoise = Callable[[Tensor, Tensor], Tensor]
"""What samplers draw from: (sigma before (B,), sigma after (B,)) to standard normal latents.

A sample whose sigma before is 0 needs none: it gets zeros, and its next noise stays its next."""
SEEDS = 2**64
"""Seeds are below this."""


def start_noise(shape: Shape, seeds: Sequence[int]) -> Tensor:
    """Standard normal noise to start from: for each sample what ComfyUI draws for a batch of one.

    Args:
        shape: (C, h, w) of the latents.
        seeds: One per sample, 0..2^64-1.

    Returns:
        (B, C, h, w) float32 on the CPU, whatever the device: the same for all.
    """
    return _drawn([seeded(seed) for seed in seeds], shape)


def batch_noise(shape: Shape, seed: int, indices: Sequence[int] | None = None) -> Tensor:
    """Noise as ComfyUI draws it for a batch that has one seed.

    Args:
        shape: (B, C, h, w).
        seed: 0..2^64-1.
        indices: Where each sample stood in the batch that it comes from; the same index gets the
            same noise. None draws the whole batch in one go.
    """
    generator = seeded(seed)
    if indices is None:
        return torch.randn(shape, generator=generator)
    drawn = [torch.randn(shape[1:], generator=generator) for _ in range(max(indices) + 1)]
    return torch.stack([drawn[index] for index in indices])


def kept_noise(shape: Shape, seeds: Sequence[int]) -> Tensor:
    """What `ddim` noises the kept part of a picture with, where other samplers use their start.

    ComfyUI draws it from the next seed; after the last one comes 0.
    """
    return start_noise(shape, [(seed + 1) % SEEDS for seed in seeds])


def own_noise(shape: Shape, seeds: Sequence[int], device: torch.device | str = "cpu") -> StepNoise:
    """Step noise from each sample's own CPU generator, which goes on after the start noise.

    So a sample's noise depends on its seed alone: not on the device, nor on its batch.
    """
    generators = [seeded(seed) for seed in seeds]
    _drawn(generators, shape)
    return lambda before, after: _needed(generators, shape, before).to(device)


def comfyui_noise(
    shape: Shape,
    seeds: Sequence[int],
    device: torch.device | str = "cpu",
    version: Version = "comfyui",
) -> StepNoise:
    """Step noise as ComfyUI draws it: from a fresh generator on the device.

    On a CPU it is of the next seed (after the last one comes 0), so that the first step does not
    get the start noise again; before December 2025 (pull request 11528), as in 0.3.64, it was of
    the same seed. Elsewhere it is of the same seed in all versions. Samplers of `TREES` get theirs
    from a Brownian tree in all of them: see `tree_noise`.
    """
    later = 1 if version == "comfyui" and torch.device(device).type == "cpu" else 0
    generators = [seeded((seed + later) % SEEDS, device) for seed in seeds]
    return lambda before, after: _needed(generators, shape, before)


def recorded_noise(steps: Iterable[Tensor]) -> StepNoise:
    """Step noise that was drawn before, in order, (B, C, h, w) each.

    Raises:
        InputError: The sampler asks for more than there is.
    """
    left = iter(steps)

    def draw(before: Tensor, after: Tensor) -> Tensor:
        drawn = next(left, None)
        if drawn is None:
            raise InputError("the recorded step noise is used up; record as many as steps add")
        return drawn

    return draw


def seeded(seed: int, device: torch.device | str = "cpu") -> Generator:
    """A generator on a device.

    Raises:
        InputError: The seed is not within 0..2^64-1.
    """
    if not 0 <= seed < SEEDS:
        raise InputError(f"seed={seed} is out of range: it must be 0 to {SEEDS - 1}")
    return Generator(device).manual_seed(seed)


def _drawn(generators: Sequence[Generator], shape: Shape) -> Tensor:
    return torch.stack([_one(generator, shape) for generator in generators])


def _needed(generators: Sequence[Generator], shape: Shape, before: Tensor) -> Tensor:
    needs = zip(generators, (before > 0).tolist(), strict=True)
    return torch.stack(
        [_one(g, shape) if need else torch.zeros(shape, device=g.device) for g, need in needs]
    )


def _one(generator: Generator, shape: Shape) -> Tensor:
    return torch.randn(shape, generator=generator, device=generator.device)
