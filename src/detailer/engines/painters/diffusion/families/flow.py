"""Flow: what families that are trained on flows share: noise levels, time and ragged texts."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor

from detailer.core.geometry import Size
from detailer.engines.painters.diffusion.forward import Forward
from detailer.engines.painters.diffusion.space import across
from detailer.engines.painters.diffusion.table import Table

MULTIPLE = 16
"""Sides of a token in pixels: 8 for the VAE, times 2 cells."""

_STEPS = 1000
# What diffusers takes where a configuration says nothing: Flux's.
_FEW, _MANY = 256, 4096
_LEAST, _MOST = 0.5, 1.15


def flow_table(config: Mapping[str, Any], size: Size, shift: float = 0.0) -> Table:
    """The noise levels that a scheduler's configuration describes for a painted size.

    Args:
        config: Of one of diffusers' FlowMatch schedulers.
        size: In pixels; models that shift by size look at it.
        shift: Asked for instead of the model's own where it is not 0 (`Table.flow`).
    """
    own = _by_size(config, size) if config.get("use_dynamic_shifting") else _fixed(config)
    return Table.flow(shift or own)


def _fixed(config: Mapping[str, Any]) -> float:
    return float(config.get("shift", 1.0))


def _by_size(config: Mapping[str, Any], size: Size) -> float:
    """Esser et al. 2024, section 5.3.2, as Flux has it: linear in the number of tokens."""
    tokens = size.area / MULTIPLE**2
    few = config.get("base_image_seq_len") or _FEW
    many = config.get("max_image_seq_len") or _MANY
    least = config.get("base_shift", _LEAST)
    most = config.get("max_shift", _MOST)
    mu = least + (most - least) * (tokens - few) / (many - few)
    return float(mu) if config.get("time_shift_type") == "linear" else math.exp(mu)


def time_of(forward: Forward) -> Tensor:
    """(B,) 0..1, what networks take for the time: the noise level, unless another is given."""
    return forward.sigma if forward.timestep is None else forward.timestep / _STEPS


def flown(forward: Forward, velocity: Tensor) -> Tensor:
    """The clean latents (B, C, h, w) of a velocity from them to the noise."""
    return forward.x - across(forward.sigma, forward.x) * velocity.to(forward.x)


def by_length(forward: Forward, name: str, network: Callable[[Forward, Tensor], Tensor]) -> Tensor:
    """A network's output where texts must have one length: a pass for each length there is.

    Networks that attend to all of the text would see a padding as a part of it.

    Args:
        forward: Samples with texts of any lengths.
        name: The tensor of the conditions that is stacked, (length, width) each.
        network: From samples and their stacked texts (B, length, width) to (B, C, h, w).
    """
    texts = [said[name] for said in forward.conditions]
    lengths = [len(text) for text in texts]
    if len(set(lengths)) == 1:
        return network(forward, torch.stack(texts))
    result: Tensor | None = None
    for length in dict.fromkeys(lengths):
        rows = torch.tensor([row for row, own in enumerate(lengths) if own == length])
        output = network(forward.of(rows), torch.stack([texts[row] for row in rows.tolist()]))
        if result is None:
            result = output.new_empty(len(texts), *output.shape[1:])
        result[rows.to(result.device)] = output
    assert result is not None
    return result
