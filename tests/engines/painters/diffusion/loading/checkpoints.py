"""Checkpoints: small models in single files, as people have them."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import diffusers
import torch
import transformers
from safetensors.torch import save_file

from detailer.engines.painters.diffusion.loading.quiet import quiet
from detailer.engines.painters.diffusion.loading.source import Source
from detailer.engines.painters.diffusion.options import Options
from tests.engines.painters.diffusion import tiny
from tests.engines.painters.diffusion.loading import original

_WORDS = 49408


def wishes(**more: Any) -> Options:
    return Options(**{"device": "cpu", "dtype": "fp32", **more})


def written(tensors: original.Tensors, path: Path, **notes: str) -> Source:
    """A safetensors file with these tensors."""
    save_file(original.contiguous(tensors), path, metadata=notes or None)
    return Source.parse(str(path))


def sd15_tensors() -> original.Tensors:
    """All of the tiny SD1.5's, by their original names."""
    pipe = tiny.opened("sd15").pipe
    return original.unet(pipe.unet) | original.vae(pipe.vae) | original.clip(pipe.text_encoder)


def sdxl_tensors() -> original.Tensors:
    """All of the tiny SDXL's, by their original names."""
    pipe = tiny.opened("sdxl").pipe
    return (
        original.unet(pipe.unet)
        | original.vae(pipe.vae)
        | original.clip(pipe.text_encoder, "conditioner.embedders.0.")
        | original.open_clip(pipe.text_encoder_2, "conditioner.embedders.1.")
    )


def refiner_tensors() -> original.Tensors:
    """All of the tiny SDXL refiner's, by their original names."""
    pipe = tiny.opened("sdxl_refiner").pipe
    return (
        original.unet(pipe.unet)
        | original.vae(pipe.vae)
        | original.open_clip(pipe.text_encoder_2, "conditioner.embedders.0.")
    )


def narrow_unet(**settings: Any) -> Any:
    """A UNet as narrow as one can be whose layers are those of the real ones."""
    torch.manual_seed(0)
    return diffusers.UNet2DConditionModel(
        **{"sample_size": 64, "layers_per_block": 2, **settings}
    ).eval()


def narrow_clip(kind: Any, layers: int, act: str) -> Any:
    """A text encoder of one head with CLIP's whole vocabulary."""
    torch.manual_seed(1)
    config = transformers.CLIPTextConfig(
        vocab_size=_WORDS, hidden_size=64, intermediate_size=256, num_hidden_layers=layers,
        num_attention_heads=1, projection_dim=64, hidden_act=act, bos_token_id=49406,
        eos_token_id=49407,
    )  # fmt: skip
    return kind(config).eval()


@cache
def lone_vae() -> Path:
    """The folder of a VAE alone."""
    place = tiny.folder("sd15").parent / "lone_vae"
    with quiet():
        tiny.vae(scaling_factor=0.18215).save_pretrained(place)
    return place
