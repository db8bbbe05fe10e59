"""Forms: the differences of weights, in each form that adapters are written in."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Protocol, Self

import torch
from torch import Tensor


class Difference(Protocol):
    """What is added to a weight at strength 1, before magnitudes."""

    @property
    def rows(self) -> int:
        """How many numbers come out of a layer of its size."""

    def matrix(self) -> Tensor:
        """The whole difference, (rows, columns…) float32; its shape may still be a flat one."""

    def to(self, device: torch.device) -> Self:
        """The same on another device."""


class _Placed:
    """Tensors that go to a device together."""

    def to(self, device: torch.device) -> Self:
        """The same on another device."""
        held = {field.name: getattr(self, field.name) for field in fields(self)}  # type: ignore[arg-type]
        moved = {name: each.to(device) for name, each in held.items() if isinstance(each, Tensor)}
        return replace(self, **moved)  # type: ignore[type-var]


@dataclass(frozen=True, eq=False)
class LowRank(_Placed):
    """LoRA: up times down, and LoCon with a core between them (LyCORIS calls it Tucker)."""

    down: Tensor
    up: Tensor
    core: Tensor | None = None
    scale: float = 1.0

    @property
    def rows(self) -> int:
        """How many numbers come out of a layer of its size."""
        return self.up.shape[0]

    def matrix(self) -> Tensor:
        """(rows, columns…) float32."""
        down, up = self.down.float(), self.up.float()
        if self.core is not None:
            # The core's second axis meets down, its first up.
            down = torch.einsum("mn...,ni->mi...", self.core.float(), down.flatten(1))
        product = up.flatten(1) @ down.flatten(1)
        return self.scale * product.reshape(up.shape[0], *down.shape[1:])


@dataclass(frozen=True, eq=False)
class Factors(_Placed):
    """Two matrices of a low rank, as LyCORIS has them, and the core of a convolution's."""

    first: Tensor
    second: Tensor
    core: Tensor | None = None

    @property
    def rows(self) -> int:
        """How many rows their product has."""
        return self.first.shape[0] if self.core is None else self.first.shape[1]

    def product(self) -> Tensor:
        """(rows, columns…) float32."""
        first, second = self.first.float(), self.second.float()
        if self.core is None:
            return first @ second
        return torch.einsum("ij...,jr,ip->pr...", self.core.float(), second, first)


@dataclass(frozen=True, eq=False)
class Hadamard:
    """LoHa: the product, number by number, of two low ranks; FedPara's, arXiv 2108.06098."""

    first: Factors
    second: Factors
    scale: float = 1.0

    @property
    def rows(self) -> int:
        """How many numbers come out of a layer of its size."""
        return self.first.rows

    def matrix(self) -> Tensor:
        """(rows, columns…) float32."""
        return self.scale * self.first.product() * self.second.product()

    def to(self, device: torch.device) -> Self:
        """The same on another device."""
        return replace(self, first=self.first.to(device), second=self.second.to(device))


@dataclass(frozen=True, eq=False)
class Kronecker(_Placed):
    """LoKr: the Kronecker product of two matrices, of which each may be of low rank."""

    first: Tensor
    second: Tensor
    scale: float = 1.0

    @property
    def rows(self) -> int:
        """How many numbers come out of a layer of its size."""
        return self.first.shape[0] * self.second.shape[0]

    def matrix(self) -> Tensor:
        """(rows, columns…) float32."""
        first, second = self.first.float(), self.second.float()
        first = first.reshape(*first.shape, *(1,) * (second.ndim - first.ndim))
        return self.scale * torch.kron(first, second)


@dataclass(frozen=True, eq=False)
class Whole(_Placed):
    """A difference that is written out."""

    values: Tensor

    @property
    def rows(self) -> int:
        """How many numbers come out of a layer of its size."""
        return self.values.shape[0]

    def matrix(self) -> Tensor:
        """(rows, columns…) float32."""
        return self.values.float()
