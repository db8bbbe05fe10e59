"""Tiny models: every family with a few thousand random weights, saved as the real ones are.

Nothing is downloaded: tokenizers know bytes or letters, networks are made from configurations.
"""

from __future__ import annotations

import string
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import diffusers
import torch
import transformers
from tokenizers.pre_tokenizers import ByteLevel

from detailer.engines.painters.diffusion.families import family_of
from detailer.engines.painters.diffusion.families.family import Family
from detailer.engines.painters.diffusion.loading import Loaded, Source, open_pipeline
from detailer.engines.painters.diffusion.loading.quiet import quiet
from detailer.engines.painters.diffusion.options import Options

_FLUX_SCALES = {"scaling_factor": 0.3611, "shift_factor": 0.1159}


# Text encoders and their tokenizers.


def clip_tokenizer(pad: str = "<|endoftext|>") -> Any:
    """Of letters only; CLIP-G and CLIP-H fill up with "!", which is number 0."""
    letters = sorted(ByteLevel.alphabet())
    words = [*letters, *(f"{letter}</w>" for letter in letters)]
    words += ["<|startoftext|>", "<|endoftext|>"]
    vocabulary = {word: number for number, word in enumerate(words)}
    return transformers.CLIPTokenizer(
        vocab=vocabulary, merges=[], pad_token=pad, model_max_length=77
    )


def clip(projected: bool = False, seed: int = 0, width: int = 32) -> Any:
    last = len(clip_tokenizer()) - 1
    torch.manual_seed(seed)
    config = transformers.CLIPTextConfig(
        vocab_size=last + 1, hidden_size=width, intermediate_size=37, num_hidden_layers=3,
        num_attention_heads=4, projection_dim=32, bos_token_id=last - 1, eos_token_id=last,
        pad_token_id=last, max_position_embeddings=77,
    )  # fmt: skip
    if projected:
        return transformers.CLIPTextModelWithProjection(config)
    return transformers.CLIPTextModel(config)


