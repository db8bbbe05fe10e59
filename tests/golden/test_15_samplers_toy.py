"""Golden 15: samplers as ComfyUI's, on a denoiser that is a formula."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

from tests.golden.loader import Case, cases, check

pytest.importorskip("torch", reason="needs detailer[diffusion]")

import torch

from detailer.engines.painters.diffusion.noise import Version, comfyui_noise
from detailer.engines.painters.diffusion.samplers import RENOISED, TREES, Run, sampler
from detailer.engines.painters.diffusion.space import across
from detailer.engines.painters.diffusion.table import Table, betas
from detailer.engines.painters.diffusion.tree import tree_noise

TABLE = Table.trained(betas())
NOT_OURS = {"dpm_adaptive": "takes as many steps as it likes, so that no two samples share a batch"}
# The set was recorded by this version, whose step noise on a CPU was another one.
RECORDED: Version = "comfyui-0.3.64"
# ComfyUI's negative in these cases, of what text and negative give together.
NEGATIVE = 0.8


@dataclass
class Toy:
    """The mean of a normal distribution, given noisy latents; masked as ComfyUI masks."""

    case: Case
    called: list[float]

    def __post_init__(self) -> None:
        given = self.case.inputs
        self.mean, self.latent = (torch.from_numpy(given[name]) for name in ("mu", "latent"))
        self.noise = torch.from_numpy(given["noise"])
        self.mask = torch.from_numpy(given["mask"]) if self.case.params["masked"] else None
        self.kept = self.noise
        if self.case.params["sampler"] in RENOISED:
            generator = torch.manual_seed(self.case.params["extra_seed"] + 1)
            self.kept = torch.randn(self.noise.shape, generator=generator)

    def __call__(self, x: torch.Tensor, sigma: torch.Tensor) -> torch.Tensor:
        return self.pair(x, sigma)[0]

    def pair(self, x: torch.Tensor, sigma: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        self.called.append(float(sigma[0]))
        if self.mask is not None:
            kept = TABLE.space.noised(self.latent, self.kept, sigma)
            x = x * self.mask + kept * (1 - self.mask)
        level, spread = across(sigma**2, x), self.case.params["s2"]
        clean = (x * spread + self.mean * level) / (spread + level)
        guided = clean
        if self.mask is not None:
            guided = clean * self.mask + self.latent * (1 - self.mask)
        return guided, NEGATIVE * clean


def sampled(case: Case) -> tuple[np.ndarray, list[float]]:
    toy = Toy(case, [])
    sigmas = torch.from_numpy(case.inputs["sigmas"])[None]
    shape = tuple(toy.noise.shape[1:])
    seeds = [case.params["extra_seed"]]
    tree = case.params["sampler"] in TREES
    noise = (
        tree_noise(shape, seeds, sigmas) if tree else comfyui_noise(shape, seeds, version=RECORDED)
    )
    run = Run(toy, sigmas, TABLE.space, noise)
    first = sigmas[:, 0]
    x = TABLE.space.start(toy.latent, toy.noise, first, TABLE.full(first))
    *_, result = sampler(case.params["sampler"])(run, x)
    return result.numpy(), toy.called


def check_toy(case: Case) -> None:
    name = case.params["sampler"]
    if name in NOT_OURS:
        pytest.skip(NOT_OURS[name])
    ours, called = sampled(case)
    theirs = case.outputs["result"]
    np.testing.assert_allclose(called, case.outputs["model_call_sigmas"], rtol=1e-4)
    np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-4 * np.abs(theirs).max())


@cases("15_samplers_toy")
def test_samplers_are_comfyuis(case: Case) -> None:
    check(case, {"toy": check_toy})
