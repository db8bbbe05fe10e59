"""Changes: how a layer is to differ, by a difference of its weight, a bias and a magnitude."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn
from torch.nn import functional

from detailer.engines.painters.diffusion.adapters.forms import Difference, LowRank
from detailer.engines.painters.diffusion.adapters.layers import Piece


@dataclass(frozen=True, eq=False)
class Change:
    """What an adapter does to one layer.

    With a magnitude it is DoRA, arXiv 2402.09353: the changed weight is brought to that length,
    row by row, or, as LyCORIS's default has it, column by column (`by_rows` is false then). Its
    strength is the share of the way from the weight to that, as in ComfyUI, so that 0 is nothing.
    """

    difference: Difference | None
    bias: Tensor | None = None
    magnitude: Tensor | None = None
    by_rows: bool = True

    def to(self, device: torch.device) -> Change:
        """The same on another device."""
        return replace(
            self,
            difference=None if self.difference is None else self.difference.to(device),
            bias=None if self.bias is None else self.bias.to(device),
            magnitude=None if self.magnitude is None else self.magnitude.to(device),
        )

    def delta(self, piece: Piece, pieces: Sequence[Piece]) -> Tensor:
        """What is added to the weight of a piece at strength 1, of its shape, float32.

        Args:
            piece: A layer.
            pieces: All layers that the adapter knows as one with it.
        """
        matrix = self.difference.matrix() if self.difference else torch.zeros(())
        weight = _weight(piece, matrix.device)
        own = _rows(matrix, piece, weight)
        if self.magnitude is None:
            return own
        changed = weight + own
        magnitude = self.magnitude.float().flatten()
        if self.by_rows:
            share = magnitude[piece.rows] / _length(changed.flatten(1).square().sum(1))
            return changed * share.reshape(-1, *(1,) * (weight.ndim - 1)) - weight
        squares = torch.zeros_like(magnitude)
        for each in pieces:
            there = _weight(each, matrix.device)
            there = there + _rows(matrix, each, there)
            squares = squares + there.transpose(0, 1).flatten(1).square().sum(1)
        share = magnitude / _length(squares)
        return changed * share.reshape(-1, *(1,) * (weight.ndim - 2)) - weight


def added(change: Change, piece: Piece, pieces: Sequence[Piece], x: Tensor) -> Tensor:
    """What a layer gives more for x at strength 1, of the dtype of x."""
    module = piece.module
    bias = None if change.bias is None else change.bias.to(x).flatten()[piece.rows]
    if isinstance(module, nn.LayerNorm | nn.GroupNorm):
        return _normed(module, x, change.delta(piece, pieces).to(x), bias)
    difference = change.difference
    simple = isinstance(difference, LowRank) and difference.core is None
    if simple and change.magnitude is None and getattr(module, "groups", 1) == 1:
        more = _through(difference, piece, x)  # type: ignore[arg-type]
    elif difference is None:
        more = torch.zeros((), device=x.device, dtype=x.dtype)
    else:
        more = _applied(module, x, change.delta(piece, pieces).to(x))
    if bias is None:
        return more
    # A picture's channels come before its height and width.
    return more + (bias[:, None, None] if isinstance(module, nn.Conv2d) else bias)


def _through(change: LowRank, piece: Piece, x: Tensor) -> Tensor:
    """By the narrow way, without writing the difference out."""
    down, up = change.down.to(x), change.up.to(x)[piece.rows]
    if isinstance(piece.module, nn.Conv2d):
        down = down.reshape(len(down), *piece.module.weight.shape[1:])
        narrow = _convolved(piece.module, x, down)
        return functional.conv2d(narrow, up.flatten(1)[..., None, None]) * change.scale
    narrow = functional.linear(x, down.flatten(1))
    return functional.linear(narrow, up.flatten(1)) * change.scale


def _applied(module: nn.Module, x: Tensor, weight: Tensor) -> Tensor:
    if isinstance(module, nn.Conv2d):
        return _convolved(module, x, weight)
    return functional.linear(x, weight)


def _convolved(module: nn.Conv2d, x: Tensor, weight: Tensor) -> Tensor:
    """Another weight with the padding of a layer, whatever kind it is."""
    made: Tensor = module._conv_forward(x, weight, None)  # noqa: SLF001  # torch has no other way
    return made


def _normed(
    module: nn.LayerNorm | nn.GroupNorm, x: Tensor, weight: Tensor, bias: Tensor | None
) -> Tensor:
    if isinstance(module, nn.GroupNorm):
        return functional.group_norm(x, module.num_groups, weight, bias, module.eps)
    return functional.layer_norm(x, module.normalized_shape, weight, bias, module.eps)


def _length(squares: Tensor) -> Tensor:
    return squares.sqrt() + torch.finfo(torch.float32).eps


def _weight(piece: Piece, device: torch.device) -> Tensor:
    # Layers that wait beside the device are brought to it.
    weight: Tensor = piece.module.weight  # type: ignore[assignment]
    return weight.detach().to(device, torch.float32)


def _rows(matrix: Tensor, piece: Piece, weight: Tensor) -> Tensor:
    if matrix.ndim == 0:
        return torch.zeros_like(weight)
    return matrix[piece.rows].reshape(weight.shape)