def t5_tokenizer() -> Any:
    letters = [letter for letter in string.printable if not letter.isspace()]
    words = [("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0), ("\u2581", -2.0)]
    words += [(letter, -3.0) for letter in letters]
    return transformers.T5TokenizerFast(vocab=words, extra_ids=4, model_max_length=512)


def t5(width: int = 32) -> Any:
    torch.manual_seed(2)
    config = transformers.T5Config(
        vocab_size=len(t5_tokenizer()), d_model=width, d_kv=8, d_ff=37, num_layers=2,
        num_heads=4, decoder_start_token_id=0,
    )  # fmt: skip
    return transformers.T5EncoderModel(config)


def qwen_tokenizer() -> Any:
    words = sorted(ByteLevel.alphabet())
    words += ["<|endoftext|>", "<|im_start|>", "<|im_end|>", "<think>", "</think>"]
    vocabulary = {word: number for number, word in enumerate(words)}
    tokenizer = transformers.Qwen2Tokenizer(vocab=vocabulary, merges=[])
    tokenizer.add_special_tokens({"additional_special_tokens": ["<|im_start|>", "<|im_end|>"]})
    tokenizer.chat_template = (
        "{% for m in messages %}<|im_start|>{{m.role}}\n{{m.content}}<|im_end|>\n{% endfor %}"
        "<|im_start|>assistant\n"
    )
    return tokenizer


# What is alike in many families.


def vae(channels: int = 4, quantised: bool = True, **scales: float) -> Any:
    torch.manual_seed(3)
    return diffusers.AutoencoderKL(
        block_out_channels=(8,) * 4, latent_channels=channels, layers_per_block=1,
        down_block_types=("DownEncoderBlock2D",) * 4, up_block_types=("UpDecoderBlock2D",) * 4,
        norm_num_groups=4, sample_size=64, use_quant_conv=quantised,
        use_post_quant_conv=quantised, **scales,
    )  # fmt: skip


def unet(channels: int = 4, context: int = 32, **more: Any) -> Any:
    torch.manual_seed(4)
    settings = {
        "block_out_channels": (8, 16), "layers_per_block": 1, "sample_size": 8,
        "down_block_types": ("DownBlock2D", "CrossAttnDownBlock2D"),
        "up_block_types": ("CrossAttnUpBlock2D", "UpBlock2D"), "attention_head_dim": 4,
        "norm_num_groups": 4, "in_channels": channels, "cross_attention_dim": context,
    }  # fmt: skip
    return diffusers.UNet2DConditionModel(**{**settings, **more})


def xl_unet(channels: int, context: int, numbers: int) -> Any:
    return unet(
        channels, context, attention_head_dim=(2, 4), use_linear_projection=True,
        addition_embed_type="text_time", addition_time_embed_dim=8,
        transformer_layers_per_block=(1, 2),
        projection_class_embeddings_input_dim=32 + numbers * 8,
    )  # fmt: skip


def noise_scheduler(**more: Any) -> Any:
    return diffusers.EulerDiscreteScheduler(
        beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", steps_offset=1,
        timestep_spacing="leading", **more,
    )  # fmt: skip


def flow_scheduler(**more: Any) -> Any:
    return diffusers.FlowMatchEulerDiscreteScheduler(**more)


# The families.


def sd15(channels: int = 4, **scheduling: Any) -> Any:
    inpaint = channels == 9
    kind = (
        diffusers.StableDiffusionInpaintPipeline if inpaint else diffusers.StableDiffusionPipeline
    )
    return kind(
        vae=vae(scaling_factor=0.18215), text_encoder=clip(), tokenizer=clip_tokenizer(),
        unet=unet(channels), scheduler=noise_scheduler(**scheduling), safety_checker=None,
        feature_extractor=None, requires_safety_checker=False,
    )  # fmt: skip


def sd2() -> Any:
    """As wide as the real one where it reads the text: it is told apart by that."""
    return diffusers.StableDiffusionPipeline(
        vae=vae(scaling_factor=0.18215), text_encoder=clip(width=1024),
        tokenizer=clip_tokenizer("!"), unet=unet(context=1024),
        scheduler=noise_scheduler(prediction_type="v_prediction"), safety_checker=None,
        feature_extractor=None, requires_safety_checker=False,
    )  # fmt: skip


def sdxl(channels: int = 4) -> Any:
    kind = (
        diffusers.StableDiffusionXLInpaintPipeline
        if channels == 9
        else diffusers.StableDiffusionXLPipeline
    )
    return kind(
        vae=vae(scaling_factor=0.13025), text_encoder=clip(), tokenizer=clip_tokenizer(),
        text_encoder_2=clip(projected=True, seed=1), tokenizer_2=clip_tokenizer("!"),
        unet=xl_unet(channels, 64, 6), scheduler=noise_scheduler(),
    )  # fmt: skip


def sdxl_refiner() -> Any:
    return diffusers.StableDiffusionXLImg2ImgPipeline(
        vae=vae(scaling_factor=0.13025), text_encoder=None, tokenizer=None,
        text_encoder_2=clip(projected=True, seed=1), tokenizer_2=clip_tokenizer("!"),
        unet=xl_unet(4, 32, 5), scheduler=noise_scheduler(), requires_aesthetics_score=True,
    )  # fmt: skip


def sd3() -> Any:
    small = clip(projected=True)
    # What projects CLIP-L's is the identity in the real ones.
    torch.nn.init.eye_(small.text_projection.weight)
    torch.manual_seed(5)
    transformer = diffusers.SD3Transformer2DModel(
        sample_size=16, patch_size=2, in_channels=16, num_layers=2, attention_head_dim=8,
        num_attention_heads=4, caption_projection_dim=32, joint_attention_dim=64,
        pooled_projection_dim=64, out_channels=16, pos_embed_max_size=96,
    )  # fmt: skip
    return diffusers.StableDiffusion3Pipeline(
        transformer=transformer, scheduler=flow_scheduler(shift=3.0),
        vae=vae(16, quantised=False, scaling_factor=1.5305, shift_factor=0.0609),
        text_encoder=small, tokenizer=clip_tokenizer(),
        text_encoder_2=clip(projected=True, seed=1), tokenizer_2=clip_tokenizer("!"),
        text_encoder_3=t5(64), tokenizer_3=t5_tokenizer(),
    )  # fmt: skip


def flux(channels: int = 64, guided: bool = True) -> Any:
    torch.manual_seed(7)
    transformer = diffusers.FluxTransformer2DModel(
        patch_size=1, in_channels=channels, out_channels=64, num_layers=1, num_single_layers=1,
        attention_head_dim=16, num_attention_heads=2, joint_attention_dim=32,
        pooled_projection_dim=32, axes_dims_rope=(4, 4, 8), guidance_embeds=guided,
    )  # fmt: skip
    kind = diffusers.FluxFillPipeline if channels == 384 else diffusers.FluxPipeline
    return kind(
        scheduler=flow_scheduler(use_dynamic_shifting=True), transformer=transformer,
        vae=vae(16, quantised=False, **_FLUX_SCALES), text_encoder=clip(),
        tokenizer=clip_tokenizer(), text_encoder_2=t5(), tokenizer_2=t5_tokenizer(),
    )  # fmt: skip


def chroma() -> Any:
    torch.manual_seed(8)
    transformer = diffusers.ChromaTransformer2DModel(
        patch_size=1, in_channels=64, num_layers=1, num_single_layers=1, attention_head_dim=16,
        num_attention_heads=2, joint_attention_dim=32, axes_dims_rope=(4, 4, 8),
        approximator_num_channels=8, approximator_hidden_dim=32, approximator_layers=1,
    )  # fmt: skip
    return diffusers.ChromaPipeline(
        scheduler=flow_scheduler(), vae=vae(16, quantised=False, **_FLUX_SCALES), text_encoder=t5(),
        tokenizer=t5_tokenizer(), transformer=transformer,
    )  # fmt: skip


def z_image() -> Any:
    torch.manual_seed(9)
    words = len(qwen_tokenizer())
    config = transformers.Qwen3Config(
        hidden_size=16, intermediate_size=16, num_hidden_layers=2, num_attention_heads=2,
        num_key_value_heads=2, vocab_size=words + 8, head_dim=8,
    )  # fmt: skip
    transformer = diffusers.ZImageTransformer2DModel(
        all_patch_size=(2,), all_f_patch_size=(1,), in_channels=16, dim=32, n_layers=2,
        n_refiner_layers=1, n_heads=2, n_kv_heads=2, qk_norm=True, cap_feat_dim=16,
        rope_theta=256.0, t_scale=1000.0, axes_dims=[8, 4, 4], axes_lens=[512, 128, 128],
    )  # fmt: skip
    # They are left as memory was found.
    for token in (transformer.x_pad_token, transformer.cap_pad_token):
        torch.nn.init.normal_(token, std=0.02)
    return diffusers.ZImagePipeline(
        scheduler=flow_scheduler(shift=3.0), vae=vae(16, quantised=False, **_FLUX_SCALES),
        text_encoder=transformers.Qwen3Model(config), tokenizer=qwen_tokenizer(),
        transformer=transformer,
    )  # fmt: skip


def qwen_image() -> Any:
    torch.manual_seed(10)
    words = len(qwen_tokenizer())
    text = {
        "hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 2,
        "num_attention_heads": 2, "num_key_value_heads": 2, "vocab_size": words + 8,
        "rope_parameters": {
            "rope_type": "default", "mrope_section": [1, 1, 2], "rope_theta": 1e6
        },
    }  # fmt: skip
    vision = {
        "depth": 2, "hidden_size": 16, "intermediate_size": 16, "num_heads": 2,
        "out_hidden_size": 16,
    }  # fmt: skip
    encoder = transformers.Qwen2_5_VLForConditionalGeneration(
        transformers.Qwen2_5_VLConfig(text_config=text, vision_config=vision)
    )
    transformer = diffusers.QwenImageTransformer2DModel(
        patch_size=2, in_channels=64, out_channels=16, num_layers=2, attention_head_dim=16,
        num_attention_heads=2, joint_attention_dim=16, axes_dims_rope=(8, 4, 4),
        guidance_embeds=False,
    )  # fmt: skip
    autoencoder = diffusers.AutoencoderKLQwenImage(
        base_dim=8, z_dim=16, dim_mult=[1, 1, 1, 1], num_res_blocks=1,
        temperal_downsample=[False, True, True], latents_mean=[0.01 * i for i in range(16)],
        latents_std=[1.0 + 0.1 * i for i in range(16)],
    )  # fmt: skip
    return diffusers.QwenImagePipeline(
        scheduler=flow_scheduler(use_dynamic_shifting=True), vae=autoencoder,
        text_encoder=encoder, tokenizer=qwen_tokenizer(), transformer=transformer,
    )  # fmt: skip


MADE: dict[str, Callable[[], Any]] = {
    "sd15": sd15,
    "sd15_velocity": lambda: sd15(prediction_type="v_prediction", rescale_betas_zero_snr=True),
    "sd15_inpaint": lambda: sd15(9),
    "sd2": sd2,
    "sdxl": sdxl,
    "sdxl_inpaint": lambda: sdxl(9),
    "sdxl_refiner": sdxl_refiner,
    "sd3": sd3,
    "flux": flux,
    "flux_without_guidance": lambda: flux(guided=False),
    "flux_fill": lambda: flux(384),
    "chroma": chroma,
    "z_image": z_image,
    "qwen_image": qwen_image,
}
"""Every tiny model by its name."""


# Saved once, and loaded through the public path.

_SAVED = tempfile.TemporaryDirectory(prefix="tiny-models-", ignore_cleanup_errors=True)


@cache
def folder(name: str) -> Path:
    """A model's folder, as diffusers writes it."""
    place = Path(_SAVED.name) / name
    with quiet():
        MADE[name]().save_pretrained(place)
    return place


@cache
def controlnet() -> Path:
    """The folder of a ControlNet for sd15 whose last layers are not zero, so that it acts."""
    place = Path(_SAVED.name) / "controlnet"
    torch.manual_seed(11)
    network = diffusers.ControlNetModel.from_unet(
        unet(), conditioning_embedding_out_channels=(4, 4, 8, 8)
    )
    for block in (*network.controlnet_down_blocks, network.controlnet_mid_block):
        torch.nn.init.normal_(block.weight, std=0.1)
    with quiet():
        network.save_pretrained(place)
    return place


@cache
def opened(name: str) -> Loaded:
    """A model, loaded from its folder in fp32 on the CPU; shared, so leave it as it is."""
    return fresh(name)


def fresh(name: str, **options: Any) -> Loaded:
    """A model of its own, for tests that change it."""
    wanted = {"device": "cpu", "dtype": "fp32", **options}
    return open_pipeline(Source.parse(str(folder(name))), Options(**wanted))


@cache
def family(name: str) -> Family:
    """A model's adapter; shared."""
    return family_of(opened(name))
