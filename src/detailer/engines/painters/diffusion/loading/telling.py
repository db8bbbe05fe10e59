"""Telling: the names of tensors that tell what a single file is."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Final

from detailer.engines.painters.diffusion.loading.headers import Weight
from detailer.errors import EngineError

Weights = Mapping[str, Weight]

DENOISER: Final = "model.diffusion_model."
VAE: Final = ("first_stage_model.", "vae.")
_UNETS = ("input_blocks.0.0.weight", "down_blocks.0.resnets.0.conv1.weight")
_CONTEXT = ".attn2.to_k.weight"
_SHOWN = 4

_SCALED = ("scaled_fp8", ".scale_weight", ".weight_scale", ".comfy_quant", "bitsandbytes__")
"""Weights that mean nothing without the scales beside them, which diffusers does not read."""


def _any(*parts: str) -> Callable[[Collection[str]], bool]:
    return lambda names: any(part in name for name in names for part in parts)


def _first(*beginnings: str) -> Callable[[Collection[str]], bool]:
    return lambda names: any(name.startswith(beginnings) for name in names)


def _few(*names: str) -> Callable[[Collection[str]], bool]:
    return lambda found: len(found) <= _SHOWN and any(name in found for name in names)


# In this order: what is asked last also fits what was asked first.
_NO_CHECKPOINT: Final = (
    (
        _any(".lora_up.", ".lora_down.", ".lora_A.", ".lora_B.", "lora.up.", "lora.down.")
        , "a LoRA", "put its folder into loras= and write <lora:name:1> in the prompt",
    ),
    (
        _any(".hada_w1", ".lokr_w", ".oft_blocks", ".boft_"), "a LoRA of the LyCORIS kind",
        "put its folder into loras= and write <lora:name:1> in the prompt",
    ),
    (
        _first("control_model.", "controlnet_", "controlnet_blocks.", "control_layers."),
        "a ControlNet", "give the checkpoint it steers here, and this as a control",
    ),
    (_any("motion_modules."), "a motion module for videos", "give an image checkpoint"),
    (
        _first("ip_adapter.", "image_proj."), "an IP-Adapter",
        "give the checkpoint it is for here, and this as a reference",
    ),
    (
        _few("emb_params", "string_to_param", "clip_l", "clip_g"), "a textual inversion embedding",
        "put its folder into embeddings= and write embedding:name in the prompt",
    ),
    (
        _first("model.0.", "conv_first.", "body.0.", "model.1.sub."), "an upscaler",
        "give a checkpoint",
    ),
)  # fmt: skip

_PARTS: Final = (
    (("decoder.conv_in.weight", *(f"{each}decoder.conv_in.weight" for each in VAE)), "a VAE"),
    (("decoder.conv1.weight",), "a VAE of Wan or Qwen-Image"),
    (("text_model.encoder.layers.0.layer_norm1.weight",), "a CLIP text encoder"),
    (("encoder.block.0.layer.0.SelfAttention.q.weight",), "a T5 text encoder"),
    (("model.layers.0.self_attn.q_proj.weight",), "a language model"),
)

_STRANGERS: Final = {
    "double_stream_modulation_img.lin.weight": "FLUX.2",
    "early_stream_modulations.image.lin.weight": "FLUX.3",
    "txt_in.individual_token_refiner.blocks.0.adaLN_modulation.1.bias": "HunyuanVideo",
    "double_layers.0.attn.w1q.weight": "AuraFlow",
    "layers.0.adaLN_modulation.1.weight": "Lumina 2",
    "patch_embedding.weight": "Wan",
    "clip_txt_mapper.weight": "Stable Cascade",
    "txtfusion.projector.weight": "Krea 2",
    "patchify_proj.weight": "LTX-Video",
    "txt_in.text_norm.weight": "Qwen-Image 2.1",
}
"""Models that diffusers loads from its own folders, by one name in their single files."""

_TELLING: Final = (
    ("chroma", ("distilled_guidance_layer.in_proj.bias",)),
    ("flux", ("double_blocks.0.img_attn.norm.key_norm.scale",)),
    ("flux", ("single_transformer_blocks.0.attn.to_q.weight", "x_embedder.weight")),
    ("sd3", ("joint_blocks.0.context_block.adaLN_modulation.1.bias",)),
    ("sd3", ("transformer_blocks.0.attn.add_q_proj.weight", "pos_embed.proj.weight")),
    ("qwen_image", ("transformer_blocks.0.img_mod.1.weight", "txt_norm.weight")),
    ("z_image", ("layers.0.adaLN_modulation.0.weight", "cap_embedder.0.weight")),
)


_BARE_CLIP = re.compile(
    r"(cond_stage_model\.|conditioner\.embedders\.\d\.|text_encoders\.clip_[lg]\.)transformer\."
    r"(?=embeddings\.|encoder\.layers\.|final_layer_norm\.)"
)


def present_name(name: str) -> str:
    """A tensor's name as later files have it: CLIP's layers got a `text_model.` before them."""
    return _BARE_CLIP.sub(r"\1transformer.text_model.", name)


def denoiser_of(weights: Weights) -> dict[str, Weight]:
    """The denoiser's tensors, without the beginning that checkpoints give them."""
    inner = {
        name[len(DENOISER) :]: each for name, each in weights.items() if name.startswith(DENOISER)
    }
    return inner or dict(weights)


