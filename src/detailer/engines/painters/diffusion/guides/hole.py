"""Hole: what an inpaint model sees besides the latents: the mask, and the picture without it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import interpolate, pixel_unshuffle

from detailer.engines.painters.diffusion.space import across

if TYPE_CHECKING:
    from detailer.engines.painters.diffusion.families.family import Family
    from detailer.engines.painters.diffusion.job import Job

BY_CELL = ("flux",)
"""Families whose inpaint models see the mask pixel by pixel, as channels of each cell."""

_GREY = 0.5


def hole(family: Family, pixels: Tensor, jobs: Sequence[Job]) -> Tensor:
    """The mask and the latents of the picture with a hole, for a family that `takes_hole`.

    The hole is cut where `inpaint_model` asks for it, and where the whole crop is repainted. Else
    such a model sees the mask and the picture as it is, as in ComfyUI. A family that takes no
    hole is never asked: there `inpaint_model` changes nothing and the mask acts as always.

    Args:
        family: Its VAE encodes; those of BY_CELL see each pixel of the mask.
        pixels: (B, 3, H, W) 0..1, what the model sees of each job.
        jobs: Their masks and settings.

    Returns:
        (B, 1 + C, h, w) float32; for BY_CELL (B, f * f + C, h, w), f being the VAE's factor.
    """
    masks = np.stack([job.fit.mask(job.cutout) for job in jobs])
    emptied = torch.tensor([job.paint.inpaint_model or not job.paint.noise_mask for job in jobs])
    mask = torch.from_numpy(masks)[:, None]
    latents = family.vae.encode(with_hole(pixels, mask, emptied))
    part = cells(mask, family.vae.factor) if family.name in BY_CELL else small(mask, latents)
    return torch.cat([part.to(latents), latents], 1)


def with_hole(pixels: Tensor, mask: Tensor, emptied: Tensor) -> Tensor:
    """Pixels (B, 3, H, W) with grey where the mask (B, 1, H, W) rounds to 1.

    `emptied` is (B,) bool: the others stay whole. Diffusers' pipelines paint the same hole: they
    set a picture of -1..1 to 0.
    """
    kept = 1 - mask.round() * across(emptied, mask).to(mask.dtype)
    return (pixels - _GREY) * kept + _GREY


def small(mask: Tensor, latents: Tensor) -> Tensor:
    """A mask (B, 1, H, W) at the latents' size: 0 or 1, by what lies at each cell's middle.

    Diffusers' pipelines take the pixel at each cell's corner instead, which is the same wherever
    a cell is all hole or all picture.
    """
    size = (latents.shape[-2], latents.shape[-1])
    return interpolate(mask, size=size, mode="bilinear").round()


def cells(mask: Tensor, factor: int) -> Tensor:
    """A mask (B, 1, H, W) with each cell's pixels, rounded, as its channels: (B, f * f, h, w).

    Row by row, as Flux Fill has it.
    """
    return pixel_unshuffle(mask.round(), factor)
