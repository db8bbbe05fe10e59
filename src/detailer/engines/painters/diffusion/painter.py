"""Painter: paints cutouts with a diffusion model, as many in one pass as fit."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import torch

from detailer.core.geometry import Size
from detailer.core.paint import Paint
from detailer.core.plan import Cutout, Failed, Painted, Progress
from detailer.engines.painters.diffusion.batch import Batch
from detailer.engines.painters.diffusion.fallback import StockPipeline
from detailer.engines.painters.diffusion.families import FAMILIES, Family
from detailer.engines.painters.diffusion.guides.preprocessors import Preprocessor
from detailer.engines.painters.diffusion.job import Job, bucketed, job_of
from detailer.engines.painters.diffusion.loading import Source, open_pipeline
from detailer.engines.painters.diffusion.model import Model, model_of, open_model
from detailer.engines.painters.diffusion.names import check
from detailer.engines.painters.diffusion.options import Options
from detailer.engines.painters.diffusion.schedules import SchedulerFunction
from detailer.engines.painters.diffusion.told import told
from detailer.errors import DetailerError, EngineError, InputError
from detailer.prompts.wording import Wording

# What torch says on Windows, on CUDA, on Linux, and of CUDA's libraries.
_WORDS = ("not enough memory", "out of memory", "can't allocate memory", "alloc_failed")


def open_diffusion(
    path: str,
    options: Options | None = None,
    schedule: SchedulerFunction | None = None,
    preprocessors: Mapping[str, Preprocessor] | None = None,
) -> Diffusion | StockPipeline:
    """The painter of a model: ours, or diffusers' own pipeline for families new to us.

    Args:
        path: A diffusers folder, a single .safetensors file, or a name on the Hub.
        options: The device, the precision, and what is loaded beside the model.
        schedule: Changes the scheduler's noise levels, as the nodes' scheduler_func.
        preprocessors: More of those that make control images, by name.

    Raises:
        InputError, MissingEngineError, EngineError: If the model cannot be loaded.
    """
    options = options or Options()
    loaded = open_pipeline(Source.parse(path), options)
    if loaded.card.family not in FAMILIES:
        return StockPipeline(loaded)
    return Diffusion(model_of(loaded, options, preprocessors), options, schedule)


class Diffusion:
    """A diffusion model as a painter.

    What is the same for all regions of a pass shares it; prompt, seed, denoise, cfg, noise levels
    and mask are each region's own, and a region's result does not depend on its company.

    Args:
        model: What paints.
        options: batching and step_noise are used, and all of them to open a refiner.
        schedule: Changes the scheduler's noise levels, as the nodes' scheduler_func.
    """

    def __init__(
        self,
        model: Model,
        options: Options | None = None,
        schedule: SchedulerFunction | None = None,
    ) -> None:
        self.model = model
        self.options = options or Options()
        self._schedule = schedule
        self._refiners: dict[str, Model] = {}
        # By the size that the model sees: what did not fit once is not tried again.
        self._limits: dict[Size, int] = {}

    def check(self, paint: Paint) -> None:
        """Refuse settings with which no region could be painted, before any is cut.

        Raises:
            InputError: If a name, a LoRA or an embedding is not known.
            EngineError: If a text cannot be encoded, or a LoRA is for another family.
        """
        check(paint)
        words = Wording.of(paint).common
        # What differs from region to region is told region by region.
        said = told(paint.but(**words.changes(paint) if words else {"prompt": ""}))
        self.model.loras.use(said.loras)
        if words:
            # What is encoded now is kept for the regions.
            self.model.words([said.prompt, said.negative], [paint.clip_skip] * 2, said.loras)

    @property
    def _batches(self) -> bool:
        if self.options.batching == "auto":
            return self.model.device.type != "cpu"
        return self.options.batching == "on"

    def __call__(self, cutouts: Sequence[Cutout], /) -> Iterator[Progress | Painted | Failed]:
        """A Progress after every step, and an answer for each cutout."""
        jobs: list[Job] = []
        for cutout in cutouts:
            try:
                jobs.append(job_of(cutout, self.model.family, self._schedule))
            except InputError as error:
                yield Failed(cutout.patch, str(error))
        try:
            yield from self._all(jobs)
        finally:
            for model in (self.model, *self._refiners.values()):
                model.rest()

    def _all(self, jobs: Sequence[Job]) -> Iterator[Progress | Painted | Failed]:
        waiting = bucketed(jobs, self._limit)
        done = 0.0
        while waiting:
            # Halves of a batch that did not fit are more work than it was.
            total = done + sum(_steps(batch) for batch in waiting)
            batch = waiting.pop(0)
            for answer in self._or_halves(batch, waiting):
                if isinstance(answer, Progress):
                    yield replace(answer, done=done + answer.done, total=total)
                else:
                    yield answer
            done += _steps(batch)

    def _or_halves(
        self, batch: list[Job], waiting: list[list[Job]]
    ) -> Iterator[Progress | Painted | Failed]:
        """A batch's answers; where it cannot be done its halves wait instead, or it has failed."""
        together = Batch(batch, self.model, self._refiner, self.options.step_noise)
        half = (len(batch) + 1) // 2
        try:
            yield from together.painted()
        except DetailerError as error:
            reason = str(error)
        except (RuntimeError, MemoryError) as error:
            if not _lacks_memory(error):
                raise
            reason = f"not enough memory for {batch[0].size}"
            self._limits[batch[0].size] = half
        else:
            return
        if self.model.device.type == "cuda":
            torch.cuda.empty_cache()
        if len(batch) == 1:
            yield Failed(batch[0].cutout.patch, reason)
        else:
            waiting[:0] = [batch[:half], batch[half:]]

    def _limit(self, size: Size) -> int:
        return self._limits.get(size, 1000) if self._batches else 1

    def _refiner(self, path: str) -> Model:
        if path not in self._refiners:
            # A configuration, a revision, a VAE and a preview are the model's own.
            own = {"config": "", "revision": "", "vae": "", "taesd": ""}
            model = open_model(path, self.options.but(**own))
            _check_refiner(path, model, self.model)
            self._refiners[path] = model
        return self._refiners[path]


def _steps(batch: Sequence[Job]) -> int:
    return batch[0].steps * batch[0].paint.cycle


def _check_refiner(path: str, refiner: Model, model: Model) -> None:
    """Refuses one that would read the model's latents as something else."""
    ours, theirs = model.family, refiner.family
    kinds = [(each.vae.channels, each.vae.factor, _is_flow(each)) for each in (ours, theirs)]
    if kinds[0] != kinds[1]:
        raise EngineError(
            f"refiner={path} is a {theirs.name}, which cannot go on with the latents of a"
            f" {ours.name}; take one of the same kind"
        )


def _is_flow(family: Family) -> bool:
    return family.table(Size(512, 512)).space.flow


def _lacks_memory(error: Exception) -> bool:
    return isinstance(error, torch.OutOfMemoryError | MemoryError) or any(
        word in str(error).lower() for word in _WORDS
    )
