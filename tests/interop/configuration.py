"""A diffusers folder without weights, so that nothing is looked up when a single file is loaded."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.interop.layout import Layout


def configuration(layout: Layout, folder: Path) -> Path:
    """Writes the .json files of such a checkpoint; token numbers come from the package."""
    for part, settings in _parts(layout).items():
        name = "scheduler_config.json" if part == "scheduler" else "config.json"
        (folder / part).mkdir(parents=True, exist_ok=True)
        (folder / part / name).write_text(json.dumps(settings))
    classes = {part: _CLASSES[part] for part in (*_parts(layout), "tokenizer")}
    index = {
        "_class_name": "StableDiffusionPipeline",
        "_diffusers_version": "0.30.0",
        "feature_extractor": [None, None],
        "requires_safety_checker": False,
        "safety_checker": [None, None],
        **classes,
    }
    (folder / "model_index.json").write_text(json.dumps(index))
    return folder


_CLASSES = {
    "unet": ["diffusers", "UNet2DConditionModel"],
    "vae": ["diffusers", "AutoencoderKL"],
    "text_encoder": ["transformers", "CLIPTextModel"],
    "tokenizer": ["transformers", "CLIPTokenizer"],
    "scheduler": ["diffusers", "PNDMScheduler"],
}


def _parts(layout: Layout) -> dict[str, dict[str, Any]]:
    return {
        "unet": _unet(layout),
        "vae": _vae(),
        "text_encoder": _text_encoder(),
        "scheduler": _scheduler(),
    }


def _unet(layout: Layout) -> dict[str, Any]:
    down = ["CrossAttnDownBlock2D" if has else "DownBlock2D" for has in layout.attention]
    up = ["CrossAttnUpBlock2D" if has else "UpBlock2D" for has in reversed(layout.attention)]
    return {
        "_class_name": "UNet2DConditionModel",
        "attention_head_dim": 8,
        "block_out_channels": [layout.width * multiple for multiple in layout.multiples],
        "cross_attention_dim": layout.context,
        "down_block_types": down,
        "in_channels": 4,
        "layers_per_block": layout.blocks,
        "out_channels": 4,
        "sample_size": 64,
        "up_block_types": up,
    }


def _vae() -> dict[str, Any]:
    return {
        "_class_name": "AutoencoderKL",
        "block_out_channels": [128, 256, 512, 512],
        "down_block_types": ["DownEncoderBlock2D"] * 4,
        "latent_channels": 4,
        "layers_per_block": 2,
        "sample_size": 512,
        "scaling_factor": 0.18215,
        "up_block_types": ["UpDecoderBlock2D"] * 4,
    }


def _text_encoder() -> dict[str, Any]:
    return {
        "architectures": ["CLIPTextModel"],
        "model_type": "clip_text_model",
        "bos_token_id": 49406,
        "eos_token_id": 49407,
        "hidden_act": "quick_gelu",
        "hidden_size": 768,
        "intermediate_size": 3072,
        "max_position_embeddings": 77,
        "num_attention_heads": 12,
        "num_hidden_layers": 12,
        "pad_token_id": 1,
        "projection_dim": 768,
        "vocab_size": 49408,
    }


def _scheduler() -> dict[str, Any]:
    return {
        "_class_name": "PNDMScheduler",
        "beta_end": 0.012,
        "beta_schedule": "scaled_linear",
        "beta_start": 0.00085,
        "num_train_timesteps": 1000,
        "set_alpha_to_one": False,
        "skip_prk_steps": True,
        "steps_offset": 1,
    }
