"""Tensors: all of a single file's, by name, with the header that describes them."""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file

from detailer.engines.painters.diffusion.loading.faults import as_engine_error
from detailer.engines.painters.diffusion.loading.headers import Header, Weight, read_header
from detailer.engines.painters.diffusion.loading.telling import present_name
from detailer.errors import EngineError

_NAMES = {
    torch.float32: "F32", torch.float16: "F16", torch.bfloat16: "BF16", torch.float64: "F64",
    torch.int64: "I64", torch.int32: "I32", torch.uint8: "U8", torch.bool: "BOOL",
}  # fmt: skip


@dataclass(frozen=True, eq=False)
class Tensors:
    """Tensors by name; of a safetensors file they stay on the disk until they are used."""

    named: Mapping[str, torch.Tensor]
    header: Header


def read_tensors(path: Path) -> Tensors:
    """All tensors of a safetensors file.

    Raises:
        EngineError: If the file is broken; it is checked before it is opened.
    """
    header = read_header(path)
    with as_engine_error(path):
        return Tensors(load_file(str(path)), header)


def read_pickle(path: Path) -> Tensors:
    """All tensors of a pickle, which may hold tensors and plain values and nothing that runs.

    Raises:
        EngineError: If it holds anything else, or no tensors.
    """
    try:
        held: Any = torch.load(path, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, EOFError, OSError, RuntimeError, KeyError) as error:
        said = " ".join(str(error).split())[:200]
        raise EngineError(
            f"{path} cannot be read as tensors alone ({said}); take the model's .safetensors file"
        ) from error
    while isinstance(held, dict) and "state_dict" in held:
        held = held["state_dict"]
    if not isinstance(held, dict):
        raise EngineError(f"{path} holds no table of tensors")
    named = {str(name): each for name, each in held.items() if isinstance(each, torch.Tensor)}
    weights = {
        name: Weight(_NAMES.get(each.dtype, "F32"), tuple(each.shape))
        for name, each in named.items()
    }
    return Tensors(named, Header(path, weights, {}))


def with_present_names(tensors: Tensors) -> Tensors:
    """The same by the names that later files of the same models have."""
    weights = {present_name(name): each for name, each in tensors.header.weights.items()}
    named = {present_name(name): each for name, each in tensors.named.items()}
    return Tensors(named, replace(tensors.header, weights=weights))
