"""Parity: from the same noise the adapters end where diffusers' own pipelines end."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import pytest
import torch
from torch import Tensor

from detailer.core.geometry import Size
from detailer.engines.painters.diffusion.condition import Condition
from detailer.engines.painters.diffusion.families import family_of
from detailer.engines.painters.diffusion.families.family import Family
from detailer.engines.painters.diffusion.forward import Forward, Guides
from detailer.engines.painters.diffusion.guiders import blank, guider
from detailer.engines.painters.diffusion.guides.hole import cells, small, with_hole
from detailer.engines.painters.diffusion.loading.quiet import quiet
from detailer.engines.painters.diffusion.packing import packed, unpacked
from tests.engines.painters.diffusion import tiny

SIZE = Size(64, 96)
CELLS = (12, 8)
PROMPT, NEGATIVE = "a smiling face", "blurry"
STEPS = 3
TOLERANCE = 1e-4


@dataclass(frozen=True)
class Case:
    """How a pipeline is asked for what our scale and guider mean."""

    asked: Mapping[str, Any]
    scale: float = 1.0
    guider: str = "cfg"
    packs: bool = False


UNET = Case({"guidance_scale": 7.0, "negative_prompt": NEGATIVE}, 7.0)
CASES = {
    "sd15": UNET,
    "sd15_velocity": UNET,
    "sd15_inpaint": UNET,
    "sd2": UNET,
    "sdxl": UNET,
    "sdxl_inpaint": UNET,
    "sdxl_refiner": UNET,
    "sd3": Case(
        {"guidance_scale": 5.0, "negative_prompt": NEGATIVE, "max_sequence_length": 77}, 5.0
    ),
    "flux": Case({"guidance_scale": 3.5, "max_sequence_length": 256}, packs=True),
    "flux_without_guidance": Case({"max_sequence_length": 256}, packs=True),
    "flux_fill": Case({"guidance_scale": 30.0, "max_sequence_length": 256}, packs=True),
    "chroma": Case({"guidance_scale": 4.0}, 4.0, packs=True),
    # It counts the scale from 0.
    "z_image": Case({"guidance_scale": 2.0, "negative_prompt": NEGATIVE}, 3.0),
    "qwen_image": Case(
        {"true_cfg_scale": 4.0, "negative_prompt": NEGATIVE}, 4.0, "cfg_norm", packs=True
    ),
}


@dataclass(eq=False)
class Pair:
    """One model with both users: our adapter, and the pipeline that was loaded."""

    name: str
    case: Case
    pipe: Any = field(init=False)
    family: Family = field(init=False)

    def __post_init__(self) -> None:
        loaded = tiny.fresh(self.name)
        self.pipe, self.family = loaded.pipe, family_of(loaded)
        self.pipe.set_progress_bar_config(disable=True)

    @property
    def noise(self) -> Tensor:
        shape = (1, self.family.vae.channels, *CELLS)
        return torch.randn(shape, generator=torch.Generator().manual_seed(3))

    def said(self, text: str) -> list[Condition]:
        return self.family.encode_text([text])

    def stock(self, **more: Any) -> Tensor:
        """What the pipeline ends with, unpacked."""
        size = {} if self.name == "sdxl_refiner" else {"height": 96, "width": 64}
        with quiet():
            end = self.pipe(
                **{**self.case.asked, **size, **more},
                num_inference_steps=STEPS,
                output_type="latent",
            ).images
        return unpacked(end, CELLS) if self.case.packs else end

    def ours(self, start: Tensor, guides: Guides) -> Tensor:
        """Euler's method over the noise levels that the pipeline has just used."""
        combine = guider(self.case.guider)
        space = self.family.table(SIZE).space
        x = start
        for now, after in pairwise(self.pipe.scheduler.sigmas):
            sigma = now.repeat(1)
            forward = Forward(x, sigma, self.said(PROMPT), guides)
            both = self.family.predict(forward.doubled(self.said(NEGATIVE)))
            positive, negative = both.chunk(2)
            scale = torch.tensor([self.case.scale])
            clean = combine(positive, negative, scale, blank(x, sigma, space))
            x = x + (x - clean) / now * (after - now)
        return x

    def freeze(self) -> None:
        """Leaves the posterior no deviation, so that a sample of it is its mode."""
        vae, channels = self.pipe.vae, self.family.vae.channels
        last = vae.quant_conv if vae.quant_conv is not None else vae.encoder.conv_out
        last.weight[channels:], last.bias[channels:] = 0, -40


@pytest.mark.parametrize(
    "name", [name for name in CASES if not name.endswith(("inpaint", "fill", "refiner", "chroma"))]
)
def test_text_to_image_ends_where_the_stock_pipeline_ends(name: str) -> None:
    pair = Pair(name, CASES[name])
    start = pair.noise
    given = packed(start) if pair.case.packs else start
    theirs = pair.stock(prompt=PROMPT, latents=given)
    start = start * getattr(pair.pipe.scheduler, "init_noise_sigma", 1.0)
    guidance = torch.tensor([3.5])
    ours = pair.ours(start, Guides(SIZE, guidance=guidance))
    assert (ours - theirs).abs().max() < TOLERANCE


def test_chroma_ends_where_the_stock_pipeline_ends_that_pads_nothing() -> None:
    pair = Pair("chroma", CASES["chroma"])
    asked: dict[str, Any] = {"latents": packed(pair.noise)}
    for text, prefix in ((PROMPT, ""), (NEGATIVE, "negative_")):
        hidden = pair.said(text)[0]["hidden"][None]
        asked[f"{prefix}prompt_embeds"] = hidden
        asked[f"{prefix}prompt_attention_mask"] = torch.ones(hidden.shape[:2])
    theirs = pair.stock(**asked)
    assert (pair.ours(pair.noise, Guides(SIZE)) - theirs).abs().max() < TOLERANCE


def test_the_refiner_ends_where_the_stock_pipeline_ends() -> None:
    pair = Pair("sdxl_refiner", CASES["sdxl_refiner"])
    image = pair.noise.flip(-1) / 2
    draw = torch.Generator().manual_seed(3)
    theirs = pair.stock(prompt=PROMPT, image=image, strength=1.0, generator=draw)
    start = image + pair.noise * pair.pipe.scheduler.sigmas[0]
    assert (pair.ours(start, Guides(SIZE)) - theirs).abs().max() < TOLERANCE


@pytest.mark.parametrize("name", ["sd15_inpaint", "sdxl_inpaint", "flux_fill"])
def test_inpaint_models_end_where_their_stock_pipeline_ends(name: str) -> None:
    pair = Pair(name, CASES[name])
    pair.freeze()
    vae = pair.family.vae
    pixels = torch.rand(1, 3, 96, 64, generator=torch.Generator().manual_seed(4))
    mask = torch.zeros(1, 1, 96, 64)
    # Sides in the midst of cells, where a mask for each pixel shows it.
    left, right = (13, 45) if pair.case.packs else (16, 48)
    mask[..., 24:56, left:right] = 1
    given = packed(pair.noise) if pair.case.packs else pair.noise
    theirs = pair.stock(prompt=PROMPT, image=pixels, mask_image=mask, strength=1.0, latents=given)
    latents = vae.encode(with_hole(pixels, mask, torch.tensor([True])))
    part = cells(mask, vae.factor) if pair.case.packs else small(mask, latents)
    start = pair.noise * getattr(pair.pipe.scheduler, "init_noise_sigma", 1.0)
    guides = Guides(SIZE, torch.cat([part, latents], 1), torch.tensor([30.0]))
    assert (pair.ours(start, guides) - theirs).abs().max() < TOLERANCE
