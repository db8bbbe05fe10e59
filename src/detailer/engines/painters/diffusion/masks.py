"""Masks: which latents are kept, and until when."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

import torch
from torch import Tensor
from torch.nn.functional import interpolate

from detailer.core.paint import Paint
from detailer.core.pixels import Alpha
from detailer.core.plan import Cutout
from detailer.engines.painters.diffusion.fit import Fit
from detailer.engines.painters.diffusion.space import across
from detailer.engines.painters.diffusion.table import Table

Mode: TypeAlias = Literal["hard", "blend", "differential", "differential_comfy", "off"]


@dataclass(frozen=True, slots=True)
class Act:
    """How a mask acts; `strength`, above 0 to 1, is how suddenly a differential one lets go."""

    mode: Mode
    strength: float = 1.0


def act_of(paint: Paint, compatible: bool) -> Act:
    """What "auto" means: the nodes make a feathered mask a differential one."""
    if not paint.noise_mask:
        return Act("off")
    if paint.mask_mode != "auto":
        return Act(paint.mask_mode, paint.mask_strength)
    if paint.noise_mask_feather == 0:
        return Act("blend")
    return Act("differential_comfy" if compatible else "differential", paint.mask_strength)


def latent_mask(cutout: Cutout, fit: Fit, shape: tuple[int, int], mode: Mode) -> Tensor:
    """What the painter may change, (1, h, w) float32 0..1 in cells of the latents.

    The nodes stretch the crop's mask to the latents, though these are of a picture that was cut to
    multiples. Only with `inpaint_model` they bring it to the painted size and cut it alike,
    whatever the model is.
    """
    if mode == "off":
        return torch.ones(1, *shape)
    if cutout.compatible:
        cut_alike = cutout.patch.paint.inpaint_model
        mask = as_the_nodes(fit.mask(cutout) if cut_alike else cutout.noise_mask_of_crop, shape)
    else:
        mask = averaged(fit.mask(cutout), shape)
    return (mask > 0).float() if mode == "hard" else mask


def as_the_nodes(mask: Alpha, shape: tuple[int, int]) -> Tensor:
    """A mask (h, w) at the latents' shape, bilinear without antialiasing: (1, h, w)."""
    return interpolate(torch.from_numpy(mask)[None, None], size=shape, mode="bilinear")[0]


def averaged(mask: Alpha, shape: tuple[int, int]) -> Tensor:
    """A mask (h, w) averaged over each cell, (1, h, w): 0 only where all of the cell is 0."""
    return interpolate(torch.from_numpy(mask)[None, None], size=shape, mode="area")[0]


@dataclass(frozen=True, eq=False)
class Kept:
    """What of each sample stays as it is, and for how long.

    Args:
        latents: (B, C, h, w), clean: what is kept.
        noise: (B, C, h, w): what is laid over them at every noise level.
        mask: (B, 1, h, w) 0..1: 0 is kept.
        acts: How each sample's mask acts.
        sigmas: (B, N + 1): all noise levels of the run, also of its other legs.
    """

    latents: Tensor
    noise: Tensor
    mask: Tensor
    acts: Sequence[Act]
    sigmas: Tensor
    table: Table

    def at(self, sigma: Tensor) -> Tensor:
        """(B, 1, h, w): the mask at a noise level (B,).

        Differential diffusion (Levin and Fried, arXiv:2306.00950): a cell is let go once the
        share of the denoising that is left is no more than its mask.
        """
        reached = self.mask >= across(self._left(sigma), self.mask)
        comfy = self._are("differential_comfy")
        # With the last level at the table's end the share is 0, and a mask of 0 would reach it.
        own = self._are("differential") & (self.mask > 0)
        gone = (reached & (comfy | own)).to(self.mask.dtype)
        strength = torch.tensor([act.strength for act in self.acts], device=gone.device)
        steps = torch.lerp(self.mask, gone, across(strength, gone))
        return torch.where(comfy | self._are("differential"), steps, self.mask)

    def restored(self, x: Tensor) -> Tensor:
        """Finished latents with those that never were to change put back, bit for bit."""
        untouched = (self.mask == 0) & ~self._are("differential_comfy")
        return torch.where(untouched, self.latents, x)

    def _left(self, sigma: Tensor) -> Tensor:
        """(B,) share of the denoising that is left, in timesteps: 1 at first."""
        end = torch.maximum(self.sigmas[:, -1], self.table.sigmas[0].to(self.sigmas))
        now, first, last = (self.table.timestep(s) for s in (sigma, self.sigmas[:, 0], end))
        span = first - last
        return torch.where(span > 0, (now - last) / span.clamp_min(1e-12), torch.zeros_like(span))

    def _are(self, mode: Mode) -> Tensor:
        flags = torch.tensor([act.mode == mode for act in self.acts], device=self.mask.device)
        return flags.view(-1, 1, 1, 1)
