"""Original transformers: their tensors by the names that their makers' files have.

Flux and Chroma are not among them: diffusers converts those of the real width alone.
"""

from __future__ import annotations

import re
from typing import Any

import torch

from tests.engines.painters.diffusion.loading.original import Tensors

_SD3_ENDS = {
    "pos_embed.pos_embed": "pos_embed",
    "pos_embed.proj.": "x_embedder.proj.",
    "time_text_embed.timestep_embedder.linear_1.": "t_embedder.mlp.0.",
    "time_text_embed.timestep_embedder.linear_2.": "t_embedder.mlp.2.",
    "time_text_embed.text_embedder.linear_1.": "y_embedder.mlp.0.",
    "time_text_embed.text_embedder.linear_2.": "y_embedder.mlp.2.",
    "context_embedder.": "context_embedder.",
    "proj_out.": "final_layer.linear.",
    "norm_out.linear.": "final_layer.adaLN_modulation.1.",
}
_SD3_BLOCKS = {
    "attn.to_out.0.": "x_block.attn.proj.",
    "attn.to_add_out.": "context_block.attn.proj.",
    "norm1.linear.": "x_block.adaLN_modulation.1.",
    "norm1_context.linear.": "context_block.adaLN_modulation.1.",
    "ff.net.0.proj.": "x_block.mlp.fc1.",
    "ff.net.2.": "x_block.mlp.fc2.",
    "ff_context.net.0.proj.": "context_block.mlp.fc1.",
    "ff_context.net.2.": "context_block.mlp.fc2.",
}
_JOINED = {
    "attn.to_q.": ("x_block.attn.qkv.", ("attn.to_q.", "attn.to_k.", "attn.to_v.")),
    "attn.add_q_proj.": (
        "context_block.attn.qkv.",
        ("attn.add_q_proj.", "attn.add_k_proj.", "attn.add_v_proj."),
    ),
}
_Z_ENDS = {"all_final_layer.2-1.": "final_layer.", "all_x_embedder.2-1.": "x_embedder."}
_Z_BLOCKS = {".to_out.0.": ".out.", ".norm_k.": ".k_norm.", ".norm_q.": ".q_norm."}


def sd3(network: Any, begin: str = "model.diffusion_model.") -> Tensors:
    """Stable Diffusion 3's: queries, keys and values in one."""
    named = network.state_dict()
    last = network.config.num_layers - 1
    made: Tensors = {}
    for name, each in named.items():
        block = re.match(r"transformer_blocks\.(\d+)\.(.*?)(weight|bias)$", name)
        if block is None:
            value = _swapped(each) if name.startswith("norm_out.") else each
            made[_begun(name, _SD3_ENDS)] = value
            continue
        number, middle, kind = block.groups()
        place = f"joint_blocks.{number}."
        if middle in _JOINED:
            joined, parts = _JOINED[middle]
            own = [named[f"transformer_blocks.{number}.{part}{kind}"] for part in parts]
            made[f"{place}{joined}{kind}"] = torch.cat(own)
        elif middle in _SD3_BLOCKS:
            ends = middle == "norm1_context.linear." and int(number) == last
            made[f"{place}{_SD3_BLOCKS[middle]}{kind}"] = _swapped(each) if ends else each
    return {begin + name: each for name, each in made.items()}


def z_image(network: Any, begin: str = "model.diffusion_model.") -> Tensors:
    """Z-Image's: queries, keys and values in one."""
    named = network.state_dict()
    made: Tensors = {}
    for name, each in named.items():
        if name.endswith("attention.to_q.weight"):
            parts = [named[name.replace("to_q", f"to_{one}")] for one in "qkv"]
            made[name.replace("to_q", "qkv")] = torch.cat(parts)
        elif not name.endswith(("attention.to_k.weight", "attention.to_v.weight")):
            renamed = _begun(name, _Z_ENDS)
            for new, old in _Z_BLOCKS.items():
                renamed = renamed.replace(new, old)
            made[renamed] = each
    return {begin + name: each for name, each in made.items()}


def t5(network: Any, begin: str = "text_encoders.t5xxl.") -> Tensors:
    """T5's: its table of words once, by the name shared."""
    named = network.state_dict()
    kept = {name: each for name, each in named.items() if "embed_tokens" not in name}
    return {f"{begin}transformer.{name}": each for name, each in kept.items()}


def _swapped(value: torch.Tensor) -> torch.Tensor:
    """Shift before scale, which diffusers has the other way round."""
    first, second = value.chunk(2, dim=0)
    return torch.cat([second, first])


def _begun(name: str, pairs: dict[str, str]) -> str:
    for new, old in pairs.items():
        if name.startswith(new):
            return old + name[len(new) :]
    return name
