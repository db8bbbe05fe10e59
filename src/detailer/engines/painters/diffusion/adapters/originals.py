"""Originals: what the layers of a network are called in its makers' own code."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from torch import nn


@dataclass(frozen=True)
class Original:
    """A name in the makers' code, and the layers of diffusers' that hold its rows, in order.

    `swapped`: the halves of its rows lie the other way round, scale before shift.
    """

    name: str
    layers: tuple[str, ...]
    swapped: bool = False


def names_of(network: nn.Module, names: Sequence[str]) -> Iterator[Original]:
    """The original names of a network's layers; none for networks that kept their names."""
    known = _KNOWN.get(type(network).__name__)
    return known(network, names) if known else iter(())


# UNets of Stable Diffusion: blocks are numbered through.

_RESIDUAL = (
    ("norm1", "in_layers.0"), ("conv1", "in_layers.2"), ("time_emb_proj", "emb_layers.1"),
    ("norm2", "out_layers.0"), ("conv2", "out_layers.3"), ("conv_shortcut", "skip_connection"),
)  # fmt: skip
_ENDS: Final[Mapping[str, str]] = {
    "conv_in": "input_blocks.0.0",
    "conv_norm_out": "out.0",
    "conv_out": "out.2",
    "time_embedding.linear_1": "time_embed.0",
    "time_embedding.linear_2": "time_embed.2",
    "add_embedding.linear_1": "label_emb.0.0",
    "add_embedding.linear_2": "label_emb.0.2",
}
_BLOCK = re.compile(r"(down|up|mid)_blocks?\.(?:(\d+)\.)?(\w+)\.(\d+)\.(.+)")


def _unet(network: Any, names: Sequence[str]) -> Iterator[Original]:
    layers = int(network.config.layers_per_block)
    attends = {match[0] for name in names if (match := re.match(r"up_blocks\.\d+\.att", name))}
    for name in names:
        block = _BLOCK.fullmatch(name)
        if name in _ENDS:
            yield Original(_ENDS[name], (name,))
        elif block:
            upsampler = 2 if f"up_blocks.{block[2]}.att" in attends else 1
            yield Original(_in_unet(block, layers, upsampler), (name,))


def _in_unet(block: re.Match[str], layers: int, upsampler: int) -> str:
    way, kind, number, rest = block[1], block[3], int(block[4]), block[5]
    level = int(block[2] or 0)
    if kind == "resnets":
        begin, _, end = rest.partition(".")
        rest = ".".join(filter(None, (dict(_RESIDUAL).get(begin, begin), end)))
    if way == "mid":
        return f"middle_block.{1 if kind == 'attentions' else 2 * number}.{rest}"
    if kind == "downsamplers":
        return f"input_blocks.{(level + 1) * (layers + 1)}.0.op"
    if kind == "upsamplers":
        return f"output_blocks.{level * (layers + 1) + layers}.{upsampler}.{rest}"
    place = 1 if kind == "attentions" else 0
    if way == "down":
        return f"input_blocks.{1 + level * (layers + 1) + number}.{place}.{rest}"
    return f"output_blocks.{level * (layers + 1) + number}.{place}.{rest}"


# Transformers: queries, keys and values are one layer there, and three in diffusers.

_Row = tuple[str, str]

