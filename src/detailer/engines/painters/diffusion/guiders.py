"""Guiders: how what the prompt wants and what the negative wants become one picture."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import TypeAlias

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d, interpolate

from detailer.core.nearest import nearest
from detailer.engines.painters.diffusion.space import Space, across
from detailer.errors import InputError

Guider: TypeAlias = Callable[[Tensor, Tensor, Tensor, Tensor], Tensor]
"""(positive, negative, scale, blank) to the clean latents (B, C, h, w) float32.

The first two are the clean latents that prompt and negative give, `scale` is (B,), `blank` is of
`blank()`. A scale of 1 gives the positive bit for bit, so that no negative need be computed. No
sample has a part in another's result, whatever it holds.
"""

_RESCALED = 0.7
_LONGEST = 15.0
_TINY = 1e-8


def blank(x: Tensor, sigma: Tensor, space: Space) -> Tensor:
    """The clean latents that a velocity of zero would mean.

    `blank - clean` is the velocity but for a factor, in which positive and negative are alike.

    Args:
        x: (B, C, h, w), what the network sees, in the sampler's space.
        sigma: (B,).
        space: Whether x is that of a flow.
    """
    return x if space.flow else x / across(sigma**2 + 1, x)


def guider(name: str) -> Guider:
    """The guider of a name.

    Raises:
        InputError: If there is none; it lists those that there are, and says why where the name
            is that of a known method which is not offered.
    """
    combine = GUIDERS.get(name)
    if combine is None:
        raise InputError(f"guider={name!r} {_why_not(name)}")

    def guided(positive: Tensor, negative: Tensor, scale: Tensor, blank: Tensor) -> Tensor:
        mixed = combine(positive, negative, scale, blank)
        return torch.where(across(scale, positive) == 1, positive, mixed)

    return guided


def _why_not(name: str) -> str:
    if name in _THIRD_PASS:
        known = ", ".join(GUIDERS)
        return (
            "asks for a third pass with layers switched off, which differ from model to model;"
            f" it is not offered; known: {known}"
        )
    return f"is not known; {nearest(name, GUIDERS)}"


def _cfg(positive: Tensor, negative: Tensor, scale: Tensor, blank: Tensor) -> Tensor:
    """Classifier-free guidance (Ho and Salimans, arXiv:2207.12598), as Imagen counts the scale."""
    return negative + across(scale, positive) * (positive - negative)


def _cfg_rescale(positive: Tensor, negative: Tensor, scale: Tensor, blank: Tensor) -> Tensor:
    """CFG whose velocity keeps 70 % to the positive's contrast (Lin et al., arXiv:2305.08891)."""
    velocity = blank - _cfg(positive, negative, scale, blank)
    ratio = _contrast(blank - positive) / _contrast(velocity).clamp_min(_TINY)
    return blank - velocity * (_RESCALED * ratio + (1 - _RESCALED))


def _cfg_norm(positive: Tensor, negative: Tensor, scale: Tensor, blank: Tensor) -> Tensor:
    """CFG whose velocity keeps the positive's length in every token, as Qwen-Image has it.

    A token is 2 by 2 cells of the latents in all channels.
    """
    velocity = blank - _cfg(positive, negative, scale, blank)
    ratio = _token_length(blank - positive) / _token_length(velocity).clamp_min(_TINY)
    height, width = positive.shape[-2:]
    cells = interpolate(ratio, scale_factor=2.0, mode="nearest")[..., :height, :width]
    return blank - velocity * cells


def _cfg_zero(positive: Tensor, negative: Tensor, scale: Tensor, blank: Tensor) -> Tensor:
    """CFG-Zero* (Fan et al., arXiv:2503.18886), without its idle first steps.

    The negative's velocity is first scaled to come as near to the positive's as it can.
    """
    ours, other = blank - positive, blank - negative
    fitted = other * (_dot(ours, other) / (_dot(other, other) + _TINY))
    return blank - (fitted + across(scale, positive) * (ours - fitted))


def _tcfg(positive: Tensor, negative: Tensor, scale: Tensor, blank: Tensor) -> Tensor:
    """Tangential CFG (Kwon et al., arXiv:2503.18137).

    Of the negative's velocity only the part along the direction that both share most is used:
    the first singular vector of the two, which for two rows has a closed form.
    """
    ours, other = blank - positive, blank - negative
    angle = torch.atan2(2 * _dot(ours, other), _dot(ours, ours) - _dot(other, other)) / 2
    shared = ours * angle.cos() + other * angle.sin()
    shared = shared / _dot(shared, shared).sqrt().clamp_min(_TINY)
    along = shared * _dot(other, shared)
    return blank - (along + across(scale, positive) * (ours - along))


def _apg(positive: Tensor, negative: Tensor, scale: Tensor, blank: Tensor) -> Tensor:
    """Adaptive projected guidance (Sadat et al., arXiv:2410.02416) on clean latents.

    What would only make the positive stronger is left out (eta 0), and the rest is at most 15
    long; there is no momentum.
    """
    step = positive - negative
    length = _dot(step, step).sqrt()
    step = step * (_LONGEST / length.clamp_min(_TINY)).clamp_max(1)
    along = _dot(step, positive) / _dot(positive, positive).clamp_min(_TINY)
    return positive + across(scale - 1, positive) * (step - along * positive)


def _dot(one: Tensor, other: Tensor) -> Tensor:
    """(B, 1, 1, 1): the inner product of each sample's latents."""
    return (one * other).sum(dim=(1, 2, 3), keepdim=True)


def _contrast(latents: Tensor) -> Tensor:
    return latents.std(dim=(1, 2, 3), keepdim=True)


def _token_length(latents: Tensor) -> Tensor:
    """(B, 1, h / 2, w / 2), but for a factor; sides that are odd end in half a token."""
    return avg_pool2d(latents.square().sum(1, keepdim=True), 2, ceil_mode=True).sqrt()


GUIDERS: Mapping[str, Guider] = MappingProxyType(
    {
        "cfg": _cfg,
        "cfg_rescale": _cfg_rescale,
        "cfg_norm": _cfg_norm,
        "cfg_zero": _cfg_zero,
        "tcfg": _tcfg,
        "apg": _apg,
    }
)
"""What may be asked for; `guider` gives them with the promise for a scale of 1."""

_THIRD_PASS = ("pag", "slg", "seg", "auto", "autoguidance")
