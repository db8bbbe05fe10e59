"""Table: the noise levels that a model was trained at."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TypeVar

import torch
from torch import Tensor

from detailer.core.nearest import nearest
from detailer.engines.painters.diffusion.space import EXPLODING, FLOW, Space
from detailer.errors import InputError

Time = TypeVar("Time", float, Tensor)
ALWAYS = 999999999.9
"""Above every sigma: what starts at 0 % is on from the first step."""
# A last squared alpha that is not zero, so that the last sigma is a number.
_NEARLY_ZERO = 4.8973451890853435e-08


@dataclass(frozen=True, eq=False)
class Table:
    """Noise levels of training, and what the network calls them.

    `sigmas` and `log_sigmas` are float32 (T,), ascending, on the CPU. Made by `trained` or `flow`.
    """

    sigmas: Tensor
    log_sigmas: Tensor
    space: Space
    shift: float = 1.0
    """Of flows: how far levels are moved towards noise; 1 is not at all."""
    multiplier: float = 1000.0
    """Of flows: what the network calls sigma 1."""

    @classmethod
    def trained(cls, betas: Tensor, zero_terminal: bool = False) -> Table:
        """The table of a model that was trained in discrete steps.

        Args:
            betas: (T,) float64, the variance added by each step (`betas()` makes them).
            zero_terminal: Whether training went to pure noise (zero terminal SNR, Lin et al.,
                Common diffusion noise schedules and sample steps are flawed, 2023).
        """
        kept = torch.cumprod(1 - betas.double(), dim=0)
        levels = ((1 - kept) / kept).sqrt()
        if zero_terminal:
            levels = _to_pure_noise(levels)
        bare = cls(levels.float(), levels.log().float(), EXPLODING)
        return replace(bare, space=replace(EXPLODING, middle=_middle(bare)))

    @classmethod
    def flow(cls, shift: float = 1.0, steps: int = 1000, multiplier: float = 1000.0) -> Table:
        """The table of a flow model.

        Args:
            shift: alpha of Esser et al. (Stable Diffusion 3, 2024): 3 for SD3. Flux's mu is its
                logarithm: exp(1.15) there.
            steps: How many levels `simple`, `beta` and `ddim_uniform` choose from.
            multiplier: What the network calls sigma 1.
        """
        levels = _shifted(torch.arange(1, steps + 1) / steps, shift)
        bare = cls(levels, levels.log(), FLOW, shift, multiplier)
        space = Space(flow=True, brim=bare.at_percent(1e-4), middle=_middle(bare))
        return replace(bare, space=space)

    @property
    def lowest(self) -> float:
        """The level with the least noise."""
        return float(self.sigmas[0])

    @property
    def highest(self) -> float:
        """The level with the most noise."""
        return float(self.sigmas[-1])

    def full(self, sigma: Tensor) -> Tensor:
        """[B] bool: whether sampling from these sigmas starts from pure noise (see Space.start)."""
        return sigma > self.highest * (1 - 1e-5)

    def timestep(self, sigma: Tensor, rounded: bool = True) -> Tensor:
        """What the network calls a noise level, float32 in the shape of sigma.

        Args:
            sigma: Any shape.
            rounded: Of trained tables: the nearest step by log sigma, the first of two as near,
                as ComfyUI has it; False interpolates, as diffusers does. Flows have no steps.
        """
        if self.space.flow:
            return sigma * self.multiplier
        logs = self.log_sigmas.to(sigma.device)
        log = sigma.log()
        if rounded:
            return (log.flatten() - logs[:, None]).abs().argmin(dim=0).view(sigma.shape).float()
        low = (torch.searchsorted(logs, log, right=True) - 1).clamp(0, len(logs) - 2)
        share = ((log - logs[low]) / (logs[low + 1] - logs[low])).clamp(0, 1)
        return low + share

    def sigma(self, timestep: Tensor) -> Tensor:
        """The noise level of a time step, which may lie between two; float32.

        Of flows this is the time before the shift, so it is no inverse of `timestep`.
        """
        if self.space.flow:
            return _shifted(timestep / self.multiplier, self.shift)
        time = timestep.float().clamp(0, len(self.sigmas) - 1)
        logs = self.log_sigmas.to(time.device)
        low, high, share = time.floor().long(), time.ceil().long(), time.frac()
        return ((1 - share) * logs[low] + share * logs[high]).exp()

    def at_percent(self, share: float) -> float:
        """The noise level when a share (0..1) of training's steps is done: starts and ends."""
        if share <= 0:
            return 1.0 if self.space.flow else ALWAYS
        if share >= 1:
            return 0.0
        if self.space.flow:
            return _shifted(1 - share, self.shift)
        return float(self.sigma(torch.tensor((1 - share) * (len(self.sigmas) - 1))))


def betas(
    kind: str = "scaled_linear", start: float = 0.00085, end: float = 0.012, steps: int = 1000
) -> Tensor:
    """The variances of training by diffusers' name of them; SD's are the defaults.

    Args:
        kind: "scaled_linear" (SD 1, 2, XL), "linear", or "squaredcos_cap_v2" (Nichol, Dhariwal,
            Improved denoising diffusion probabilistic models, 2021).
        start: The first beta.
        end: The last beta.
        steps: How many.

    Returns:
        (steps,) float64.

    Raises:
        InputError: kind is none of these.
    """
    if kind == "linear":
        return torch.linspace(start, end, steps, dtype=torch.float64)
    if kind == "squaredcos_cap_v2":
        time = torch.arange(steps + 1, dtype=torch.float64) / steps
        kept = torch.cos((time + 0.008) / 1.008 * math.pi / 2) ** 2
        return (1 - kept[1:] / kept[:-1]).clamp(max=0.999)
    if kind != "scaled_linear":
        raise InputError(f"beta schedule {kind!r} is unknown; {nearest(kind, _KINDS)}")
    return torch.linspace(math.sqrt(start), math.sqrt(end), steps, dtype=torch.float64) ** 2


def _middle(table: Table) -> tuple[float, float]:
    return table.at_percent(0.2), table.at_percent(0.8)


_KINDS = ("scaled_linear", "linear", "squaredcos_cap_v2")


def _shifted(time: Time, shift: float) -> Time:
    return time if shift == 1 else shift * time / (1 + (shift - 1) * time)


def _to_pure_noise(sigmas: Tensor) -> Tensor:
    root = (1 / (sigmas**2 + 1)).sqrt()
    root = (root - root[-1]) * (root[0] / (root[0] - root[-1]))
    kept = root**2
    kept[-1] = _NEARLY_ZERO
    return ((1 - kept) / kept).sqrt()
