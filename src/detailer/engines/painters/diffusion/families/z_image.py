"""Z-Image: a language model reads the prompt; the network takes lists of texts and pictures."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from detailer.core.geometry import Size
from detailer.engines.painters.diffusion.condition import Condition
from detailer.engines.painters.diffusion.families.flow import MULTIPLE, flow_table, flown, time_of
from detailer.engines.painters.diffusion.families.texts import Vectors
from detailer.engines.painters.diffusion.forward import Forward
from detailer.engines.painters.diffusion.loading import Loaded
from detailer.engines.painters.diffusion.table import Table
from detailer.engines.painters.diffusion.text.weights import plain
from detailer.engines.painters.diffusion.vae import Vae


class ZImage:
    """Z-Image and its Turbo; prompts are read as they stand, without weights."""

    name = "z_image"
    multiple = MULTIPLE
    takes_hole = False

    def __init__(self, loaded: Loaded, vectors: Vectors) -> None:
        self._pipe: Any = loaded.pipe
        self._loaded = loaded
        self.vae = Vae(self._pipe.vae, loaded.device)

    def table(self, size: Size, shift: float = 0.0) -> Table:
        """Flow levels, shifted as the configuration says."""
        return flow_table(self._pipe.scheduler.config, size, shift)

    @torch.no_grad()
    def encode_text(self, texts: Sequence[str], clip_skip: int = 0) -> list[Condition]:
        """The language model's "hidden" (tokens, width); one text at a time."""
        said = [self._encoded(text) for text in texts]
        return [Condition({"hidden": each.float()}) for each in said]

    def _encoded(self, text: str) -> Tensor:
        # A list of our own each time: diffusers writes the chat's template into it.
        hidden, _ = self._pipe.encode_prompt(
            [plain(text)], device=self._loaded.device, do_classifier_free_guidance=False
        )
        return hidden[0]  # type: ignore[no-any-return]

    def predict(self, forward: Forward) -> Tensor:
        """The clean latents; the network counts time from noise, and its velocity is reversed."""
        device, dtype = self._loaded.device, self._loaded.dtype
        pictures = forward.x[:, :, None].to(device, dtype).unbind(0)
        texts = [said["hidden"].to(device, dtype) for said in forward.conditions]
        time = (1 - time_of(forward)).to(device)
        output = self._pipe.transformer(list(pictures), time, texts, return_dict=False)[0]
        return flown(forward, -torch.stack(list(output)).float()[:, :, 0])
