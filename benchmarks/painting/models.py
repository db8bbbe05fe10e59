"""The models that are measured: random weights of real sizes, as the public path opens them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from tests.interop.configuration import configuration
from tests.interop.weights import LAYOUTS, checkpoint_file
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection

from detailer.engines.painters.diffusion.options import Options
from detailer.engines.painters.diffusion.painter import open_diffusion
from detailer.stages.paint import Painter


@dataclass(frozen=True)
class Checkpoint:
    """A single file of SD1.5's layout, and a folder that says what it is."""

    path: Path
    config: Path

    def painter(self, **options: Any) -> Painter:
        return open_diffusion(str(self.path), Options(config=str(self.config), **options))


def checkpoint(cache: Path, layout: str = "real") -> Checkpoint:
    """Made where it is missing: 2.1 GB of the real sizes, 0.5 GB of the narrow ones."""
    config = configuration(LAYOUTS[layout], cache / f"config_{layout}")
    return Checkpoint(checkpoint_file(cache, layout), config)


SDXL_UNET = {
    "addition_embed_type": "text_time",
    "addition_time_embed_dim": 256,
    "attention_head_dim": [5, 10, 20],
    "block_out_channels": [320, 640, 1280],
    "cross_attention_dim": 2048,
    "down_block_types": ["DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"],
    "projection_class_embeddings_input_dim": 2816,
    "sample_size": 128,
    "transformer_layers_per_block": [1, 2, 10],
    "up_block_types": ["CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"],
    "use_linear_projection": True,
}
SDXL_TEXTS = {
    "text_encoder": {"hidden_act": "quick_gelu", "projection_dim": 768},
    "text_encoder_2": {
        "hidden_act": "gelu",
        "hidden_size": 1280,
        "intermediate_size": 5120,
        "num_attention_heads": 20,
        "num_hidden_layers": 32,
        "projection_dim": 1280,
    },
}
SDXL_CLASSES = {
    "unet": ["diffusers", "UNet2DConditionModel"],
    "vae": ["diffusers", "AutoencoderKL"],
    "text_encoder": ["transformers", "CLIPTextModel"],
    "text_encoder_2": ["transformers", "CLIPTextModelWithProjection"],
    "tokenizer": ["transformers", "CLIPTokenizer"],
    "tokenizer_2": ["transformers", "CLIPTokenizer"],
    "scheduler": ["diffusers", "EulerDiscreteScheduler"],
}


def sdxl_folder(cache: Path) -> Path:
    """A diffusers folder of SDXL's sizes with random weights in fp16, 7 GB; made where missing."""
    folder = cache / "sdxl"
    if (folder / "model_index.json").is_file():
        return folder
    base = configuration(LAYOUTS["real"], cache / "config_real")
    vae = json.loads((base / "vae" / "config.json").read_text())
    text = json.loads((base / "text_encoder" / "config.json").read_text())
    kinds = {"text_encoder": CLIPTextModel, "text_encoder_2": CLIPTextModelWithProjection}
    makers: dict[str, Any] = {
        "unet": lambda: UNet2DConditionModel.from_config(SDXL_UNET),
        "vae": lambda: AutoencoderKL.from_config({**vae, "scaling_factor": 0.13025}),
        **{
            name: lambda name=name: kinds[name](CLIPTextConfig(**{**text, **SDXL_TEXTS[name]}))
            for name in kinds
        },
    }
    for name, make in makers.items():
        _random(make).save_pretrained(folder / name)
    (folder / "scheduler").mkdir(exist_ok=True)
    settings = json.loads((base / "scheduler" / "scheduler_config.json").read_text())
    settings["_class_name"] = "EulerDiscreteScheduler"
    (folder / "scheduler" / "scheduler_config.json").write_text(json.dumps(settings))
    index = {
        "_class_name": "StableDiffusionXLPipeline",
        "force_zeros_for_empty_prompt": True,
        **SDXL_CLASSES,
    }
    # Written last: what has an index is whole.
    (folder / "model_index.json").write_text(json.dumps(index))
    return folder


def _random(make: Any) -> torch.nn.Module:
    """A network in fp16 whose values stay small, made where it is fast."""
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    with torch.device("meta"):
        network: torch.nn.Module = make()
    network = network.to(torch.float16).to_empty(device=device)
    for name, values in network.state_dict().items():
        if values.is_floating_point():
            values.normal_(0, 0.01)
            values.add_(1 if "norm" in name and name.endswith("weight") else 0)
        else:
            values.copy_(torch.arange(values.numel(), device=device).view_as(values))
    return network
