"""Space: how latents and noise mix at a noise level, for all samples of a batch at once."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


def across(values: Tensor, latents: Tensor) -> Tensor:
    """Per-sample values (B,) as (B, 1, ...), so that they broadcast over latents (B, ...)."""
    return values.view(-1, *[1] * (latents.ndim - 1))


@dataclass(frozen=True)
class Space:
    """What a noise level (sigma) means for a model.

    A model trained to predict the noise or v sees latents + sigma * noise: variance explodes and
    sigma has no limit. A flow model sees (1 - sigma) * latents + sigma * noise, sigma 0..1.
    Every method takes one sigma per sample, (B,) float32, and latents (B, C, h, w).
    """

    flow: bool
    """Whether the model is a flow; otherwise variance explodes."""
    brim: float = 0.9999
    """Of flows: the sigma that stands for 1, where nothing of the picture is left and the
    signal-to-noise ratio is no number; one ten-thousandth of the way from pure noise."""
    middle: tuple[float, float] = (0.8, 0.2)
    """The sigmas after 20 % and 80 % of training's steps: between them SA-Solver adds noise."""

    def alpha(self, sigma: Tensor) -> Tensor:
        """The share of the picture in what the model sees."""
        return 1 - sigma if self.flow else torch.ones_like(sigma)

    def half_log_snr(self, sigma: Tensor) -> Tensor:
        """log(alpha / sigma), the lambda of DPM-Solver (Lu et al. 2022); rises as noise falls."""
        return -sigma.logit() if self.flow else -sigma.log()

    def sigma_at(self, half_log_snr: Tensor) -> Tensor:
        """The inverse of `half_log_snr`."""
        return torch.sigmoid(-half_log_snr) if self.flow else torch.exp(-half_log_snr)

    def below_brim(self, sigmas: Tensor) -> Tensor:
        """Sigmas of any shape at which `half_log_snr` is finite, but for those that are zero."""
        if not self.flow:
            return sigmas
        return torch.where(sigmas >= 1, torch.full_like(sigmas, self.brim), sigmas)

    def noised(self, latents: Tensor, noise: Tensor, sigma: Tensor) -> Tensor:
        """Latents with as much noise as the model expects at sigma."""
        level = across(sigma, latents)
        if self.flow:
            return level * noise + (1 - level) * latents
        return latents + noise * level

    def start(self, latents: Tensor, noise: Tensor, sigma: Tensor, full: Tensor) -> Tensor:
        """Where sampling begins.

        Args:
            latents: (B, C, h, w), the encoded picture.
            noise: Standard normal, as latents.
            sigma: (B,), the first noise level.
            full: (B,) bool: the model's highest noise level (`Table.full`). There the noise has
                the variance sigma^2 + 1, as if the latents were normal noise, too: what the
                model saw in training was sqrt(alpha) * latents, and that was nearly nothing.
        """
        if self.flow:
            return self.noised(latents, noise, sigma)
        return latents + noise * across(torch.where(full, (1 + sigma**2).sqrt(), sigma), latents)


EXPLODING = Space(flow=False, middle=(5.092408, 0.571189))
"""Models that predict noise, v or the picture: SD 1, 2, XL."""
FLOW = Space(flow=True)
"""Flow models of shift 1; `Table.space` is right for other tables, too."""