def family_of(weights: Weights, path: Path) -> str:
    """The family of a single file.

    Raises:
        EngineError: If it is no checkpoint, or one that cannot be loaded; it says what it is.
    """
    if any(mark in name for name in weights for mark in _SCALED):
        raise EngineError(
            f"{path} is quantised with scales beside its weights, which diffusers does not read;"
            " take the fp16, bf16 or plain fp8 file of the model, or its diffusers folder"
        )
    for fits, what, remedy in _NO_CHECKPOINT:
        if fits(weights.keys()):
            raise EngineError(f"{path} is {what}, no checkpoint; {remedy}")
    inner = denoiser_of(weights)
    for family, names in _TELLING:
        if all(name in inner for name in names):
            return family
    if context_of(inner) is not None and channels_of(inner) in (4, 9):
        return _unet_family(weights, inner)
    raise _unknown(weights, inner, path)


def channels_of(inner: Weights) -> int:
    """Channels that enter the denoiser; 0 where no known name tells."""
    for name in ("input_blocks.0.0.weight", "conv_in.weight", "img_in.weight", "x_embedder.weight",
                 "x_embedder.proj.weight"):  # fmt: skip
        if name in inner and len(inner[name].shape) > 1:
            return inner[name].shape[1]
    return 0


def context_of(inner: Weights) -> int | None:
    """The width of the text that a UNet sees; None for what is no UNet."""
    if not any(name in inner for name in _UNETS):
        return None
    for name, weight in inner.items():
        if name.endswith(_CONTEXT) and len(weight.shape) == 2:
            return weight.shape[1]
    return None


def _unet_family(weights: Weights, inner: Weights) -> str:
    context = context_of(inner)
    if "label_emb.0.0.weight" in inner or "add_embedding.linear_1.weight" in inner:
        alone = "conditioner.embedders.0.model." in "\n".join(weights)
        return "sdxl_refiner" if alone or context == 1280 else "sdxl"
    open_clip = any(name.startswith("cond_stage_model.model.") for name in weights)
    return "sd2" if open_clip or context == 1024 else "sd15"


def _unknown(weights: Weights, inner: Weights, path: Path) -> EngineError:
    for name, model in _STRANGERS.items():
        if name in inner:
            return EngineError(f"{path} is {model}, which is loaded from a diffusers folder only")
    channels = channels_of(inner)
    if context_of(inner) is not None:
        return EngineError(
            f"{path} is a UNet that takes {channels} channels; known are 4, and 9 for inpainting"
        )
    for names, what in _PARTS:
        if any(name in weights for name in names):
            hint = "; give the checkpoint here, and this as vae=" if "VAE" in what else ""
            return EngineError(f"{path} is {what}, no checkpoint{hint}")
    shown = ", ".join(sorted(weights)[:_SHOWN]) or "nothing"
    return EngineError(
        f"{path} is of no known family; it holds {len(weights)} tensors: {shown} …;"
        " give the diffusers folder of the model"
    )
