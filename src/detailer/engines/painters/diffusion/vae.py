"""VAE: pixels to latents and back, sample by sample where one goes wrong."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from detailer.engines.painters.diffusion.loading.memory import in_tiles

# What reaches further than a precision; bf16 reaches as far as fp32.
_WIDER = {
    torch.float16: (torch.bfloat16, torch.float32),
    torch.bfloat16: (torch.float32,),
}


@dataclass(frozen=True, eq=False)
class Vae:
    """A diffusers autoencoder in the sampler's terms.

    Args:
        model: AutoencoderKL, or one of its kin with a latent_dist and a sample.
        device: Where tensors are brought before a pass.
        frames: The model is one for videos: a picture is its first frame.
    """

    model: Any
    device: torch.device
    frames: bool = False

    @property
    def factor(self) -> int:
        """Pixels for each cell of the latents, along one side."""
        config = self.model.config
        if "block_out_channels" in config:
            return int(2 ** (len(config.block_out_channels) - 1))
        return int(2 ** len(config.temperal_downsample))

    @property
    def channels(self) -> int:
        """Channels of the latents."""
        config = self.model.config
        return int(config.latent_channels if "latent_channels" in config else config.z_dim)

    def encode(self, pixels: Tensor) -> Tensor:
        """Latents (B, C, h, w) float32 of pixels (B, 3, H, W) 0..1: the posterior's mode.

        The mode draws no noise, so that what is kept is the picture and nothing else.
        """
        seen = (pixels * 2 - 1).to(self.device, self.model.dtype)
        posterior = self.model.encode(seen[:, :, None] if self.frames else seen).latent_dist
        raw: Tensor = posterior.mode()
        raw = (raw[:, :, 0] if self.frames else raw).float()
        mean, scale = self._normal(raw)
        return (raw - mean) * scale

    def decode(self, latents: Tensor) -> Tensor:
        """Pixels (B, 3, H, W) float32 0..1 on the CPU, NaN where the network was not finite."""
        mean, scale = self._normal(latents)
        raw = (latents / scale + mean).to(self.device, self.model.dtype)
        shown = self.model.decode(raw[:, :, None] if self.frames else raw).sample
        shown = (shown[:, :, 0] if self.frames else shown).float().cpu()
        # Clamped, infinity would be a white that looks meant.
        return torch.where(torch.isfinite(shown), (shown / 2 + 0.5).clamp(0, 1), torch.nan)

    def decode_safely(self, latents: Tensor) -> list[Tensor | None]:
        """Pixels (3, H, W) of each sample, or None where no precision gives finite ones.

        Only the samples that failed are decoded again: in bf16, then in fp32, then in tiles.
        """
        usable = torch.isfinite(latents).flatten(1).all(1)
        whole = torch.where(usable.view(-1, 1, 1, 1), latents, torch.zeros_like(latents))
        pictures: list[Tensor | None] = []
        for index, picture in enumerate(self._as_many_as_fit(whole)):
            if not usable[index]:
                pictures.append(None)
            elif _is_finite(picture):
                pictures.append(picture)
            else:
                pictures.append(self._again(whole[index : index + 1]))
        return pictures

    def _as_many_as_fit(self, latents: Tensor) -> Tensor:
        """Together, or one by one: else all steps of a batch would be done again in halves."""
        try:
            return self.decode(latents)
        except torch.OutOfMemoryError:
            if len(latents) == 1:
                raise
        return torch.cat([self.decode(one[None]) for one in latents])

    def _again(self, latents: Tensor) -> Tensor | None:
        last = self
        for precision in _WIDER.get(self.model.dtype, ()):
            last = self._in(precision)
            picture = last.decode(latents)[0]
            if _is_finite(picture):
                return picture
        with in_tiles(last.model, wanted=True):
            picture = last.decode(latents)[0]
        return picture if _is_finite(picture) else None

    def _in(self, precision: torch.dtype) -> Vae:
        """A copy in another precision.

        The model itself stays: to bf16 and back it would have lost digits, and where layers are
        moved on and off the device by hooks, they would bring their old precision back.
        """
        with torch.random.fork_rng(devices=[]):
            copy = type(self.model).from_config(self.model.config)
        copy.load_state_dict(self.model.state_dict())
        return replace(self, model=copy.to(self.device, precision).eval().requires_grad_(False))

    def _normal(self, like: Tensor) -> tuple[Tensor, Tensor]:
        """What is subtracted from raw latents, and what they are then multiplied by."""
        config = self.model.config
        factor = float(config.get("scaling_factor") or 1.0)
        mean, deviation = config.get("latents_mean"), config.get("latents_std")
        if mean is None or deviation is None:
            mean, deviation = [config.get("shift_factor") or 0.0], [1.0]
        shift = torch.tensor(mean, device=like.device).view(1, -1, 1, 1)
        spread = torch.tensor(deviation, device=like.device).view(1, -1, 1, 1)
        return shift, factor / spread


def _is_finite(picture: Tensor) -> bool:
    return bool(torch.isfinite(picture).all())
