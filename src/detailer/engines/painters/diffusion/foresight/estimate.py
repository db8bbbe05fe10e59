"""Estimate: what painting a plan will cost, told from the plan and the files' headers alone."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

from detailer.core.geometry import Size
from detailer.core.paint import Paint
from detailer.core.plan import Patch, Plan
from detailer.engines.painters.diffusion.foresight.footprint import Footprint, footprint_of
from detailer.engines.painters.diffusion.loading.card import FAMILIES, Card
from detailer.engines.painters.diffusion.loading.defaults import defaults_for
from detailer.engines.painters.diffusion.loading.families import recognised
from detailer.engines.painters.diffusion.loading.source import Source
from detailer.engines.painters.diffusion.options import Options
from detailer.engines.painters.diffusion.told import told

_TWICE: Final = (
    "heun", "dpm_2", "dpm_2_ancestral", "dpmpp_2s_ancestral", "dpmpp_2s_ancestral_cfg_pp",
    "dpmpp_sde", "dpmpp_sde_gpu", "seeds_2", "sa_solver_pece",
)  # fmt: skip
_FEWEST_SIDE = 8


@dataclass(frozen=True)
class Batch:
    """Regions that share every pass of the network.

    `calls` are passes of the network, each with `rows` samples: the regions, and their negatives
    where cfg asks for them. `encodes` are passes of the VAE's encoder.
    """

    wave: int
    regions: tuple[int, ...]
    size: Size
    calls: int
    rows: int
    encodes: int = 1
    decodes: int = 1


@dataclass(frozen=True)
class Estimate:
    """What painting a plan will cost; `texts` are encoded once each, with LoRAs of their own."""

    model: Card
    batches: tuple[Batch, ...]
    texts: int
    footprint: Footprint

    @property
    def calls(self) -> int:
        """Passes of the network."""
        return sum(batch.calls for batch in self.batches)

    def values(self) -> dict[str, Any]:
        """All of it as plain values, for JSON."""
        batches = [
            {**asdict(batch), "size": [batch.size.width, batch.size.height]}
            for batch in self.batches
        ]
        return {
            "family": self.model.family,
            "batches": batches,
            "network_calls": self.calls,
            "texts": self.texts,
            "vae_encodes": sum(batch.encodes for batch in self.batches),
            "vae_decodes": sum(batch.decodes for batch in self.batches),
            "memory": self.footprint.values(),
        }

    def lines(self) -> list[str]:
        """All of it in words."""
        return [
            *(_told(batch) for batch in self.batches),
            f"network: {self.calls} calls; texts encoded: {self.texts}; VAE: "
            f"{sum(batch.encodes for batch in self.batches)} encoded, "
            f"{sum(batch.decodes for batch in self.batches)} decoded",
            f"{self.model.family}: {self.footprint.told()}",
        ]


def estimate(path: str, plan: Plan, batch_size: int, options: Options | None = None) -> Estimate:
    """What painting a plan will cost with a model; its weights are not loaded.

    Memory may force smaller batches, and with denoise 1 the scheduler ddim_uniform may take a
    step more; all else is exact.

    Args:
        path: The model: a folder, a single file, or a Hub name that is in the local cache.
        plan: What is to be painted; each patch carries its own settings.
        batch_size: Regions that are handed over at once at most.

    Raises:
        InputError, MissingEngineError, EngineError: If the model is not there or not understood.
    """
    options = options or Options()
    card = recognised(Source.parse(path), options.variant)
    footprint = footprint_of(card, options)
    # A family that is new to us is painted by diffusers' own pipeline, one by one.
    limit = batch_size if footprint.batches and card.family in FAMILIES else 1
    multiple = int(defaults_for(card).get("crop", {}).get("multiple", _FEWEST_SIDE))
    batches = tuple(
        _batch(wave, jobs, card)
        for wave, patches in enumerate(plan.waves())
        for jobs in _batches([_Job.of(patch, multiple) for patch in patches], batch_size, limit)
    )
    largest = max((batch.rows * batch.size.area for batch in batches), default=0)
    decoded = max((len(batch.regions) * batch.size.area for batch in batches), default=0)
    texts = len(set(_texts(patch.paint for patch in plan.patches)))
    return Estimate(card, batches, texts, footprint.in_use(largest, decoded))


@dataclass(frozen=True)
class _Job:
    """A patch with the size that the model sees."""

    patch: Patch
    size: Size

    @classmethod
    def of(cls, patch: Patch, multiple: int) -> _Job:
        cut_off = patch.window.scale_y is not None
        whole = (
            max(1, side // multiple if cut_off else -(-side // multiple)) * multiple
            for side in (patch.size.width, patch.size.height)
        )
        return cls(patch, Size(*whole))

    @property
    def key(self) -> Hashable:
        """What must be equal in one pass."""
        paint = self.patch.paint
        alike = paint.model_dump(mode="json", include=set(_ALIKE))
        loras = told(paint).loras
        return self.size, _steps(paint), _needs_negative(paint), loras, str(alike)


_ALIKE: Final = (
    "sampler_name", "cycle", "guider", "shift", "inpaint_model", "refiner", "refiner_ratio",
    "controls",
)  # fmt: skip


def _batches(jobs: Sequence[_Job], handed: int, limit: int) -> Iterator[list[_Job]]:
    alike = sorted(jobs, key=lambda job: job.patch.size)
    for start in range(0, len(alike), handed):
        buckets: dict[Hashable, list[_Job]] = {}
        for job in alike[start : start + handed]:
            buckets.setdefault(job.key, []).append(job)
        for bucket in buckets.values():
            yield from (bucket[i : i + limit] for i in range(0, len(bucket), limit))


def _batch(wave: int, jobs: Sequence[_Job], card: Card) -> Batch:
    paint = jobs[0].patch.paint
    regions = tuple(job.patch.index for job in jobs)
    return Batch(
        wave,
        regions,
        jobs[0].size,
        calls=paint.cycle * network_calls(paint.sampler_name, _steps(paint)),
        rows=len(jobs) * (1 + _needs_negative(paint)),
        # A model made for inpainting is shown the picture with a hole as well.
        encodes=1 + card.inpaint,
    )


def network_calls(sampler_name: str, steps: int) -> int:
    """Passes of the network in so many steps; most samplers look once at each."""
    if sampler_name == "heunpp2":
        return max(3 * steps - 3, 1)
    if sampler_name == "seeds_3":
        return 3 * steps - 2
    return 2 * steps - 1 if sampler_name in _TWICE else steps


def _steps(paint: Paint) -> int:
    return len(paint.sigmas) - 1 if paint.sigmas else paint.steps


def _needs_negative(paint: Paint) -> bool:
    return paint.cfg != 1 or paint.sampler_name.endswith("_cfg_pp")


def _texts(paints: Iterable[Paint]) -> Iterator[Hashable]:
    for paint in paints:
        said, count = told(paint), 1 + _needs_negative(paint)
        texts = (said.prompt, said.negative)[:count]
        yield from (("base", text, paint.clip_skip, said.loras) for text in texts)
        if paint.refiner:
            texts = (said.refiner_prompt, said.refiner_negative)[:count]
            yield from ((paint.refiner, text, paint.clip_skip) for text in texts)


def _told(batch: Batch) -> str:
    count = f"{len(batch.regions)} region{'s' * (len(batch.regions) > 1)}"
    return (
        f"wave {batch.wave}: {count} of {batch.size} at once: {batch.calls} network calls"
        f" with {batch.rows} samples each"
    )
