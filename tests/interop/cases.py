"""The table that both programs run, and what goes into its cases."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

SAMPLERS = ("euler", "heun", "dpmpp_2m", "ddim", "uni_pc", "lms")
SCHEDULERS = ("normal", "karras", "exponential", "sgm_uniform", "simple", "beta")
DENOISE = (0.3, 0.5, 1.0)
MASKS = ("none", "hard", "differential")
SMALL, LARGER = (8, 16), (16, 24)
"""Heights and widths of latents; a UNet of four levels takes multiples of 8."""
POSITIVE = "a detailed face, (freckles:1.2), photo"
NEGATIVE = "blurry, (bad:1.1)"


@dataclass(frozen=True)
class Case:
    """One run."""

    sampler: str
    scheduler: str
    denoise: float
    mask: str
    seed: int
    steps: int = 5
    cfg: float = 6.0
    cells: tuple[int, int] = SMALL

    @property
    def name(self) -> str:
        return f"{self.sampler}-{self.scheduler}-{self.denoise}-{self.mask}"

    def settings(self) -> dict[str, Any]:
        return asdict(self)


def table() -> Iterator[Case]:
    """All 324 combinations."""
    every = itertools.product(SAMPLERS, SCHEDULERS, DENOISE, MASKS)
    for seed, (sampler, scheduler, denoise, mask) in enumerate(every):
        yield Case(sampler, scheduler, denoise, mask, seed)


def sampled() -> Iterator[Case]:
    """36 of them: each sampler with each schedule once, each with every denoise and mask."""
    for row, sampler in enumerate(SAMPLERS):
        for column, scheduler in enumerate(SCHEDULERS):
            denoise = DENOISE[(row + column) % 3]
            mask = MASKS[(row + column + column // 3 + row // 3) % 3]
            yield Case(sampler, scheduler, denoise, mask, 6 * row + column, 4, cells=LARGER)


def arrays(case: Case) -> Mapping[str, np.ndarray]:
    """What a case starts from: latents in the VAE's units, (1, 4, h, w), and a mask in pixels."""
    generator = np.random.default_rng(case.seed)
    height, width = case.cells
    coarse = generator.standard_normal((1, 4, height // 4, width // 4)).repeat(4, 2).repeat(4, 3)
    latent = 5 * coarse + generator.standard_normal((1, 4, height, width))
    made = {"latent": latent.astype(np.float32)}
    if case.mask != "none":
        made["mask"] = mask(case)
    return made


def mask(case: Case) -> np.ndarray:
    """(H, W) float32 0..1, the same within each cell, so that no way of shrinking it matters.

    The corners are kept, the middle is free, and where it is soft the rest lies between, in steps
    that stay clear of the shares at which differential diffusion lets go.
    """
    height, width = case.cells
    y, x = np.mgrid[:height, :width]
    far = np.hypot((y + 0.5) / height - 0.5, (x + 0.5) / width - 0.5)
    soft = np.clip((0.5 - far) / 0.3, 0, 1)
    between = (np.floor(soft * 12) + 0.37) / 12
    graded = np.where((soft > 0) & (soft < 1), between, soft)
    cells = soft >= 0.5 if case.mask == "hard" else graded
    return cells.astype(np.float32).repeat(8, 0).repeat(8, 1)
