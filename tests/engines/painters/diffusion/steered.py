"""Small networks of random weights that guide one another, and jobs for them, for tests."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import diffusers
import numpy as np
import torch
from PIL import Image
from torch import Tensor

from detailer.core.canvas import Canvas
from detailer.core.geometry import Box, Size
from detailer.core.matte import Matte
from detailer.core.paint import Control, Paint
from detailer.core.pixels import Pixels
from detailer.core.plan import Cutout, Patch
from detailer.core.region import Region
from detailer.core.window import Window
from detailer.engines.painters.diffusion.condition import Condition
from detailer.engines.painters.diffusion.fit import Fit, fit_of
from detailer.engines.painters.diffusion.forward import Forward, Guides
from detailer.engines.painters.diffusion.guides.control import residuals
from detailer.engines.painters.diffusion.guides.hints import Controls
from detailer.engines.painters.diffusion.table import Table, betas

WIDTH = 16
SIDE = 32
TABLE = Table.trained(betas())


def unet(channels: int = 4, **changes: Any) -> Any:
    """Two levels, the second with attention; an SDXL-like one with `addition_embed_type`."""
    torch.manual_seed(7)
    settings: dict[str, Any] = {
        "block_out_channels": (8, 16),
        "layers_per_block": 1,
        "sample_size": 8,
        "in_channels": channels,
        "out_channels": 4,
        "down_block_types": ("DownBlock2D", "CrossAttnDownBlock2D"),
        "up_block_types": ("CrossAttnUpBlock2D", "UpBlock2D"),
        "cross_attention_dim": WIDTH,
        "attention_head_dim": 4,
        "norm_num_groups": 4,
    }
    net = diffusers.UNet2DConditionModel(**(settings | changes)).eval()
    return net.requires_grad_(False)


def xl_unet() -> Any:
    return unet(
        addition_embed_type="text_time",
        addition_time_embed_dim=4,
        projection_class_embeddings_input_dim=8 + 6 * 4,
        use_linear_projection=True,
    )


def controlnet(steered: Any, seed: int = 1) -> Any:
    """A ControlNet whose last layers are not zero, as they are before training."""
    torch.manual_seed(seed)
    net = diffusers.ControlNetModel.from_unet(
        steered, conditioning_embedding_out_channels=(4, 4, 8, 8), load_weights_from_unet=False
    )
    for layer in (*net.controlnet_down_blocks, net.controlnet_mid_block):
        torch.nn.init.normal_(layer.weight, std=0.3)
    torch.nn.init.normal_(net.controlnet_cond_embedding.conv_out.weight, std=0.3)
    return net.eval().requires_grad_(False)


def vae() -> Any:
    torch.manual_seed(3)
    return diffusers.AutoencoderKL(
        block_out_channels=[8] * 4,
        down_block_types=["DownEncoderBlock2D"] * 4,
        up_block_types=["UpDecoderBlock2D"] * 4,
        layers_per_block=1,
        norm_num_groups=4,
        latent_channels=4,
        scaling_factor=0.18215,
    ).eval()


def loaded(denoiser: Any, **parts: Any) -> Any:
    """What the loader gives, as far as controls look at it."""
    pipe = SimpleNamespace(unet=denoiser, vae=vae(), **parts)
    return SimpleNamespace(pipe=pipe, device=torch.device("cpu"), dtype=torch.float32)


def controls(denoiser: Any, **preprocessors: Any) -> Controls:
    return Controls(loaded(denoiser), preprocessors)


@dataclass(frozen=True, eq=False)
class ToyJob:
    """The part of a Job that guides look at."""

    cutout: Cutout
    fit: Fit
    table: Table = TABLE

    @property
    def paint(self) -> Paint:
        return self.cutout.patch.paint


def picture(size: Size, seed: int = 0) -> Pixels:
    """Smooth noise, so that resampling it twice is much the same as once."""
    rough = np.random.default_rng(seed).random((6, 8, 3), np.float32)
    levels = np.round(rough * 255).astype(np.uint8)
    large = Image.fromarray(levels).resize((size.width, size.height), Image.Resampling.BICUBIC)
    return np.asarray(large, np.float32) / np.float32(255)


def job(pixels: Pixels, window: Window, paint: Paint, box: Box | None = None) -> Any:
    """One region of a picture, its mask the box (all of the window's if there is none)."""
    canvas = Canvas(pixels)
    box = box or window.footprint.clipped(canvas.size.box)
    patch = Patch(0, Region.from_box(box), window, Matte.filled(box), paint)
    cutout = Cutout(patch, canvas.read(window.footprint), canvas.size)
    return ToyJob(cutout, fit_of(cutout, 8))


def square(paint: Paint, seed: int = 0) -> Any:
    """A region that is all of a small picture."""
    return job(picture(Size(SIDE, SIDE), seed), Window(0, 0, Size(SIDE, SIDE), 1.0), paint)


def asked(*given: Control) -> Paint:
    return Paint(controls=given)


def saved(net: Any, folder: Path) -> str:
    net.save_pretrained(folder)
    return str(folder)


def saved_picture(pixels: Pixels, path: Path) -> str:
    Image.fromarray(np.round(pixels * 255).astype(np.uint8)).save(path)
    return str(path)


@dataclass(frozen=True, eq=False)
class Pass:
    """Inputs of a batch of passes, the same for each row of any batch."""

    count: int
    sigma: float | tuple[float, ...] = 2.0

    @property
    def forward(self) -> Forward:
        return self.guided(Guides(Size(SIDE, SIDE)))

    def guided(self, guides: Guides) -> Forward:
        generator = torch.Generator().manual_seed(5)
        x = torch.randn(1, 4, SIDE // 8, SIDE // 8, generator=generator)
        text = torch.randn(5, WIDTH, generator=generator)
        sigma = torch.full((self.count,), self.sigma) if isinstance(self.sigma, float) else None
        return Forward(
            x.repeat(self.count, 1, 1, 1),
            torch.tensor(self.sigma) if sigma is None else sigma,
            [Condition({"hidden": text})] * self.count,
            guides,
        )


def added_to(denoiser: Any, forward: Forward) -> dict[str, Tensor] | None:
    """What an SDXL-like UNet is told besides the text."""
    if not denoiser.config.addition_embed_type:
        return None
    count = len(forward.x)
    return {"text_embeds": torch.ones(count, 8), "time_ids": torch.full((count, 6), 32.0)}


def output(denoiser: Any, forward: Forward, more: dict[str, Any] | None = None) -> Tensor:
    """What a UNet predicts in a pass, steered by its hints."""
    hidden = torch.stack([condition["hidden"] for condition in forward.conditions])
    timestep = TABLE.timestep(forward.sigma)
    added = added_to(denoiser, forward)
    with torch.no_grad():
        steered = residuals(forward, forward.x, timestep, hidden, added)
        result: Tensor = denoiser(
            forward.x,
            timestep,
            encoder_hidden_states=hidden,
            added_cond_kwargs={**(added or {}), **(more or {})} or None,
            return_dict=False,
            **steered,
        )[0]
    return result
