"""What detailer makes of a case, down to the latents."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from detailer.core.geometry import Size
from detailer.engines.painters.diffusion.condition import Condition
from detailer.engines.painters.diffusion.families import family_of
from detailer.engines.painters.diffusion.families.family import Family
from detailer.engines.painters.diffusion.forward import Guides
from detailer.engines.painters.diffusion.guiders import guider
from detailer.engines.painters.diffusion.loading import Loaded, Source, open_pipeline
from detailer.engines.painters.diffusion.loop import Leg, Sampling, denoise
from detailer.engines.painters.diffusion.masks import Act, Kept, as_the_nodes
from detailer.engines.painters.diffusion.noise import comfyui_noise, kept_noise, start_noise
from detailer.engines.painters.diffusion.options import Options
from detailer.engines.painters.diffusion.samplers import RENOISED, sampler
from detailer.engines.painters.diffusion.schedules import Steps, sigmas
from tests.interop.cases import NEGATIVE, POSITIVE, Case, arrays

SCALE = 0.18215
"""Latents in the VAE's units times this are those of the sampler."""
_ACTS = {"none": "off", "hard": "hard", "differential": "differential_comfy"}


@dataclass(frozen=True, eq=False)
class Ours:
    """An opened checkpoint and what the two prompts say to it."""

    loaded: Loaded
    family: Family
    positive: Condition
    negative: Condition

    def sample(self, case: Case) -> Run:
        """A case from its latents to the last x, as the nodes hand it on."""
        kept, noise = self._start(case)
        leg = Leg(
            self.family,
            [self.positive],
            [self.negative],
            torch.tensor([case.cfg]),
            guider("cfg"),
            Guides(Size(case.cells[1] * 8, case.cells[0] * 8)),
            0,
            case.steps,
        )
        shape = tuple(kept.latents.shape[1:])
        sampling = Sampling(sampler(case.sampler), comfyui_noise(shape, [case.seed]))
        with torch.inference_mode(), self._called() as timesteps:
            *_, last = denoise(kept, noise, [leg], sampling)
        return Run((last.x / SCALE).numpy(), timesteps)

    def said(self) -> list[np.ndarray]:
        """What the two prompts say, (1, 77 n, 768) each."""
        return [c["hidden"][None].numpy() for c in (self.positive, self.negative)]

    def round_trip(self, image: np.ndarray, latent: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """An image (1, H, W, 3) 0..1 as raw latents, and raw latents as an image."""
        vae = self.family.vae
        with torch.inference_mode():
            encoded = vae.encode(torch.from_numpy(image).permute(0, 3, 1, 2)) / SCALE
            decoded = vae.decode(torch.from_numpy(latent) * SCALE)
        return encoded.numpy(), decoded.permute(0, 2, 3, 1).numpy()

    @contextmanager
    def _called(self) -> Iterator[list[float]]:
        """The timesteps at which the network is called."""
        seen: list[float] = []
        unet = self.loaded.pipe.unet
        hook = unet.register_forward_pre_hook(lambda _, given: seen.append(float(given[1][0])))
        try:
            yield seen
        finally:
            hook.remove()

    def _start(self, case: Case) -> tuple[Kept, Tensor]:
        made = arrays(case)
        latents = torch.from_numpy(made["latent"]) * SCALE
        shape = tuple(latents.shape[1:])
        noise = start_noise(shape, [case.seed])
        around = kept_noise(shape, [case.seed]) if case.sampler in RENOISED else noise
        mask = torch.ones(1, 1, *case.cells)
        if case.mask != "none":
            mask = as_the_nodes(made["mask"], case.cells)[None]
        table = self.family.table(Size(case.cells[1] * 8, case.cells[0] * 8))
        levels = sigmas(Steps(case.scheduler, case.steps, case.denoise, case.sampler), table)
        act = Act(_ACTS[case.mask])
        return Kept(latents, around, mask, [act], levels[None], table), noise


@dataclass(frozen=True, eq=False)
class Run:
    """Final latents in the VAE's units, and the timesteps of all calls."""

    latent: np.ndarray
    timesteps: list[float]


def open_ours(checkpoint: Path, config: Path, dtype: str = "fp32") -> Ours:
    """The checkpoint as a single file, through the public path."""
    options = Options(device="cpu", dtype=dtype, config=str(config))
    loaded = open_pipeline(Source.parse(str(checkpoint)), options)
    family = family_of(loaded)
    positive, negative = family.encode_text([POSITIVE, NEGATIVE])
    return Ours(loaded, family, positive, negative)
