"""Layouts: the configuration of a Stable Diffusion checkpoint, read off its tensors' shapes."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from detailer.engines.painters.diffusion.loading.card import FAMILIES, Card
from detailer.engines.painters.diffusion.loading.headers import Header, Weight
from detailer.engines.painters.diffusion.loading.source import INDEX
from detailer.engines.painters.diffusion.loading.telling import context_of, denoiser_of
from detailer.errors import EngineError

Config = dict[str, Any]

KNOWN: Final = ("sd15", "sd2", "sdxl", "sdxl_refiner")
"""The families whose shapes and family tell everything."""

_HEAD = 64
_RESIDUAL = "in_layers.2.weight"
_PARTS = {
    "unet": ("diffusers", "UNet2DConditionModel"),
    "vae": ("diffusers", "AutoencoderKL"),
    "scheduler": ("diffusers", "EulerDiscreteScheduler"),
    "text_encoder": ("transformers", "CLIPTextModel"),
    "text_encoder_2": ("transformers", "CLIPTextModelWithProjection"),
    "tokenizer": ("transformers", "CLIPTokenizer"),
    "tokenizer_2": ("transformers", "CLIPTokenizer"),
}


def write_layout(card: Card, header: Header, folder: Path) -> None:
    """Writes the configuration of a checkpoint as a diffusers folder has it, without tokenizers.

    Raises:
        EngineError: If the UNet is built in no way that is known.
    """
    names = dict.fromkeys(FAMILIES[card.family].texts.values())
    parts = ["unet", "vae", "scheduler", *names]
    parts += [name.replace("text_encoder", "tokenizer") for name in names]
    refiner = card.family == "sdxl_refiner"
    index: Config = {"_class_name": card.pipeline, **{name: _PARTS[name] for name in parts}}
    if card.family in ("sdxl", "sdxl_refiner"):
        index |= {"force_zeros_for_empty_prompt": not refiner}
        index |= {"requires_aesthetics_score": True} if refiner else {}
    _write(folder / INDEX, index)
    _write(folder / "unet" / "config.json", unet_config(denoiser_of(header.weights), card))
    _write(folder / "vae" / "config.json", _vae_config(card))
    _write(folder / "scheduler" / "scheduler_config.json", _scheduler_config(card))
    for begin, name in FAMILIES[card.family].texts.items():
        _write(folder / name / "config.json", _text_config(header.under(begin), name))


def unet_config(inner: Mapping[str, Weight], card: Card) -> Config:
    """The configuration of a UNet with the names of the original code.

    Raises:
        EngineError: If it does not begin and end as those do.
    """
    levels = _levels(inner)
    first = inner.get("out.2.weight")
    if not levels or first is None:
        raise EngineError("the UNet's tensors are named in no known way; give config=FOLDER")
    channels = [level[0] for level in levels]
    attends = [level[2] > 0 for level in levels]
    middle = _depth(inner, "middle_block.1.")
    depths = [max(level[2], 1) for level in levels[:-1]] + [middle or 1]
    narrow = card.family == "sd15"
    config: Config = {
        "_class_name": "UNet2DConditionModel",
        "in_channels": card.channels,
        "out_channels": first.shape[0],
        "block_out_channels": channels,
        "layers_per_block": levels[0][1],
        "down_block_types": [_block(each, "Down") for each in attends],
        "up_block_types": [_block(each, "Up") for each in reversed(attends)],
        "mid_block_type": "UNetMidBlock2DCrossAttn" if middle else "UNetMidBlock2D",
        "transformer_layers_per_block": depths,
        "cross_attention_dim": context_of(inner),
        # By this name diffusers means the number of heads.
        "attention_head_dim": 8 if narrow else [max(width // _HEAD, 1) for width in channels],
        "use_linear_projection": any(
            name.endswith("1.proj_in.weight") and len(each.shape) == 2
            for name, each in inner.items()
        ),
        "sample_size": {"sd15": 64, "sd2": 96}.get(card.family, 128),
    }
    if card.family == "sd2":
        # In fp16 its attention leaves the range of numbers otherwise.
        config["upcast_attention"] = True
    if "label_emb.0.0.weight" in inner:
        width = inner["label_emb.0.0.weight"].shape[1]
        config |= {"addition_embed_type": "text_time", "addition_time_embed_dim": 256}
        config |= {"projection_class_embeddings_input_dim": width}
    return config


def _levels(inner: Mapping[str, Weight]) -> list[tuple[int, int, int]]:
    """Channels, residual layers and depth of the transformers of each level, from the top."""
    places = (re.match(r"input_blocks\.(\d+)\.", name) for name in inner)
    blocks = {int(place[1]) for place in places if place}
    levels: list[tuple[int, int, int]] = []
    fresh = True
    for block in sorted(blocks - {0}):
        begin = f"input_blocks.{block}."
        if f"{begin}0.op.weight" in inner:
            fresh = True
            continue
        weight = inner.get(f"{begin}0.{_RESIDUAL}")
        if weight is None:
            return []
        if fresh:
            levels.append((weight.shape[0], 0, _depth(inner, f"{begin}1.")))
        width, layers, depth = levels[-1]
        levels[-1] = (width, layers + 1, depth)
        fresh = False
    return levels


def _depth(inner: Mapping[str, Weight], begin: str) -> int:
    pattern = re.compile(re.escape(begin) + r"transformer_blocks\.(\d+)\.")
    return len({found[1] for name in inner if (found := pattern.match(name))})


def _block(attends: bool, way: str) -> str:
    return f"CrossAttn{way}Block2D" if attends else f"{way}Block2D"


def _vae_config(card: Card) -> Config:
    large = card.family in ("sdxl", "sdxl_refiner")
    return {
        "_class_name": "AutoencoderKL",
        "block_out_channels": [128, 256, 512, 512],
        "down_block_types": ["DownEncoderBlock2D"] * 4,
        "up_block_types": ["UpDecoderBlock2D"] * 4,
        "latent_channels": 4,
        "layers_per_block": 2,
        "sample_size": 1024 if large else 512,
        "scaling_factor": 0.13025 if large else 0.18215,
    }


def _scheduler_config(card: Card) -> Config:
    return {
        "_class_name": "EulerDiscreteScheduler",
        "beta_start": 0.00085,
        "beta_end": 0.012,
        "beta_schedule": "scaled_linear",
        "num_train_timesteps": 1000,
        "prediction_type": card.prediction,
        "rescale_betas_zero_snr": card.zero_snr,
        "steps_offset": 1,
        "timestep_spacing": "leading",
    }


def _text_config(weights: Mapping[str, Weight], name: str) -> Config:
    """OpenAI's text encoder or OpenCLIP's, told apart by how their tensors are named."""
    openai = any(each.startswith("transformer.text_model.") for each in weights)
    place = "transformer.text_model.embeddings.position_embedding.weight"
    weight = weights.get(place if openai else "model.positional_embedding")
    width = weight.shape[1] if weight and len(weight.shape) == 2 else 768
    layers = r"transformer\.text_model\.encoder\.layers\.(\d+)\." if openai else (
        r"model\.transformer\.resblocks\.(\d+)\."
    )  # fmt: skip
    count = len({found[1] for each in weights if (found := re.match(layers, each))})
    # Stable Diffusion 2 was trained on the last layer but one of OpenCLIP's.
    count -= 1 if not openai and name == "text_encoder" else 0
    return {
        "architectures": [_PARTS[name][1]],
        "model_type": "clip_text_model",
        "vocab_size": 49408,
        "max_position_embeddings": 77,
        "hidden_size": width,
        "intermediate_size": 4 * width,
        "num_attention_heads": max(width // _HEAD, 1),
        "num_hidden_layers": count,
        "projection_dim": width,
        "hidden_act": "quick_gelu" if openai else "gelu",
        "bos_token_id": 49406,
        "eos_token_id": 49407,
        "pad_token_id": 1,
    }


def _write(path: Path, config: Config) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(config, indent=1), encoding="utf-8")
