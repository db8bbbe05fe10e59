"""Packing: latents as the tokens of Flux, Chroma and Qwen-Image: 2 by 2 cells in one."""

from __future__ import annotations

import torch
from torch import Tensor


def packed(latents: Tensor) -> Tensor:
    """(B, C, h, w) as (B, h w / 4, 4 C); h and w are even."""
    batch, channels, height, width = latents.shape
    cells = latents.reshape(batch, channels, height // 2, 2, width // 2, 2)
    return cells.permute(0, 2, 4, 1, 3, 5).reshape(batch, height * width // 4, channels * 4)


def unpacked(tokens: Tensor, shape: tuple[int, int]) -> Tensor:
    """(B, h w / 4, 4 C) as (B, C, h, w), of which `shape` is (h, w)."""
    height, width = shape
    batch, _, channels = tokens.shape
    cells = tokens.reshape(batch, height // 2, width // 2, channels // 4, 2, 2)
    return cells.permute(0, 3, 1, 4, 2, 5).reshape(batch, channels // 4, height, width)


def places(shape: tuple[int, int]) -> Tensor:
    """(h w / 4, 3): the row and the column of each token, after a 0."""
    rows, columns = shape[0] // 2, shape[1] // 2
    found = torch.zeros(rows, columns, 3)
    found[..., 1] = torch.arange(rows)[:, None]
    found[..., 2] = torch.arange(columns)[None]
    return found.view(-1, 3)
