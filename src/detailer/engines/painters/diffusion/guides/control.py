"""Control: what ControlNets add to a pass of the network they steer."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

import torch
from torch import Tensor

from detailer.engines.painters.diffusion.forward import Forward, Hint
from detailer.engines.painters.diffusion.packing import packed
from detailer.engines.painters.diffusion.space import across
from detailer.errors import EngineError

Groups: TypeAlias = Sequence[Sequence[Tensor]]
"""What a ControlNet puts out: groups of blocks, each of as many rows as it was given."""

Steer: TypeAlias = Callable[[Hint, Tensor], Groups]
"""Runs a hint's ControlNet on some rows (indices) of the batch."""


def residuals(
    forward: Forward, given: Tensor, timestep: Tensor, hidden: Tensor, added: Any
) -> dict[str, Any]:
    """A UNet's arguments for all hints of a pass; none where no hint acts."""

    def steer(hint: Hint, rows: Tensor) -> Groups:
        more = None if added is None else {name: part[rows] for name, part in added.items()}
        down, middle = hint.model(
            given[rows],
            timestep[rows],
            encoder_hidden_states=hidden[rows],
            controlnet_cond=_image(hint, rows, given),
            added_cond_kwargs=more,
            return_dict=False,
        )
        return down, [middle]

    groups = added_up(forward, steer)
    if not groups:
        return {}
    return {
        "down_block_additional_residuals": tuple(groups[0]),
        "mid_block_additional_residual": groups[1][0],
    }


def sd3_residuals(forward: Forward, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """An SD3 transformer's arguments for all hints of a pass; none where no hint acts.

    Args:
        forward: The pass; the images of its hints are latents (B, C, h, w).
        arguments: The transformer's own by name: hidden_states, timestep, encoder_hidden_states,
            pooled_projections, with B rows each.
    """

    def steer(hint: Hint, rows: Tensor) -> Groups:
        seen = {name: part[rows] for name, part in arguments.items() if name in _SD3}
        config = hint.model.config
        if config.force_zeros_for_pooled_projection:
            seen["pooled_projections"] = torch.zeros_like(seen["pooled_projections"])
        if config.joint_attention_dim is None:
            seen["encoder_hidden_states"] = None
        image = _image(hint, rows, arguments["hidden_states"])
        return (hint.model(**seen, controlnet_cond=image, return_dict=False)[0],)

    groups = added_up(forward, steer)
    return {"block_controlnet_hidden_states": groups[0]} if groups else {}


def flux_residuals(forward: Forward, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """A Flux transformer's arguments for all hints of a pass; none where no hint acts.

    Args:
        forward: The pass; the images of its hints are latents (B, C, h, w).
        arguments: The transformer's own by name: packed hidden_states (B, N, 4 C), timestep,
            guidance or None, encoder_hidden_states, pooled_projections, and img_ids and txt_ids,
            which all rows share.
    """

    def steer(hint: Hint, rows: Tensor) -> Groups:
        seen = {name: _rows(name, part, rows) for name, part in arguments.items() if name in _FLUX}
        if not hint.model.config.guidance_embeds:
            seen["guidance"] = None
        image = packed(_image(hint, rows, arguments["hidden_states"]))
        both = hint.model(**seen, controlnet_cond=image, return_dict=False)
        return [blocks or () for blocks in both]

    groups = added_up(forward, steer)
    names = ("controlnet_block_samples", "controlnet_single_block_samples")
    return {name: group for name, group in zip(names, groups, strict=False) if group}


def added_up(forward: Forward, steer: Steer) -> list[list[Tensor]]:
    """What all hints add, (B, ...) a block, each as strong as it is now; empty where none acts.

    A ControlNet runs on those rows only that it acts on: the others cost nothing, and nothing
    that it puts out reaches them.

    Raises:
        EngineError: If two ControlNets have not the same blocks.
    """
    total: list[list[Tensor]] = []
    for hint in forward.guides.hints:
        strength = hint.strength_at(forward.sigma)
        rows = strength.nonzero().flatten()
        if len(rows) == 0:
            continue
        ours = [[_placed(block, strength, rows) for block in group] for group in steer(hint, rows)]
        total = _sum(total, ours) if total else ours
    return total


def _placed(block: Tensor, strength: Tensor, rows: Tensor) -> Tensor:
    strong = block * across(strength[rows], block).to(block.dtype)
    if len(rows) == len(strength):
        return strong
    whole = block.new_zeros(len(strength), *block.shape[1:])
    return whole.index_copy(0, rows, strong)


def _sum(one: list[list[Tensor]], other: list[list[Tensor]]) -> list[list[Tensor]]:
    counts = [[len(group) for group in groups] for groups in (one, other)]
    if counts[0] != counts[1]:
        raise EngineError(
            f"ControlNets of {counts[0]} and of {counts[1]} blocks cannot steer together;"
            " take two of the same make"
        )
    return [
        [a + b for a, b in zip(*groups, strict=True)] for groups in zip(one, other, strict=True)
    ]


def _image(hint: Hint, rows: Tensor, like: Tensor) -> Tensor:
    return hint.image[rows.to(hint.image.device)].to(like.device, like.dtype)


def _rows(name: str, part: Any, rows: Tensor) -> Any:
    return part if part is None or name.endswith("_ids") else part[rows]


_SD3 = ("hidden_states", "timestep", "encoder_hidden_states", "pooled_projections")
_FLUX = (*_SD3, "guidance", "img_ids", "txt_ids")
