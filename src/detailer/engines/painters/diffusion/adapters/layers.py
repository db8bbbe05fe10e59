"""Layers: the layers of a pipeline by all the names that trainers give them in adapter files."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import torch
from torch import Tensor, nn

from detailer.engines.painters.diffusion.adapters import originals

Rows: TypeAlias = slice | Tensor

DENOISER: Final = "denoiser"
_KINDS = (nn.Linear, nn.Conv2d, nn.LayerNorm, nn.GroupNorm)
_WRAPPED = re.compile(r"(?:base_model\.model\.)+")
_PREFIXES = (
    (re.compile(r"(?:model\.)?diffusion_model\.|unet\.|transformer\."), DENOISER),
    (re.compile(r"lora_unet_|lora_transformer_|lycoris_"), DENOISER),
    (re.compile(r"lora_te1?_|(?:text_encoders\.)?clip_l\.transformer\."), "clip"),
    (re.compile(r"text_encoder\."), "clip"),
    (re.compile(r"lora_te2_|text_encoder_2\."), "text_encoder_2"),
    (re.compile(r"(?:text_encoders\.)?clip_g\.transformer\."), "text_encoder_2"),
    (re.compile(r"text_encoder_3\."), "text_encoder_3"),
    (re.compile(r"lora_te3_|(?:text_encoders\.)?t5xxl\.transformer\."), "t5"),
)


@dataclass(frozen=True, eq=False)
class Piece:
    """A layer, and which rows of an adapter's weight are its own, in its own order."""

    module: nn.Module
    rows: Rows


@dataclass(frozen=True, eq=False)
class Layer:
    """What an adapter calls one layer: one of the pipeline's, or several that were one once."""

    part: str
    name: str
    pieces: tuple[Piece, ...]

    @property
    def weights(self) -> list[Tensor]:
        """The weights of its pieces."""
        return [torch.as_tensor(piece.module.weight) for piece in self.pieces]

    @property
    def size(self) -> tuple[int, ...]:
        """What its weight's shape would be in one: what comes out, what goes in, the kernel."""
        weights = self.weights
        return (sum(each.shape[0] for each in weights), *weights[0].shape[1:])


class Layers:
    """The layers of a pipeline, found by the names of kohya's, diffusers' and ComfyUI's files."""

    def __init__(self, pipe: Any) -> None:
        """Looks through the pipeline's networks; their weights are not touched."""
        parts = {
            name: network
            for name in ("unet", "transformer", "text_encoder", "text_encoder_2", "text_encoder_3")
            if isinstance(network := getattr(pipe, name, None), nn.Module)
        }
        self._places = _places(parts)
        self._tables = {name: _table(name, network) for name, network in parts.items()}

    def find(self, name: str) -> Layer | None:
        """The layer of a name in an adapter's file, without what it says of it; None if none is."""
        name = _WRAPPED.sub("", name, count=1)
        place, rest = DENOISER, name
        for prefix, part in _PREFIXES:
            begin = prefix.match(name)
            if begin:
                place, rest = part, name[begin.end() :]
                break
        table = self._tables.get(self._places.get(place, place), {})
        return table.get(_flat(rest))


def _places(parts: Mapping[str, nn.Module]) -> dict[str, str]:
    """Which part is the denoiser, the first CLIP and T5."""
    denoiser = "unet" if "unet" in parts else "transformer"
    t5 = [name for name, network in parts.items() if type(network).__name__.startswith("T5")]
    # The refiner of SDXL has only the second one.
    clip = "text_encoder" if "text_encoder" in parts else "text_encoder_2"
    return {DENOISER: denoiser, "clip": clip, "t5": t5[0] if t5 else ""}


def _flat(name: str) -> str:
    """As kohya's scripts write it, which is how all spellings become one."""
    return name.replace(".", "_")


def _table(part: str, network: nn.Module) -> dict[str, Layer]:
    modules = {
        name: module
        for name, module in network.named_modules()
        if isinstance(module, _KINDS) and module.weight is not None
    }
    table: dict[str, Layer] = {}
    for name, module in modules.items():
        layer = Layer(part, name, (Piece(module, slice(None)),))
        table |= {_flat(alias): layer for alias in _aliases(part, name)}
    for original in originals.names_of(network, list(modules)):
        if all(name in modules for name in original.layers):
            pieces = tuple(_pieces([modules[name] for name in original.layers], original.swapped))
            table[_flat(original.name)] = Layer(part, _joint(original.layers), pieces)
    return table


def _aliases(part: str, name: str) -> Iterator[str]:
    """Spellings of diffusers' own names through its versions."""
    yield name
    if part.startswith("text_encoder"):
        bare = name.removeprefix("text_model.")
        old = re.sub(r"\b([qkv])_proj\b", r"to_\1", bare).replace("out_proj", "to_out")
        yield from (bare, f"text_model.{bare}", old, f"text_model.{old}")
    else:
        # An attention's processor held the old ones.
        yield re.sub(r"\.(to_[a-z]+|add_[a-z]_proj)(\.0)?$", r".processor.\1", name)


def _pieces(modules: Sequence[Any], swapped: bool) -> Iterator[Piece]:
    if swapped:
        (module,) = modules
        half = module.weight.shape[0] // 2
        yield Piece(module, torch.arange(2 * half).roll(half))
        return
    start = 0
    for module in modules:
        end = start + module.weight.shape[0]
        yield Piece(module, slice(start, end) if len(modules) > 1 else slice(None))
        start = end


def _joint(names: Sequence[str]) -> str:
    first, *others = names
    return "+".join([first, *(name.rpartition(".")[2] for name in others)])
