"""A family whose network is a formula: the best guess for latents that are normal around a mean."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d

from detailer.core.geometry import Size
from detailer.engines.painters.diffusion.cache import Cache
from detailer.engines.painters.diffusion.condition import Condition
from detailer.engines.painters.diffusion.forward import Forward
from detailer.engines.painters.diffusion.model import Model
from detailer.engines.painters.diffusion.space import across
from detailer.engines.painters.diffusion.table import Table, betas
from detailer.engines.painters.diffusion.words import Words

VARIANCE = 0.25


@dataclass(eq=False)
class Analytic:
    """Each text is a number: the mean that its latents are guessed around."""

    flow: bool = False
    calls: list[int] = field(default_factory=list)
    encoded: list[str] = field(default_factory=list)
    vae: Any = None
    name = "analytic"
    multiple = 8
    takes_hole = False

    def __post_init__(self) -> None:
        self.vae = PoolingVae()

    def table(self, size: Size, shift: float = 0.0) -> Table:
        return Table.flow(shift or 3.0) if self.flow else Table.trained(betas())

    def encode_text(self, texts: Sequence[str], clip_skip: int = 0) -> list[Condition]:
        self.encoded.extend(texts)
        return [Condition({"mean": torch.tensor(float(text or 0))}) for text in texts]

    def predict(self, forward: Forward) -> Tensor:
        """The posterior's mean, for x = a * clean + s * noise."""
        self.calls.append(len(forward.x))
        x, sigma = forward.x, across(forward.sigma, forward.x)
        mean = across(torch.stack([c["mean"] for c in forward.conditions]), x)
        share = 1 - sigma if self.flow else torch.ones_like(sigma)
        gain = share * VARIANCE / (share**2 * VARIANCE + sigma**2)
        return mean + gain * (x - share * mean)


@dataclass(eq=False)
class PoolingVae:
    """Latents are the means of 8 by 8 pixels, and a fourth channel that is always 0."""

    encodings: int = 0
    decodings: int = 0
    model = None
    factor = 8
    channels = 4

    def encode(self, pixels: Tensor) -> Tensor:
        self.encodings += 1
        small = avg_pool2d(pixels * 2 - 1, 8)
        return torch.cat([small, torch.zeros_like(small[:, :1])], 1)

    def decode_safely(self, latents: Tensor) -> list[Tensor | None]:
        self.decodings += 1
        large = latents[:, :3].repeat_interleave(8, 2).repeat_interleave(8, 3)
        return list((large / 2 + 0.5).clamp(0, 1))


@dataclass(eq=False)
class NoAdapters:
    """In the place of LoRAs: remembers what it was asked for."""

    used: list[object] = field(default_factory=list)

    def use(self, loras: object) -> None:
        self.used.append(loras)


def analytic_model(flow: bool = False) -> Model:
    """A model without a network: prompts are numbers."""
    family = Analytic(flow)
    return Model(
        family,
        Words(family),
        NoAdapters(),  # type: ignore[arg-type]
        None,  # type: ignore[arg-type]
        torch.device("cpu"),
        Cache(None, "none"),
    )
