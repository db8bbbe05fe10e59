"""Contestants: ours, ComfyUI and the stock pipelines, each painting the same cutout."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from benchmarks.painting.clock import timed
from benchmarks.painting.models import Checkpoint
from benchmarks.painting.scene import NEGATIVE, PROMPT, Work
from diffusers import (
    EulerDiscreteScheduler,
    StableDiffusionImg2ImgPipeline,
    StableDiffusionInpaintPipeline,
)
from PIL import Image
from tests.interop.comfyui import Comfy, checkout

from detailer import Cutout

Once = Callable[[], dict[str, Any]]
"""Paints the cutout once; answers with at least "seconds"."""

DTYPES = ("fp32", "bf16")
COMFYUI = {
    "comfyui_fp32": ("--cpu", "--force-fp32"),
    "comfyui_fp32_pytorch": ("--cpu", "--force-fp32", "--use-pytorch-cross-attention"),
    "comfyui_default": ("--cpu",),
    "comfyui_bf16": ("--cpu", "--bf16-unet", "--bf16-vae"),
}
STOCK = {
    "inpaint": StableDiffusionInpaintPipeline,
    "img2img": StableDiffusionImg2ImgPipeline,
}
NAMES = (
    *COMFYUI,
    *(f"ours_{dtype}" for dtype in DTYPES),
    *(f"{kind}_{dtype}" for kind in STOCK for dtype in DTYPES),
)


@dataclass(frozen=True, eq=False)
class Run:
    """A contestant who is ready, and what it says of itself."""

    once: Once
    told: dict[str, Any]


@dataclass(frozen=True, eq=False)
class Ring:
    """Everybody who takes part, over the same checkpoint, work and number of threads."""

    checkpoint: Checkpoint
    work: Work
    stack: ExitStack
    _painters: dict[str, Any] = field(default_factory=dict)

    def enter(self, names: list[str]) -> Iterator[tuple[str, Run]]:
        """Each contestant, loaded and warm; its texts are encoded already, as everybody's."""
        cutout = self.work.cutouts()[0]
        for name in names:
            kind, _, dtype = name.partition("_")
            if kind == "comfyui":
                run = self._comfyui(COMFYUI[name], cutout)
            elif kind == "ours":
                run = self._ours(dtype, cutout)
            else:
                run = self._stock(kind, dtype, cutout)
            yield name, run

    def _painter(self, dtype: str) -> Any:
        """Ours, opened once; the stock pipelines borrow its networks, so that all fit in memory."""
        if dtype not in self._painters:
            self._painters[dtype] = self.checkpoint.painter(device="cpu", dtype=dtype)
        return self._painters[dtype]

    def _ours(self, dtype: str, cutout: Cutout) -> Run:
        painter = self._painter(dtype)

        def run() -> dict[str, Any]:
            with timed() as clock:
                *_, answer = painter([cutout])
            assert answer.pixels.shape[:2] == (self.work.side, self.work.side), answer
            return clock.report()

        return Run(run, {"dtype": dtype})

    def _comfyui(self, flags: tuple[str, ...], cutout: Cutout) -> Run:
        folder = checkout()
        if folder is None:
            raise SystemExit("COMFYUI_DIR names no checkout of ComfyUI")
        threads = torch.get_num_threads()
        comfy = self.stack.enter_context(Comfy(folder, self.checkpoint.path, flags, threads))
        positive, negative = comfy.encode([PROMPT, NEGATIVE])
        given = {
            "image": cutout.pixels[None].astype(np.float32),
            "mask": cutout.noise_mask,
            "positive": positive,
            "negative": negative,
        }
        case = {**self._case(), "mask": "hard"}

        def run() -> dict[str, Any]:
            figures = comfy.paint(case, given).figures
            vae = figures["encode_seconds"] + figures["decode_seconds"]
            return {
                "seconds": figures["seconds"] + vae,
                "cpu_seconds": figures["cpu_seconds"],
                "sampling": figures["seconds"],
                "vae": vae,
                "calls": {"unet": len(figures["timesteps"])},
            }

        return Run(run, comfy.loaded)

    def _case(self) -> dict[str, Any]:
        paint = self.work.paint
        return {
            "seed": 7,
            "steps": paint.steps,
            "cfg": paint.cfg,
            "sampler": paint.sampler_name,
            "scheduler": paint.scheduler,
            "denoise": paint.denoise,
        }

    def _stock(self, kind: str, dtype: str, cutout: Cutout) -> Run:
        pipe = stock_pipeline(kind, self._painter(dtype).model.pipe)
        given = self._stock_call(pipe, kind, cutout)

        def run() -> dict[str, Any]:
            with timed() as clock:
                pipe(**given, generator=torch.Generator().manual_seed(7))
            return clock.report()

        return Run(run, {"pipeline": type(pipe).__name__})

    def _stock_call(self, pipe: Any, kind: str, cutout: Cutout) -> dict[str, Any]:
        """What makes a stock pipeline run just as many steps over the same part of the noise."""
        steps, paint = self.work.steps, self.work.paint
        positive, negative = pipe.encode_prompt(
            PROMPT, torch.device("cpu"), 1, True, negative_prompt=NEGATIVE
        )
        picture = Image.fromarray((cutout.pixels * 255).astype(np.uint8))
        mask = Image.fromarray((cutout.noise_mask * 255).astype(np.uint8))
        sides = {"width": self.work.side, "height": self.work.side}
        return {
            "prompt_embeds": positive,
            "negative_prompt_embeds": negative,
            "image": picture,
            "num_inference_steps": 2 * steps,
            "strength": (steps + 0.5) / (2 * steps),
            "guidance_scale": paint.cfg,
            "output_type": "np",
            **({"mask_image": mask, **sides} if kind == "inpaint" else {}),
        }


def stock_pipeline(kind: str, pipe: Any) -> Any:
    """diffusers' own pipeline of the same networks, with Euler's steps."""
    made = STOCK[kind](**{**pipe.components, "requires_safety_checker": False})
    made.scheduler = EulerDiscreteScheduler.from_config(pipe.scheduler.config)
    made.set_progress_bar_config(disable=True)
    return made
