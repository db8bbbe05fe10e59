"""Preview: what a region looks like so far, by a VAE so small that it costs next to nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from diffusers import AutoencoderTiny
from torch import Tensor

from detailer.core.paths import local_path
from detailer.core.pixels import Pixels
from detailer.engines.files.models import is_offline
from detailer.engines.painters.diffusion.loading.faults import as_engine_error
from detailer.engines.painters.diffusion.loading.quiet import quiet
from detailer.errors import EngineError


@dataclass(frozen=True, eq=False)
class Preview:
    """TAESD and its kin (Ollin Boer Bohan): latents to pixels, for the eye only."""

    model: Any
    device: torch.device

    @torch.no_grad()
    def __call__(self, latents: Tensor) -> list[Pixels]:
        """Pixels (h, w, 3) uint8 of each sample's latents (B, C, h, w)."""
        shown = self.model.decode(latents.to(self.device, self.model.dtype)).sample
        levels = (shown.float().clamp(-1, 1) * 127.5 + 127.5).nan_to_num().byte()
        return list(np.ascontiguousarray(levels.permute(0, 2, 3, 1).cpu().numpy()))


def open_preview(path: str, device: torch.device, channels: int) -> Preview:
    """A tiny autoencoder of a folder or Hub name, such as madebyollin/taesd.

    Raises:
        EngineError: If it cannot be read, or is for latents of other channels.
    """
    folder = local_path(path)
    there = folder.is_dir()
    with quiet(), as_engine_error(path):
        model = AutoencoderTiny.from_pretrained(
            str(folder) if there else path,
            local_files_only=there or is_offline(),
            use_safetensors=True,
        )
    if model.config.latent_channels != channels:
        raise EngineError(
            f"preview {path} is for latents of {model.config.latent_channels} channels, the model"
            f" has {channels}; take taesd for SD1, taesdxl for SDXL, taef1 for Flux"
        )
    return Preview(model.to(device).eval().requires_grad_(False), device)
