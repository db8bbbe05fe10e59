"""SDXL: two CLIPs, and a network that is told the size."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from detailer.core.geometry import Size
from detailer.engines.painters.diffusion.condition import Condition
from detailer.engines.painters.diffusion.families.texts import (
    CLIP_G,
    CLIP_L,
    PENULTIMATE_G,
    PENULTIMATE_L,
    Vectors,
    beside,
    clip,
    gist,
)
from detailer.engines.painters.diffusion.families.unet import UNet
from detailer.engines.painters.diffusion.forward import Forward
from detailer.engines.painters.diffusion.loading import Loaded
from detailer.engines.painters.diffusion.table import Table
from detailer.engines.painters.diffusion.vae import Vae


class StableDiffusionXL:
    """SDXL, also for inpainting."""

    name = "sdxl"
    multiple = 8

    def __init__(self, loaded: Loaded, vectors: Vectors) -> None:
        pipe = loaded.pipe
        self.vae = Vae(pipe.vae, loaded.device)
        self._unet = UNet(loaded)
        self._large = clip(pipe, "", PENULTIMATE_L, (vectors, CLIP_L))
        self._giant = clip(pipe, "_2", PENULTIMATE_G, (vectors, CLIP_G))

    @property
    def takes_hole(self) -> bool:
        """Whether the network sees the mask and the picture with a hole."""
        return self._unet.takes_hole

    def table(self, size: Size, shift: float = 0.0) -> Table:
        """The noise levels it was trained at, whatever the size."""
        return self._unet.table

    def encode_text(self, texts: Sequence[str], clip_skip: int = 0) -> list[Condition]:
        """Both CLIPs: "hidden" (77 * chunks, both widths), and "pooled" of the second."""
        large, giant = self._large(texts, clip_skip), self._giant(texts, clip_skip)
        return [
            Condition({"hidden": beside(one.hidden, other.hidden), "pooled": gist(other)})
            for one, other in zip(large, giant, strict=True)
        ]

    def predict(self, forward: Forward) -> Tensor:
        """The clean latents; the painted size is told as the picture's and as the crop's."""
        size = forward.guides.size
        numbers = [size.height, size.width, 0, 0, size.height, size.width]
        rows = torch.tensor([numbers] * len(forward.x), dtype=torch.float32)
        return self._unet.predict(forward, told(forward, rows))


def told(forward: Forward, numbers: Tensor) -> dict[str, Tensor]:
    """What SDXL's networks are told besides the text: the pooled text, and sizes (B, n)."""
    pooled = torch.stack([said["pooled"] for said in forward.conditions])
    return {"text_embeds": pooled, "time_ids": numbers}
