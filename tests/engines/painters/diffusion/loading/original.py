"""Original: networks' tensors by the names that checkpoints in a single file give them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import torch

Tensors = dict[str, torch.Tensor]

_RESIDUAL = (
    ("norm1.", "in_layers.0."),
    ("conv1.", "in_layers.2."),
    ("norm2.", "out_layers.0."),
    ("conv2.", "out_layers.3."),
    ("time_emb_proj.", "emb_layers.1."),
    ("conv_shortcut.", "skip_connection."),
)
_ENDS = (
    ("time_embedding.linear_1.", "time_embed.0."),
    ("time_embedding.linear_2.", "time_embed.2."),
    ("add_embedding.linear_1.", "label_emb.0.0."),
    ("add_embedding.linear_2.", "label_emb.0.2."),
    ("conv_in.", "input_blocks.0.0."),
    ("conv_norm_out.", "out.0."),
    ("conv_out.", "out.2."),
)
_VAE_ATTENTION = (
    ("group_norm.", "norm."),
    ("to_q.", "q."),
    ("to_k.", "k."),
    ("to_v.", "v."),
    ("to_out.0.", "proj_out."),
)
_OPEN_CLIP = (
    ("self_attn.out_proj.", "attn.out_proj."),
    ("layer_norm1.", "ln_1."),
    ("layer_norm2.", "ln_2."),
    ("mlp.fc1.", "mlp.c_fc."),
    ("mlp.fc2.", "mlp.c_proj."),
)


def unet(network: Any, begin: str = "model.diffusion_model.") -> Tensors:
    """A UNet's, as Stable Diffusion's own code has them."""
    attended = {
        int(found[1])
        for name in network.state_dict()
        if (found := re.match(r"up_blocks\.(\d+)\.attentions\.", name))
    }
    layers = network.config.layers_per_block
    named = network.state_dict()
    return {begin + _unet_name(name, layers, attended): each for name, each in named.items()}


def _unet_name(name: str, layers: int, attended: set[int]) -> str:
    for new, old in _ENDS:
        if name.startswith(new):
            return old + name[len(new) :]
    found = re.match(r"(down|up)_blocks\.(\d+)\.(resnets|attentions)\.(\d+)\.(.*)", name)
    if found:
        way, level, kind, layer, rest = found.groups()
        place = (layers + 1) * int(level) + int(layer) + (1 if way == "down" else 0)
        side = "input_blocks" if way == "down" else "output_blocks"
        inner = _renamed(rest, _RESIDUAL) if kind == "resnets" else rest
        return f"{side}.{place}.{'0' if kind == 'resnets' else '1'}.{inner}"
    found = re.match(r"down_blocks\.(\d+)\.downsamplers\.0\.conv\.(.*)", name)
    if found:
        return f"input_blocks.{(layers + 1) * (int(found[1]) + 1)}.0.op.{found[2]}"
    found = re.match(r"up_blocks\.(\d+)\.upsamplers\.0\.conv\.(.*)", name)
    if found:
        level = int(found[1])
        side = 2 if level in attended else 1
        return f"output_blocks.{(layers + 1) * level + layers}.{side}.conv.{found[2]}"
    found = re.match(r"mid_block\.(resnets|attentions)\.(\d+)\.(.*)", name)
    assert found, name
    if found[1] == "attentions":
        return f"middle_block.1.{found[3]}"
    return f"middle_block.{2 * int(found[2])}.{_renamed(found[3], _RESIDUAL)}"


def vae(network: Any, begin: str = "first_stage_model.") -> Tensors:
    """A VAE's, as Stable Diffusion's own code has them."""
    levels = len(network.config.block_out_channels)
    return {begin + _vae_name(name, levels): each for name, each in network.state_dict().items()}


def _vae_name(name: str, levels: int) -> str:
    name = name.replace("conv_norm_out", "norm_out").replace("conv_shortcut", "nin_shortcut")
    name = re.sub(
        r"mid_block\.resnets\.(\d+)", lambda found: f"mid.block_{int(found[1]) + 1}", name
    )
    if "mid_block.attentions.0." in name:
        head, _, rest = name.partition("mid_block.attentions.0.")
        return f"{head}mid.attn_1.{_renamed(rest, _VAE_ATTENTION)}"
    name = re.sub(r"down_blocks\.(\d+)\.resnets\.", r"down.\1.block.", name)
    name = re.sub(r"down_blocks\.(\d+)\.downsamplers\.0\.", r"down.\1.downsample.", name)
    for new, old in (("resnets.", "block."), ("upsamplers.0.", "upsample.")):
        name = re.sub(
            rf"up_blocks\.(\d+)\.{re.escape(new)}",
            lambda found, old=old: f"up.{levels - 1 - int(found[1])}.{old}",
            name,
        )
    return name


def clip(network: Any, begin: str = "cond_stage_model.") -> Tensors:
    """OpenAI's text encoder's, as transformers of the time named them."""
    named = {name.removeprefix("text_model."): each for name, each in network.state_dict().items()}
    made = {}
    for name, each in named.items():
        place = "" if name.startswith("text_projection.") else "text_model."
        made[f"{begin}transformer.{place}{name}"] = each
    return made


def open_clip(network: Any, begin: str) -> Tensors:
    """OpenCLIP's text encoder's: queries, keys and values in one."""
    named = {name.removeprefix("text_model."): each for name, each in network.state_dict().items()}
    made = {
        "positional_embedding": named["embeddings.position_embedding.weight"],
        "token_embedding.weight": named["embeddings.token_embedding.weight"],
        "ln_final.weight": named["final_layer_norm.weight"],
        "ln_final.bias": named["final_layer_norm.bias"],
    }
    if "text_projection.weight" in named:
        made["text_projection"] = named["text_projection.weight"].T.contiguous()
    for name, each in named.items():
        found = re.match(r"encoder\.layers\.(\d+)\.(.*)", name)
        if not found:
            continue
        if "self_attn" not in found[2] or "out_proj" in found[2]:
            made[f"transformer.resblocks.{found[1]}.{_renamed(found[2], _OPEN_CLIP)}"] = each
        elif "q_proj" in found[2]:
            kind = found[2].rpartition(".")[2]
            parts = [named[name.replace("q_proj", f"{one}_proj")] for one in "qkv"]
            made[f"transformer.resblocks.{found[1]}.attn.in_proj_{kind}"] = torch.cat(parts)
    return {f"{begin}model.{name}": each for name, each in made.items()}


def contiguous(tensors: Mapping[str, torch.Tensor]) -> Tensors:
    """As files want them: each with memory of its own."""
    return {name: each.detach().clone().contiguous() for name, each in tensors.items()}


def _renamed(name: str, pairs: tuple[tuple[str, str], ...]) -> str:
    for new, old in pairs:
        if name.startswith(new):
            return old + name[len(new) :]
    return name
