"""LoRA files as trainers write them, with known changes to known layers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor

from detailer.core.paint import Lora

RANK, ALPHA = 4, 2.0

UNET = "down_blocks.1.attentions.0.transformer_blocks.0.attn2.to_k"
# Diffusers tells an old file's format by this one, which every trainer changes with the others.
TEXT = "encoder.layers.0.self_attn.out_proj"

KOHYA_TEXT = f"text_model_{TEXT.replace('.', '_')}"


@dataclass(frozen=True, eq=False)
class Change:
    """A change to one layer: up(down(x)), times alpha / rank where a format has an alpha."""

    down: Tensor
    up: Tensor

    @classmethod
    def of(cls, goes_in: int, comes_out: int, seed: int) -> Change:
        generator = torch.Generator().manual_seed(seed)
        return cls(
            torch.randn(RANK, goes_in, generator=generator),
            torch.randn(comes_out, RANK, generator=generator),
        )

    def __call__(self, x: Tensor) -> Tensor:
        return x @ self.down.T @ self.up.T


def lora(name: str, *weights: float) -> Lora:
    """What asks for a file: its weight in the network and, if it is another, in the encoders."""
    return Lora(name=name, **dict(zip(("weight", "text_weight"), weights, strict=False)))


def kohya(path: Path, changes: Mapping[str, Change]) -> Path:
    """As kohya's scripts: names joined by underscores, with an alpha of 2 at rank 4."""
    tensors: dict[str, Tensor] = {}
    for name, change in changes.items():
        tensors[f"{name}.lora_down.weight"] = change.down
        tensors[f"{name}.lora_up.weight"] = change.up
        tensors[f"{name}.alpha"] = torch.tensor(ALPHA)
    save_file(tensors, path)
    return path


def peft(path: Path, changes: Mapping[str, Change]) -> Path:
    """As diffusers writes them with peft."""
    tensors: dict[str, Tensor] = {}
    for name, change in changes.items():
        tensors[f"{name}.lora_A.weight"] = change.down
        tensors[f"{name}.lora_B.weight"] = change.up
    save_file(tensors, path)
    return path


def diffusers(path: Path, changes: Mapping[str, Change]) -> Path:
    """As diffusers wrote them before peft."""
    tensors: dict[str, Tensor] = {}
    for name, change in changes.items():
        middle = "lora_linear_layer" if name.startswith("text_encoder") else "lora"
        tensors[f"{name}.{middle}.down.weight"] = change.down
        tensors[f"{name}.{middle}.up.weight"] = change.up
    save_file(tensors, path)
    return path


FIRST, SECOND = Change.of(32, 16, 1), Change.of(32, 32, 2)
"""Changes to UNET and TEXT."""


def layer(pipe: Any, name: str) -> Any:
    """A layer by its name; text encoders of some versions have a level more."""
    part, _, rest = name.partition(".")
    network = getattr(pipe, part)
    inner = getattr(network, "text_model", network)
    return (inner if part.startswith("text_encoder") else network).get_submodule(rest)


def difference(pipe: Any, name: str, x: Tensor) -> Tensor:
    """What a layer gives beyond what it gave without any LoRA."""
    found = layer(pipe, name)
    with torch.no_grad():
        # What a LoRA adds is added by a hook, which forward alone does not see.
        return found(x) - found.forward(x)


def expect(pipe: Any, name: str, expected: Callable[[Tensor], Tensor] | None) -> None:
    """A layer changes as expected; None: not by a bit."""
    found = layer(pipe, name)
    x = torch.randn(2, found.in_features, generator=torch.Generator().manual_seed(0))
    changed = difference(pipe, name, x)
    if expected is None:
        assert not changed.any()
    else:
        torch.testing.assert_close(changed, expected(x), rtol=1e-4, atol=1e-4)
