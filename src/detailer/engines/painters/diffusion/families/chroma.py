"""Chroma: a Flux without CLIP and without guidance, whose negatives count."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from detailer.core.geometry import Size
from detailer.engines.painters.diffusion.condition import Condition
from detailer.engines.painters.diffusion.families.flow import (
    MULTIPLE,
    by_length,
    flow_table,
    flown,
    time_of,
)
from detailer.engines.painters.diffusion.families.texts import Vectors
from detailer.engines.painters.diffusion.forward import Forward
from detailer.engines.painters.diffusion.loading import Loaded
from detailer.engines.painters.diffusion.packing import packed, places, unpacked
from detailer.engines.painters.diffusion.table import Table
from detailer.engines.painters.diffusion.text.t5 import T5Spec, T5Text
from detailer.engines.painters.diffusion.vae import Vae

_T5 = T5Spec(shortest=1, bare_empty=True)


class Chroma:
    """Chroma, which sees a text without any padding.

    diffusers pads to 512 tokens and means to mask what is too much; as its mask is added to the
    attention and not a boolean one, the padding is seen all the same.
    """

    name = "chroma"
    multiple = MULTIPLE
    takes_hole = False

    def __init__(self, loaded: Loaded, vectors: Vectors) -> None:
        pipe: Any = loaded.pipe
        self._pipe, self._loaded = pipe, loaded
        self.vae = Vae(pipe.vae, loaded.device)
        self._t5 = T5Text(pipe.tokenizer, pipe.text_encoder, _T5)

    def table(self, size: Size, shift: float = 0.0) -> Table:
        """Flow levels, shifted as the configuration says."""
        return flow_table(self._pipe.scheduler.config, size, shift)

    def encode_text(self, texts: Sequence[str], clip_skip: int = 0) -> list[Condition]:
        """T5's "hidden" (tokens, width); there is no CLIP to skip layers of."""
        return [Condition({"hidden": said.hidden}) for said in self._t5(texts)]

    def predict(self, forward: Forward) -> Tensor:
        """The clean latents; texts of one length share a pass."""
        return flown(forward, by_length(forward, "hidden", self._velocity))

    def _velocity(self, forward: Forward, hidden: Tensor) -> Tensor:
        device, dtype = self._loaded.device, self._loaded.dtype
        shape = forward.x.shape[-2], forward.x.shape[-1]
        output = self._pipe.transformer(
            packed(forward.x).to(device, dtype),
            timestep=time_of(forward).to(device, dtype),
            encoder_hidden_states=hidden.to(device, dtype),
            img_ids=places(shape).to(device, dtype),
            txt_ids=torch.zeros(hidden.shape[1], 3, device=device, dtype=dtype),
            return_dict=False,
        )[0]
        return unpacked(output, shape)
