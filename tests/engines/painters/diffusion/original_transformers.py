"""Original transformers: tensors by the names that single files of SD3 and Z-Image give them.

Not those of Flux and Chroma: diffusers' converters cut their fused layers at the real models'
widths, so that a tiny one cannot pass; and Qwen-Image's files have diffusers' own names.
"""

from __future__ import annotations

import re
from typing import Any

import torch

Tensors = dict[str, torch.Tensor]

_BEGIN = "model.diffusion_model."
_SD3_ENDS = (
    ("pos_embed.pos_embed", "pos_embed"),
    ("pos_embed.proj.", "x_embedder.proj."),
    ("time_text_embed.timestep_embedder.linear_1.", "t_embedder.mlp.0."),
    ("time_text_embed.timestep_embedder.linear_2.", "t_embedder.mlp.2."),
    ("time_text_embed.text_embedder.linear_1.", "y_embedder.mlp.0."),
    ("time_text_embed.text_embedder.linear_2.", "y_embedder.mlp.2."),
    ("norm_out.linear.", "final_layer.adaLN_modulation.1."),
    ("proj_out.", "final_layer.linear."),
)
_SD3_BLOCK = (
    ("norm1_context.linear.", "context_block.adaLN_modulation.1."),
    ("norm1.linear.", "x_block.adaLN_modulation.1."),
    ("ff.net.0.proj.", "x_block.mlp.fc1."),
    ("ff.net.2.", "x_block.mlp.fc2."),
    ("ff_context.net.0.proj.", "context_block.mlp.fc1."),
    ("ff_context.net.2.", "context_block.mlp.fc2."),
    ("attn.to_out.0.", "x_block.attn.proj."),
    ("attn.to_add_out.", "context_block.attn.proj."),
    ("attn.add_q_proj.", "context_block.attn.qkv."),
    ("attn.to_q.", "x_block.attn.qkv."),
)
_Z_IMAGE = (
    ("all_final_layer.2-1.", "final_layer."),
    ("all_x_embedder.2-1.", "x_embedder."),
    (".attention.to_out.0.", ".attention.out."),
    (".attention.norm_", ".attention."),
)


def sd3(network: Any) -> Tensors:
    """An SD3 transformer's: queries, keys and values in one, shift before scale at the ends."""
    named = network.state_dict()
    last = f"transformer_blocks.{network.config.num_layers - 1}.norm1_context."
    made: Tensors = {}
    for name, each in named.items():
        block = re.match(r"transformer_blocks\.(\d+)\.(.*)", name)
        begin = f"joint_blocks.{block[1]}." if block else ""
        key = block[2] if block else name
        if re.search(r"attn\.(to|add)_[kv]", key):
            continue
        if re.search(r"attn\.(to_q|add_q_proj)\.", key):
            kinds = ("q", "k", "v")
            parts = [named[re.sub(r"_q(_proj)?\.", rf"_{k}\1.", name)] for k in kinds]
            value = torch.cat(parts)
        elif name.startswith((last, "norm_out.")):
            value = torch.cat(each.chunk(2)[::-1])
        else:
            value = each
        made[begin + _renamed(key, _SD3_BLOCK if block else _SD3_ENDS)] = value
    return {_BEGIN + name: each for name, each in made.items()}


def sd3_checkpoint(pipe: Any) -> Tensors:
    """A whole SD3's but for the VAE, with its three text encoders."""
    made = sd3(pipe.transformer)
    encoders = {
        "clip_l": pipe.text_encoder,
        "clip_g": pipe.text_encoder_2,
        "t5xxl": pipe.text_encoder_3,
    }
    for name, encoder in encoders.items():
        begin = f"text_encoders.{name}.transformer."
        made |= {begin + key: each for key, each in encoder.state_dict().items()}
    # Its own is the identity, and files leave it out.
    del made["text_encoders.clip_l.transformer.text_projection.weight"]
    return made


def z_image(network: Any) -> Tensors:
    """A Z-Image transformer's: queries, keys and values in one."""
    named = network.state_dict()
    made: Tensors = {}
    for name, each in named.items():
        if ".attention.to_q." in name:
            parts = [named[name.replace(".to_q.", f".to_{kind}.")] for kind in "qkv"]
            made[name.replace(".to_q.", ".qkv.")] = torch.cat(parts)
        elif not re.search(r"\.attention\.to_[kv]\.", name):
            renamed = name
            for new, old in _Z_IMAGE:
                renamed = renamed.replace(new, old)
            made[re.sub(r"\.attention\.([qk])\.", r".attention.\1_norm.", renamed)] = each
    return {_BEGIN + name: each for name, each in made.items()}


def _renamed(name: str, pairs: tuple[tuple[str, str], ...]) -> str:
    for new, old in pairs:
        if name.startswith(new):
            return old + name[len(new) :]
    return name
