"""Fallback: paints with diffusers' own inpaint pipeline, for families that have no adapter."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import diffusers
import numpy as np
import torch
from torch import Tensor

from detailer.core.paint import Paint
from detailer.core.pixels import Alpha, Pixels
from detailer.core.plan import Cutout, Failed, Painted, Progress
from detailer.engines.painters.diffusion.loading import Loaded
from detailer.engines.painters.diffusion.loading.quiet import quiet
from detailer.engines.painters.diffusion.noise import SEEDS
from detailer.engines.painters.diffusion.text.weights import plain
from detailer.engines.painters.diffusion.told import told
from detailer.errors import DetailerError, EngineError, InputError

_FULL = 0.9999
_TRAINED_STEPS = 1000
_PROBE = 10


@dataclass(frozen=True, slots=True)
class Schedule:
    """What a stock pipeline is told so that exactly so many steps run: its last ones.

    `total` is its num_inference_steps, of which it leaves out the first, by `strength`.
    """

    total: int
    strength: float


def schedule_of(steps: int, denoise: float, rounds_down: bool) -> Schedule:
    """ComfyUI's meaning of steps and denoise: the last `steps` of floor(steps / denoise).

    Pipelines differ in what they truncate, so a half step more or less keeps clear of both ways;
    strength = denoise never runs as many steps as were asked for.

    Args:
        steps: How many are to run, at least 1.
        denoise: 0 (excluded) to 1.
        rounds_down: Whether total * strength is rounded down to the steps that run, as those of
            Stable Diffusion 1, 2 and XL do; the others round down what is left out.
    """
    if denoise > _FULL:
        return Schedule(steps, 1.0)
    # No model knows more noise levels than it was trained at.
    total = max(steps, min(int(steps / denoise), _TRAINED_STEPS))
    if total == steps:
        return Schedule(steps, 1.0)
    return Schedule(total, (steps + (0.5 if rounds_down else -0.5)) / total)


class StockPipeline:
    """A model in diffusers' own inpaint pipeline, as a painter: one region at a time.

    Its masks are hard, its sampler and noise levels are those of the model's scheduler, and it
    knows no controls, no LoRAs by tags and no refiner.
    """

    def __init__(self, loaded: Loaded) -> None:
        """Raises EngineError if diffusers has no pipeline that inpaints with such a model."""
        with quiet():
            self._pipe = inpainting(loaded.pipe)
        self._pipe.set_progress_bar_config(disable=True)
        self._takes = inspect.signature(self._pipe.__call__).parameters
        self._rounds_down = rounds_down(self._pipe)

    @property
    def multiple(self) -> int:
        """Sides of what the model sees are multiples of this, px."""
        cell = int(getattr(self._pipe, "vae_scale_factor", 8))
        return cell if getattr(self._pipe, "unet", None) is not None else 2 * cell

    def __call__(self, cutouts: Sequence[Cutout], /) -> Iterator[Progress | Painted | Failed]:
        """An answer for each cutout, and a Progress after it."""
        for done, cutout in enumerate(cutouts, 1):
            try:
                painted = self.paint(cutout.pixels, cutout.noise_mask, cutout.patch.paint)
            except DetailerError as error:
                yield Failed(cutout.patch, str(error))
            else:
                yield Painted(cutout.patch, painted, drifts=True)
            yield Progress(done, len(cutouts), "diffusion: diffusers' own pipeline")

    def paint(self, pixels: Pixels, mask: Alpha, paint: Paint) -> Pixels:
        """What the pipeline makes of pixels where the mask is not 0.

        Args:
            pixels: (h, w, 3) float32 0..1.
            mask: (h, w) float32 0..1; hard, as all of diffusers' are.
            paint: Prompt, negative, seed, steps, denoise, cfg, guidance and cycle are used.

        Raises:
            InputError: If something is asked for that stock pipelines cannot do.
            EngineError: If the pipeline fails, or makes something that is not finite.
        """
        check(paint)
        height, width = mask.shape
        extra = [(0, -side % self.multiple) for side in (height, width)]
        seen = torch.from_numpy(np.pad(pixels, [*extra, (0, 0)], "edge")).permute(2, 0, 1)[None]
        hole = torch.from_numpy(np.pad(mask, extra, "edge") > 0)[None, None].float()
        for cycle in range(paint.cycle):
            seen = self._painted(seen, hole, paint.but(seed=(paint.seed + cycle) % SEEDS))
        if not bool(torch.isfinite(seen).all()):
            raise EngineError("the network's picture is not finite; try dtype=fp32")
        return seen[0].permute(1, 2, 0)[:height, :width].numpy().astype(np.float32)

    @torch.no_grad()
    def _painted(self, pixels: Tensor, mask: Tensor, paint: Paint) -> Tensor:
        schedule = schedule_of(paint.steps, paint.denoise, self._rounds_down)
        said = told(paint)
        asked = {
            "prompt": plain(said.prompt),
            "image": pixels,
            "mask_image": mask,
            "height": pixels.shape[-2],
            "width": pixels.shape[-1],
            "num_inference_steps": schedule.total,
            "strength": schedule.strength,
            "generator": torch.Generator("cpu").manual_seed(paint.seed),
            "output_type": "np",
            **self._guidance(paint),
        }
        known = {name: value for name, value in asked.items() if name in self._takes}
        try:
            with quiet():
                images = self._pipe(**known).images
        except (ValueError, TypeError, AttributeError, RuntimeError) as fault:
            raise EngineError(f"{type(self._pipe).__name__} cannot paint: {fault}") from fault
        return torch.from_numpy(np.asarray(images)).permute(0, 3, 1, 2)

    def _guidance(self, paint: Paint) -> dict[str, Any]:
        """How the prompt is followed: in two ways where guidance is built into the model."""
        negative = {"negative_prompt": plain(told(paint).negative)} if paint.cfg != 1 else {}
        if "true_cfg_scale" in self._takes:
            built_in = {"guidance_scale": paint.guidance}
            return {"true_cfg_scale": paint.cfg, **built_in, **negative}
        return {"guidance_scale": paint.cfg, **negative}


def check(paint: Paint) -> None:
    """Refuses what stock pipelines cannot do, rather than leaving it out in silence.

    Raises:
        InputError: If there are controls, a refiner or LoRA tags.
    """
    loras = told(paint).loras
    asked = {"controls": paint.controls, "refiner": paint.refiner, "<lora:…>": loras}
    wrong = [name for name, value in asked.items() if value]
    if wrong:
        raise InputError(
            f"{', '.join(wrong)}: diffusers' own pipeline, which paints for a model of this"
            " family, takes none; leave it out"
        )


def inpainting(pipe: Any) -> Any:
    """The pipeline that inpaints with the parts of another; the same where it does itself.

    Raises:
        EngineError: If diffusers has none.
    """
    if _inpaints(type(pipe)):
        return pipe
    name = type(pipe).__name__
    kind = getattr(diffusers, f"{name.removesuffix('Pipeline')}InpaintPipeline", None)
    if kind is None or not _inpaints(kind):
        return _listed(pipe)
    known = inspect.signature(kind.__init__).parameters
    given = {**pipe.config, **pipe.components}
    return kind(**{name: value for name, value in given.items() if name in known})


def rounds_down(pipe: Any) -> bool:
    """Whether a pipeline rounds down the steps that run, and not those that it leaves out."""
    if not hasattr(pipe, "get_timesteps"):
        return False
    _, steps = pipe.get_timesteps(_PROBE, (_PROBE / 2 + 0.5) / _PROBE, "cpu")
    return bool(steps == _PROBE // 2)


def _inpaints(kind: Any) -> bool:
    return "mask_image" in inspect.signature(kind.__call__).parameters


def _listed(pipe: Any) -> Any:
    """What diffusers' own list has for it: those with other names than by its habit."""
    # Here, because it imports all pipelines that there are.
    from diffusers import AutoPipelineForInpainting

    try:
        return AutoPipelineForInpainting.from_pipe(pipe)
    except ValueError as error:
        raise EngineError(
            f"diffusers {diffusers.__version__} has no pipeline that inpaints with a"
            f" {type(pipe).__name__}; take another model, or upgrade diffusers"
        ) from error
