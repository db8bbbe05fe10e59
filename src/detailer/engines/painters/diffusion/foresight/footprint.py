"""Footprint: the memory that a model takes, told from its headers and without torch."""

from __future__ import annotations

import platform
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from detailer.engines.health.machine import nvidia_driver
from detailer.engines.painters.diffusion.loading.card import Card
from detailer.engines.painters.diffusion.options import Options

_MIB, _GIB = 1 << 20, 1 << 30
_WIDTHS: Final = {"fp32": 4, "fp16": 2, "bf16": 2}
# Numbers that are alive at once for each painted pixel, at most: measured as peak memory of
# Stable Diffusion 1.5's UNet and VAE in fp32 and bf16 on a CPU, without their weights.
_IN_NETWORK: Final = 190
_IN_VAE: Final = 1020


@dataclass(frozen=True)
class Footprint:
    """Bytes of a model, and of what passes through it.

    Attributes:
        device: cpu, cuda or mps: as it is asked for, or as the machine looks without torch.
        width: Bytes of a number.
        parts: Bytes of each network.
        weights: Bytes that are on the device at once; `groups`: at most, as groups of layers are
            smaller than the network that they belong to.
        passes: Bytes of the largest pass, beside the weights; a rough figure.
        batches: Whether several regions go through at once.
    """

    device: str
    width: int
    parts: tuple[tuple[str, int], ...]
    weights: int
    passes: int = 0
    batches: bool = True
    groups: bool = False

    def in_use(self, network: int, vae: int) -> Footprint:
        """The same with passes of so many painted pixels, over all samples of a pass."""
        numbers = max(_IN_NETWORK * network, _IN_VAE * vae)
        return replace(self, passes=numbers * self.width)

    def values(self) -> dict[str, Any]:
        """All of it as plain values, for JSON."""
        return {
            "device": self.device,
            "bytes_per_number": self.width,
            "parts": dict(self.parts),
            "weights": self.weights,
            "passes": self.passes,
        }

    def told(self) -> str:
        """All of it in words."""
        parts = ", ".join(f"{name} {_written(size)}" for name, size in self.parts)
        weights = f"{'at most ' * self.groups}{_written(self.weights)} of weights"
        return (
            f"{weights} on {self.device} in {8 * self.width} bit ({parts}),"
            f" about {_written(self.passes)} for passes"
        )


def footprint_of(card: Card, options: Options) -> Footprint:
    """What a model takes with these options, before anything passes through it."""
    device = _device(options.device)
    width = _WIDTHS.get(options.dtype) or _width(device)
    parts = tuple((part.name, part.parameters * width) for part in card.parts)
    weights = card.bytes_at(width) if options.memory == "none" else card.largest_at(width)
    batches = device != "cpu" if options.batching == "auto" else options.batching == "on"
    groups = options.memory == "group"
    return Footprint(device, width, parts, weights, batches=batches, groups=groups)


def _device(wish: str) -> str:
    if wish != "auto":
        return wish.partition(":")[0]
    if nvidia_driver():
        return "cuda"
    return "mps" if (sys.platform, platform.machine()) == ("darwin", "arm64") else "cpu"


def _width(device: str) -> int:
    if device != "cpu":
        return 2
    try:
        flags = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return 4
    return 2 if "avx512_bf16" in flags or "amx_bf16" in flags else 4


def _written(size: int) -> str:
    return f"{size / _GIB:.1f} GiB" if size >= _GIB else f"{size / _MIB:.0f} MiB"
