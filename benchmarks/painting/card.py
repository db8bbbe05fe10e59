"""Card: eight faces on a graphics card, in one batch and one by one, ours and diffusers'."""

from __future__ import annotations

import gc
import statistics
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from benchmarks.painting.clock import now
from benchmarks.painting.models import checkpoint, sdxl_folder
from benchmarks.painting.scene import NEGATIVE, PROMPT, Work
from diffusers import (
    EulerDiscreteScheduler,
    StableDiffusionInpaintPipeline,
    StableDiffusionXLInpaintPipeline,
)
from PIL import Image

from detailer import Cutout
from detailer.engines.painters.diffusion.loading import Source, open_pipeline
from detailer.engines.painters.diffusion.options import Options
from detailer.engines.painters.diffusion.painter import open_diffusion

INPAINT = {"sd15": StableDiffusionInpaintPipeline, "sdxl": StableDiffusionXLInpaintPipeline}
SIDES = (512, 1024)
FACES = 8


def measured(cache: Path, work: Work, runs: int) -> dict[str, Any]:
    """Model to side to way to seconds, faces a second, and GiB of the card."""
    work = replace(work, faces=FACES)
    report: dict[str, Any] = {"card": torch.cuda.get_device_name(), "steps": work.steps}
    for model in INPAINT:
        path, options = _places(cache, model)
        sides: dict[str, dict[str, Any]] = {str(side): {} for side in SIDES}
        # One after the other, so that neither's weights count as the other's memory.
        for load in (_ours, _stock):
            ways = load(model, path, options)
            for side in SIDES:
                sides[str(side)] |= _side(ways, replace(work, side=side), runs)
            del ways
            gc.collect()
            torch.cuda.empty_cache()
        report[model] = {
            side: {**figures, "ratios": dict(_ratios(figures))} for side, figures in sides.items()
        }
    return report


def _places(cache: Path, model: str) -> tuple[str, Options]:
    if model == "sdxl":
        return str(sdxl_folder(cache)), Options(device="cuda", dtype="fp16")
    made = checkpoint(cache)
    return str(made.path), Options(device="cuda", dtype="fp16", config=str(made.config))


Way = Callable[[list[Cutout]], None]


def _side(ways: dict[str, Way], work: Work, runs: int) -> dict[str, Any]:
    """All ways over the same cutouts, in turns."""
    cutouts = work.cutouts()
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    peaks = {}
    for turn in range(runs + 1):
        for name, way in ways.items():
            torch.cuda.reset_peak_memory_stats()
            start = now()
            way(cutouts)
            # The first turn warms up.
            if turn:
                seconds[name].append(now() - start)
            peaks[name] = torch.cuda.max_memory_allocated() / 2**30
    return {
        name: {
            "seconds": round(statistics.median(values), 3),
            "faces_a_second": round(len(cutouts) / statistics.median(values), 3),
            "gib": round(peaks[name], 2),
        }
        for name, values in seconds.items()
    }


def _ratios(figures: dict[str, dict[str, float]]) -> Iterator[tuple[str, float]]:
    """How many times as fast the first of each pair is."""
    seconds = {name: values["seconds"] for name, values in figures.items()}
    for name in ("ours", "diffusers"):
        pace = seconds[f"{name}_one_by_one"] / seconds[f"{name}_batch"]
        yield f"{name}_batch_over_one_by_one", round(pace, 3)
    for way in ("batch", "one_by_one"):
        pace = seconds[f"diffusers_{way}"] / seconds[f"ours_{way}"]
        yield f"ours_over_diffusers_{way}", round(pace, 3)


def _ours(model: str, path: str, options: Options) -> dict[str, Way]:
    painter = open_diffusion(path, options)

    def batch(cutouts: list[Cutout]) -> None:
        answers = list(painter(cutouts))
        assert sum(hasattr(answer, "pixels") for answer in answers) == len(cutouts)

    def one_by_one(cutouts: list[Cutout]) -> None:
        for cutout in cutouts:
            batch([cutout])

    return {"ours_batch": batch, "ours_one_by_one": one_by_one}


def _stock(model: str, path: str, options: Options) -> dict[str, Way]:
    """diffusers' inpaint pipeline; it encodes its texts each time."""
    parts = open_pipeline(Source.parse(path), options).pipe.components
    if model == "sd15":
        parts["requires_safety_checker"] = False
    pipe: Any = INPAINT[model](**parts)
    # As we load it its VAE may be in bf16, and this pipeline wants one precision.
    pipe.to(torch.float16 if options.dtype == "fp16" else torch.float32)
    pipe.scheduler = EulerDiscreteScheduler.from_config(pipe.scheduler.config)
    pipe.set_progress_bar_config(disable=True)

    def batch(cutouts: list[Cutout]) -> None:
        paint, count = cutouts[0].patch.paint, len(cutouts)
        height, width = cutouts[0].pixels.shape[:2]
        seeds = range(count)
        pipe(
            prompt=[PROMPT] * count,
            negative_prompt=[NEGATIVE] * count,
            image=[_picture(cutout.pixels) for cutout in cutouts],
            mask_image=[_picture(cutout.noise_mask) for cutout in cutouts],
            width=width,
            height=height,
            num_inference_steps=2 * paint.steps,
            strength=(paint.steps + 0.5) / (2 * paint.steps),
            guidance_scale=paint.cfg,
            generator=[torch.Generator("cpu").manual_seed(seed) for seed in seeds],
            output_type="np",
        )

    def one_by_one(cutouts: list[Cutout]) -> None:
        for cutout in cutouts:
            batch([cutout])

    return {"diffusers_batch": batch, "diffusers_one_by_one": one_by_one}


def _picture(pixels: np.ndarray) -> Image.Image:
    return Image.fromarray((pixels * 255).astype(np.uint8))
