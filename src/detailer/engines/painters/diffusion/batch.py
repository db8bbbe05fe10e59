"""Batch: jobs that share every pass: encoded, denoised, decoded together."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from detailer.core.paint import Paint
from detailer.core.plan import Failed, Painted, Progress
from detailer.engines.painters.diffusion.forward import Guides
from detailer.engines.painters.diffusion.guiders import guider
from detailer.engines.painters.diffusion.guides.hints import hints, references
from detailer.engines.painters.diffusion.guides.hole import hole
from detailer.engines.painters.diffusion.job import Job
from detailer.engines.painters.diffusion.loading.memory import in_tiles
from detailer.engines.painters.diffusion.loop import Leg, Sampling, Stage, denoise
from detailer.engines.painters.diffusion.masks import Kept, latent_mask
from detailer.engines.painters.diffusion.model import Model
from detailer.engines.painters.diffusion.noise import (
    SEEDS,
    Version,
    comfyui_noise,
    kept_noise,
    own_noise,
    start_noise,
)
from detailer.engines.painters.diffusion.samplers import RENOISED, TREES, sampler
from detailer.engines.painters.diffusion.tree import tree_noise

Open = Callable[[str], Model]


@dataclass(frozen=True, eq=False)
class Batch:
    """Jobs with the same key, and the models that paint them.

    `refiner` opens the model of the last steps by its path; `step_noise` is each job's own, or
    as a version of ComfyUI draws it.
    """

    jobs: Sequence[Job]
    model: Model
    refiner: Open
    step_noise: Version | Literal["own"] = "own"

    @torch.no_grad()
    def painted(self) -> Iterator[Progress | Painted | Failed]:
        """A Progress after every step, and then an answer for each job."""
        self.model.loras.use(self.jobs[0].told.loras)
        pixels = torch.from_numpy(np.stack([job.fit.pixels(job.cutout) for job in self.jobs]))
        pixels = pixels.permute(0, 3, 1, 2).contiguous()
        with self._tiles():
            clean = self.model.family.vae.encode(pixels)
            legs = list(self._legs(pixels))
        lost = torch.zeros(len(self.jobs), dtype=torch.bool)
        for cycle in range(self._paint.cycle):
            with self._hurried(legs):
                work = self._set_up(clean, cycle)
                for stage in denoise(*work, legs, self._sampling(clean, cycle)):
                    yield self._progress(stage, cycle)
            clean, lost = stage.clean, lost | stage.lost.cpu()
        yield from self._answers(clean, lost)

    def _tiles(self) -> AbstractContextManager[None]:
        size = self.jobs[0].size
        wanted = max(size.width, size.height) > self.model.tile_above
        return in_tiles(self.model.family.vae.model, wanted)

    @contextmanager
    def _hurried(self, legs: Sequence[Leg]) -> Iterator[None]:
        with ExitStack() as stack:
            for leg in legs:
                model = self.model if leg.family is self.model.family else self._refining
                said = [*leg.conditions, *(leg.negatives or ())]
                stack.enter_context(model.cache.around(said))
            yield

    @property
    def _refining(self) -> Model:
        return self.refiner(self._paint.refiner)

    @property
    def _paint(self) -> Paint:
        return self.jobs[0].paint

    def _set_up(self, clean: Tensor, cycle: int) -> tuple[Kept, Tensor]:
        first, device = self.jobs[0], clean.device
        seeds = self._seeds(cycle)
        shape = tuple(clean.shape[1:])
        noise = start_noise(shape, seeds).to(device)
        renoised = first.paint.sampler_name in RENOISED
        around = kept_noise(shape, seeds).to(device) if renoised else noise
        cells = clean.shape[-2], clean.shape[-1]
        masks = torch.stack(
            [latent_mask(job.cutout, job.fit, cells, job.act.mode) for job in self.jobs]
        )
        levels = torch.stack([job.sigmas for job in self.jobs])
        acts = [job.act for job in self.jobs]
        kept = Kept(clean, around, masks.to(device), acts, levels.to(device), first.table)
        return kept, noise

    def _sampling(self, clean: Tensor, cycle: int) -> Sampling:
        name, shape = self._paint.sampler_name, tuple(clean.shape[1:])
        seeds, device = self._seeds(cycle), clean.device
        if self.step_noise == "own":
            noise = own_noise(shape, seeds, device)
        elif name in TREES:
            # The nodes' Brownian path spans the whole schedule.
            levels = [job.whole_schedule for job in self.jobs]
            noise = tree_noise(shape, seeds, levels, device if name.endswith("_gpu") else "cpu")
        else:
            noise = comfyui_noise(shape, seeds, device, self.step_noise)
        return Sampling(sampler(name), noise)

    def _seeds(self, cycle: int) -> list[int]:
        return [(job.paint.seed + cycle) % SEEDS for job in self.jobs]

    def _legs(self, pixels: Tensor) -> Iterator[Leg]:
        first, jobs = self.jobs[0], self.jobs
        prompts = [job.told.prompt for job in jobs]
        negatives = [job.told.negative for job in jobs]
        if first.split > 0:
            yield self._leg(self.model, (prompts, negatives), pixels, 0)
        if first.split < first.steps:
            prompts = [job.told.refiner_prompt for job in jobs]
            negatives = [job.told.refiner_negative for job in jobs]
            yield self._leg(self._refining, (prompts, negatives), pixels, first.split)

    def _leg(
        self, model: Model, texts: tuple[list[str], list[str]], pixels: Tensor, first: int
    ) -> Leg:
        job, count = self.jobs[0], len(self.jobs)
        asked = [*texts[0], *texts[1]] if job.needs_negative else texts[0]
        skips = [job.paint.clip_skip for job in self.jobs] * (len(asked) // count)
        said = model.words(asked, skips, job.told.loras)
        return Leg(
            model.family,
            said[:count],
            said[count:] if job.needs_negative else None,
            self._each("cfg"),
            guider(job.paint.guider),
            self._guides(model, pixels),
            first,
            job.split if first < job.split else job.steps,
        )

    def _guides(self, model: Model, pixels: Tensor) -> Guides:
        guides = Guides(
            self.jobs[0].size,
            hole(model.family, pixels, self.jobs) if model.family.takes_hole else None,
            self._each("guidance"),
        )
        if model is not self.model:
            # Controls are made for the model that they are named beside.
            return guides
        return replace(
            guides,
            hints=hints(self.jobs, model.controls),
            references=references(self.jobs, model.controls),
        )

    def _each(self, setting: str) -> Tensor:
        """(B,) a number of each job's settings."""
        values = [float(getattr(job.paint, setting)) for job in self.jobs]
        return torch.tensor(values, device=self.model.device)

    def _progress(self, stage: Stage, cycle: int) -> Progress:
        steps = self.jobs[0].steps
        count = f"{len(self.jobs)} regions" if len(self.jobs) > 1 else "1 region"
        done = cycle * steps + stage.step
        text = f"diffusion: {count} of {self.jobs[0].size}"
        shown = self.model.preview(stage.clean) if self.model.preview else []
        indices = (job.cutout.patch.index for job in self.jobs)
        previews = dict(zip(indices, shown, strict=False))
        return Progress(done, steps * self._paint.cycle, text, previews)

    def _answers(self, clean: Tensor, lost: Tensor) -> Iterator[Painted | Failed]:
        with self._tiles():
            pictures = self.model.family.vae.decode_safely(clean)
        for job, picture, gone in zip(self.jobs, pictures, lost.tolist(), strict=True):
            patch = job.cutout.patch
            if gone:
                yield Failed(patch, "the network's prediction is not finite; try dtype=fp32")
            elif picture is None:
                yield Failed(patch, "the VAE gives no finite picture in any precision")
            else:
                pixels = job.fit.undone(picture.permute(1, 2, 0).numpy())
                if job.cutout.compatible:
                    # The nodes cut off what is finer than 8 bits, also where nothing is resized.
                    pixels = (pixels * 255).astype(np.uint8)
                # Where all was to change, nothing tells how the VAE changes what was not.
                drifts = job.act.mode != "off"
                yield Painted(patch, pixels, drifts, notes=_notes(job))


def _notes(job: Job) -> dict[str, object]:
    return {"seed": job.paint.seed, "steps": job.steps, "size": [job.size.width, job.size.height]}
