"""Tree: a Brownian path that is the same wherever it is looked at, as ComfyUI's SDE samplers use.

The path is that of torchsde's `BrownianTree` (Apache 2.0): halves of halves, each with a seed of
its own, so that neither the order nor the number of looks changes it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from numpy.random import SeedSequence
from torch import Generator, Tensor

from detailer.engines.painters.diffusion.noise import Shape, StepNoise

# Times are rounded to so many decimals; pools of seeds have so many words.
_DECIMALS = 6
_POOL = 24


def tree_noise(
    shape: Shape,
    seeds: Sequence[int],
    sigmas: Sequence[Tensor],
    device: torch.device | str = "cpu",
) -> StepNoise:
    """Step noise of one Brownian path for each sample, with sigma as its time.

    Args:
        shape: (C, h, w) of the latents.
        seeds: One per sample.
        sigmas: For each sample (M+1,), the noise levels whose range its path spans: those of the
            run in ComfyUI, those of the whole schedule in the Impact Pack.
        device: Where it is drawn: the CPU, but for the samplers that end in `_gpu`.
    """
    paths = []
    for seed, levels in zip(seeds, sigmas, strict=True):
        lowest, highest = levels[levels > 0].min(), levels.max()
        paths.append(Path(seed, float(lowest), float(highest), shape, torch.device(device)))

    def draw(before: Tensor, after: Tensor) -> Tensor:
        spans = zip(paths, before.tolist(), after.tolist(), strict=True)
        return torch.stack([path.step(start, end) for path, start, end in spans]).to(before.device)

    return draw


@dataclass(frozen=True)
class _Half:
    """A part of a path: where it lies in the tree, its ends, and how far the path goes in it."""

    place: tuple[int, int]
    start: float
    end: float
    gain: Tensor


class Path:
    """A Brownian path from time `start`, where it is 0, to time `end`."""

    def __init__(
        self, seed: int, start: float, end: float, shape: Shape, device: torch.device
    ) -> None:
        self._seed, self._shape, self._device = seed, shape, device
        gain = self._noise(()) * math.sqrt(end - start)
        self._whole = _Half((0, 0), _rounded(start), _rounded(end), gain)
        self._known: dict[float, Tensor] = {}

    def step(self, before: float, after: float) -> Tensor:
        """Standard normal noise: what the path gains from one time to another, by its length."""
        if before in (0, after):
            return torch.zeros(self._shape, device=self._device)
        return (self._at(after) - self._at(before)) / math.sqrt(abs(after - before))

    def _at(self, time: float) -> Tensor:
        time = min(max(_rounded(time), self._whole.start), self._whole.end)
        if time not in self._known:
            # Steps go one way: what was looked at before the last step is not looked at again.
            self._known = dict([*self._known.items()][-2:]) | {time: self._sought(time)}
        return self._known[time]

    def _sought(self, time: float) -> Tensor:
        half, reached = self._whole, torch.zeros(self._shape, device=self._device)
        while half.start < time < half.end:
            left, right = self._split(half)
            if time < left.end:
                half = left
            else:
                half, reached = right, reached + left.gain
        return reached if time == half.start else reached + half.gain

    def _split(self, half: _Half) -> tuple[_Half, _Half]:
        middle = _rounded((half.start + half.end) / 2)
        early, late = middle - half.start, half.end - middle
        long = half.end - half.start
        spread = math.sqrt(early * late / long)
        gain = early * half.gain / long + spread * self._noise(half.place)
        key, depth = half.place
        return (
            _Half((2 * key, depth + 1), half.start, middle, gain),
            _Half((2 * key + 1, depth + 1), middle, half.end, half.gain - gain),
        )

    def _noise(self, place: tuple[int, ...]) -> Tensor:
        seeds = SeedSequence(self._seed, spawn_key=place, pool_size=_POOL)
        generator = Generator(self._device).manual_seed(int(seeds.generate_state(1)[0]))
        return torch.randn(self._shape, generator=generator, device=self._device)


def _rounded(time: float) -> float:
    return round(time, _DECIMALS)