_FLUX_DOUBLE: Final[Sequence[_Row]] = (
    ("img_attn.qkv", "attn.to_q attn.to_k attn.to_v"),
    ("img_attn.proj", "attn.to_out.0"),
    ("img_mlp.0", "ff.net.0.proj"),
    ("img_mlp.2", "ff.net.2"),
    ("img_mod.lin", "norm1.linear"),
    ("txt_attn.qkv", "attn.add_q_proj attn.add_k_proj attn.add_v_proj"),
    ("txt_attn.proj", "attn.to_add_out"),
    ("txt_mlp.0", "ff_context.net.0.proj"),
    ("txt_mlp.2", "ff_context.net.2"),
    ("txt_mod.lin", "norm1_context.linear"),
    # XLabs' trainer names them by the attention's processor.
    ("processor.qkv1", "attn.to_q attn.to_k attn.to_v"),
    ("processor.proj1", "attn.to_out.0"),
    ("processor.qkv2", "attn.add_q_proj attn.add_k_proj attn.add_v_proj"),
    ("processor.proj2", "attn.to_add_out"),
)
_FLUX_SINGLE: Final[Sequence[_Row]] = (
    ("linear1", "attn.to_q attn.to_k attn.to_v proj_mlp"),
    ("linear2", "proj_out"),
    ("modulation.lin", "norm.linear"),
    ("processor.qkv", "attn.to_q attn.to_k attn.to_v"),
    ("processor.proj", "proj_out"),
)
_FLUX_ENDS: Final[Sequence[_Row]] = (
    ("img_in", "x_embedder"),
    ("txt_in", "context_embedder"),
    ("time_in.in_layer", "time_text_embed.timestep_embedder.linear_1"),
    ("time_in.out_layer", "time_text_embed.timestep_embedder.linear_2"),
    ("vector_in.in_layer", "time_text_embed.text_embedder.linear_1"),
    ("vector_in.out_layer", "time_text_embed.text_embedder.linear_2"),
    ("guidance_in.in_layer", "time_text_embed.guidance_embedder.linear_1"),
    ("guidance_in.out_layer", "time_text_embed.guidance_embedder.linear_2"),
    ("final_layer.linear", "proj_out"),
)
_CHROMA_GUIDANCE: Final[Sequence[_Row]] = (
    ("in_layer", "linear_1"),
    ("out_layer", "linear_2"),
)
_SD3_BLOCK: Final[Sequence[_Row]] = (
    ("x_block.attn.qkv", "attn.to_q attn.to_k attn.to_v"),
    ("x_block.attn.proj", "attn.to_out.0"),
    ("x_block.attn2.qkv", "attn2.to_q attn2.to_k attn2.to_v"),
    ("x_block.attn2.proj", "attn2.to_out.0"),
    ("x_block.mlp.fc1", "ff.net.0.proj"),
    ("x_block.mlp.fc2", "ff.net.2"),
    ("x_block.adaLN_modulation.1", "norm1.linear"),
    ("context_block.attn.qkv", "attn.add_q_proj attn.add_k_proj attn.add_v_proj"),
    ("context_block.attn.proj", "attn.to_add_out"),
    ("context_block.mlp.fc1", "ff_context.net.0.proj"),
    ("context_block.mlp.fc2", "ff_context.net.2"),
    ("context_block.adaLN_modulation.1", "norm1_context.linear"),
)
_SD3_ENDS: Final[Sequence[_Row]] = (
    ("x_embedder.proj", "pos_embed.proj"),
    ("t_embedder.mlp.0", "time_text_embed.timestep_embedder.linear_1"),
    ("t_embedder.mlp.2", "time_text_embed.timestep_embedder.linear_2"),
    ("y_embedder.mlp.0", "time_text_embed.text_embedder.linear_1"),
    ("y_embedder.mlp.2", "time_text_embed.text_embedder.linear_2"),
    ("final_layer.linear", "proj_out"),
)
_Z_BLOCK: Final[Sequence[_Row]] = (
    ("attention.qkv", "attention.to_q attention.to_k attention.to_v"),
    ("attention.out", "attention.to_out.0"),
)
_Z_ENDS: Final[Sequence[_Row]] = (
    ("x_embedder", "all_x_embedder.2-1"),
    ("final_layer.linear", "all_final_layer.2-1.linear"),
    ("final_layer.adaLN_modulation.1", "all_final_layer.2-1.adaLN_modulation.1"),
)
_FINAL: Final = Original("final_layer.adaLN_modulation.1", ("norm_out.linear",), swapped=True)


def _flux(_network: Any, names: Sequence[str]) -> Iterator[Original]:
    yield from _in_blocks(_FLUX_DOUBLE, ("double_blocks", "transformer_blocks"), names)
    yield from _in_blocks(_FLUX_SINGLE, ("single_blocks", "single_transformer_blocks"), names)
    guidance = "distilled_guidance_layer.layers"
    yield from _in_blocks(_CHROMA_GUIDANCE, (guidance, guidance), names)
    yield from _rows(_FLUX_ENDS)
    yield _FINAL


def _sd3(_network: Any, names: Sequence[str]) -> Iterator[Original]:
    blocks = _counted("transformer_blocks", names)
    # In its last block the text is only read, and its scale and shift are those of an end.
    last = f"joint_blocks.{blocks - 1}.context_block.adaLN_modulation.1"
    for original in _in_blocks(_SD3_BLOCK, ("joint_blocks", "transformer_blocks"), names):
        yield Original(original.name, original.layers, swapped=original.name == last)
    yield from _rows(_SD3_ENDS)
    yield _FINAL


def _z_image(_network: Any, names: Sequence[str]) -> Iterator[Original]:
    for stem in ("layers", "noise_refiner", "context_refiner"):
        yield from _in_blocks(_Z_BLOCK, (stem, stem), names)
    yield from _rows(_Z_ENDS)


def _in_blocks(
    rows: Iterable[_Row], stems: tuple[str, str], names: Sequence[str]
) -> Iterator[Original]:
    original, here = stems
    for block in range(_counted(here, names)):
        for name, layers in rows:
            own = tuple(f"{here}.{block}.{layer}" for layer in layers.split())
            yield Original(f"{original}.{block}.{name}", own)


def _rows(rows: Iterable[_Row]) -> Iterator[Original]:
    for name, layer in rows:
        yield Original(name, (layer,))


def _counted(stem: str, names: Sequence[str]) -> int:
    places = (re.match(rf"{re.escape(stem)}\.(\d+)\.", name) for name in names)
    return max((int(place[1]) + 1 for place in places if place), default=0)


_KNOWN: Final[Mapping[str, Callable[[Any, Sequence[str]], Iterator[Original]]]] = {
    "UNet2DConditionModel": _unet,
    "FluxTransformer2DModel": _flux,
    "ChromaTransformer2DModel": _flux,
    "SD3Transformer2DModel": _sd3,
    "ZImageTransformer2DModel": _z_image,
}
