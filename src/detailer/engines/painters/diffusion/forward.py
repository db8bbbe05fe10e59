"""Forward: what one pass of a network is given."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from detailer.core.geometry import Size
from detailer.engines.painters.diffusion.condition import Condition


@dataclass(frozen=True, eq=False)
class Hint:
    """A ControlNet's part in a pass.

    `image` is (B, 3, H, W) float32 0..1, `strength` (B,). It acts while the noise level lies in
    (`last`, `first`], both (B,).
    """

    model: Any
    image: Tensor
    strength: Tensor
    first: Tensor
    last: Tensor

    def doubled(self) -> Hint:
        """The same for a batch and its negatives."""
        parts = (self.image, self.strength, self.first, self.last)
        return Hint(self.model, *(torch.cat([part, part]) for part in parts))

    def of(self, rows: Tensor) -> Hint:
        """The same for some samples, by their indices."""
        parts = (self.image, self.strength, self.first, self.last)
        return Hint(self.model, *(_picked(part, rows) for part in parts))

    def strength_at(self, sigma: Tensor) -> Tensor:
        """(B,) how strongly it acts at a noise level (B,)."""
        acts = (sigma <= self.first) & (sigma > self.last)
        return torch.where(acts, self.strength, torch.zeros_like(self.strength))


@dataclass(frozen=True, eq=False)
class Reference:
    """An IP-Adapter's part in a pass.

    `seen` is what its encoder sees of each sample's picture, `unseen` of no picture: (B, 1, width)
    or (B, 1, n, width). `strength` is (B,). It acts while the noise level lies in (`last`,
    `first`], both (B,). `place` counts the adapters that are in the network.
    """

    place: int
    seen: Tensor
    unseen: Tensor
    strength: Tensor
    first: Tensor
    last: Tensor

    def doubled(self) -> Reference:
        """The same for a batch and its negatives, which are shown no picture, as strongly."""
        parts = (self.strength, self.first, self.last)
        return Reference(
            self.place,
            torch.cat([self.seen, self.unseen]),
            torch.cat([self.unseen, self.unseen]),
            *(torch.cat([part, part]) for part in parts),
        )

    def strength_at(self, sigma: Tensor) -> Tensor:
        """(B,) how strongly it acts at a noise level (B,)."""
        acts = (sigma <= self.first) & (sigma > self.last)
        return torch.where(acts, self.strength, torch.zeros_like(self.strength))


@dataclass(frozen=True, eq=False)
class Guides:
    """What guides a pass besides text; every tensor has a row for each sample.

    `size` is the painted size in pixels. `inpaint` is (B, 1 + C, h, w): the mask and the latents
    of the picture with a hole, for models that take them. `guidance` is (B,), built into the
    model. `negative` is (B,) bool: samples whose text is a negative, for models that are told.
    """

    size: Size
    inpaint: Tensor | None = None
    guidance: Tensor | None = None
    hints: tuple[Hint, ...] = ()
    references: tuple[Reference, ...] = ()
    negative: Tensor | None = None

    def doubled(self) -> Guides:
        """The same for a batch and its negatives."""

        def twice(part: Tensor | None) -> Tensor | None:
            return None if part is None else torch.cat([part, part])

        return replace(
            self,
            inpaint=twice(self.inpaint),
            guidance=twice(self.guidance),
            hints=tuple(hint.doubled() for hint in self.hints),
            references=tuple(each.doubled() for each in self.references),
            negative=twice(self.negative),
        )

    def of(self, rows: Tensor) -> Guides:
        """The same for some samples, by their indices; references are shown to whole batches."""

        def some(part: Tensor | None) -> Tensor | None:
            return None if part is None else _picked(part, rows)

        return replace(
            self,
            inpaint=some(self.inpaint),
            guidance=some(self.guidance),
            hints=tuple(hint.of(rows) for hint in self.hints),
            references=(),
            negative=some(self.negative),
        )


@dataclass(frozen=True, eq=False)
class Forward:
    """B samples of one size, each with a noise level and a text of its own.

    `x` is (B, C, h, w) float32 in the sampler's space, `sigma` (B,). `timestep`, (B,), is given
    where the network's own for that noise level is not wanted.
    """

    x: Tensor
    sigma: Tensor
    conditions: Sequence[Condition]
    guides: Guides
    timestep: Tensor | None = None

    def doubled(self, negatives: Sequence[Condition]) -> Forward:
        """The same samples once more, with their negatives."""
        twice = None if self.timestep is None else self.timestep.repeat(2)
        second = torch.arange(2 * len(self.x), device=self.x.device) >= len(self.x)
        return Forward(
            torch.cat([self.x, self.x]),
            self.sigma.repeat(2),
            [*self.conditions, *negatives],
            replace(self.guides.doubled(), negative=second),
            twice,
        )

    def of(self, rows: Tensor) -> Forward:
        """The same for some samples, by their indices."""
        return Forward(
            _picked(self.x, rows),
            _picked(self.sigma, rows),
            [self.conditions[row] for row in rows.tolist()],
            self.guides.of(rows),
            None if self.timestep is None else _picked(self.timestep, rows),
        )


def _picked(part: Tensor, rows: Tensor) -> Tensor:
    return part[rows.to(part.device)]
