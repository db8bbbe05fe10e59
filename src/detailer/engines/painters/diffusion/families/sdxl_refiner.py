"""Refiner: SDXL's model for the last steps, with one CLIP and a score of how good it looks."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from detailer.core.geometry import Size
from detailer.engines.painters.diffusion.condition import Condition
from detailer.engines.painters.diffusion.families.sdxl import told
from detailer.engines.painters.diffusion.families.texts import (
    CLIP_G,
    PENULTIMATE_G,
    Vectors,
    clip,
    gist,
)
from detailer.engines.painters.diffusion.families.unet import UNet
from detailer.engines.painters.diffusion.forward import Forward
from detailer.engines.painters.diffusion.loading import Loaded
from detailer.engines.painters.diffusion.table import Table
from detailer.engines.painters.diffusion.vae import Vae

_GOOD, _BAD = 6.0, 2.5
"""Aesthetic scores for prompts and for negatives, as the model's authors use it."""


class SDXLRefiner:
    """The refiner of SDXL, which also paints alone."""

    name = "sdxl_refiner"
    multiple = 8
    takes_hole = False

    def __init__(self, loaded: Loaded, vectors: Vectors) -> None:
        self.vae = Vae(loaded.pipe.vae, loaded.device)
        self._unet = UNet(loaded)
        self._clip = clip(loaded.pipe, "_2", PENULTIMATE_G, (vectors, CLIP_G))

    def table(self, size: Size, shift: float = 0.0) -> Table:
        """The noise levels it was trained at, whatever the size."""
        return self._unet.table

    def encode_text(self, texts: Sequence[str], clip_skip: int = 0) -> list[Condition]:
        """One CLIP: "hidden" (77 * chunks, width) and "pooled" (width,)."""
        said = self._clip(texts, clip_skip)
        return [Condition({"hidden": one.hidden, "pooled": gist(one)}) for one in said]

    def predict(self, forward: Forward) -> Tensor:
        """The clean latents; prompts are told to look good, negatives to look bad."""
        size = forward.guides.size
        negative = forward.guides.negative
        bad = [False] * len(forward.x) if negative is None else negative.tolist()
        numbers = [[size.height, size.width, 0, 0, _BAD if each else _GOOD] for each in bad]
        return self._unet.predict(forward, told(forward, torch.tensor(numbers)))
