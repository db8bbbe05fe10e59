"""Flux: FLUX.1 dev, schnell and Fill, with one CLIP for the gist and T5 for the text."""

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
from detailer.engines.painters.diffusion.families.texts import CLIP_L, Vectors, clip, gist
from detailer.engines.painters.diffusion.forward import Forward
from detailer.engines.painters.diffusion.guides.control import flux_residuals
from detailer.engines.painters.diffusion.loading import Loaded
from detailer.engines.painters.diffusion.packing import packed, places, unpacked
from detailer.engines.painters.diffusion.table import Table
from detailer.engines.painters.diffusion.text.clip import ClipSpec
from detailer.engines.painters.diffusion.text.t5 import T5Spec, T5Text
from detailer.engines.painters.diffusion.vae import Vae
from detailer.errors import EngineError

_T5 = T5Spec(shortest=256)
_GUIDANCE = 3.5


class Flux:
    """FLUX.1: dev with guidance built in, schnell without, Fill that sees the hole."""

    name = "flux"
    multiple = MULTIPLE

    def __init__(self, loaded: Loaded, vectors: Vectors) -> None:
        pipe: Any = loaded.pipe
        self._pipe, self._loaded = pipe, loaded
        self.vae = Vae(pipe.vae, loaded.device)
        self.takes_hole = loaded.card.inpaint
        self._clip = clip(pipe, "", ClipSpec(), (vectors, CLIP_L))
        self._t5 = T5Text(pipe.tokenizer_2, pipe.text_encoder_2, _T5)

    def table(self, size: Size, shift: float = 0.0) -> Table:
        """Flow levels, for dev shifted the more the larger the size."""
        return flow_table(self._pipe.scheduler.config, size, shift)

    def encode_text(self, texts: Sequence[str], clip_skip: int = 0) -> list[Condition]:
        """T5's "hidden" (tokens, width) and CLIP's "pooled" (width,)."""
        shorts, said = self._clip(texts, clip_skip), self._t5(texts)
        return [
            Condition({"hidden": text.hidden, "pooled": gist(short)})
            for text, short in zip(said, shorts, strict=True)
        ]

    def predict(self, forward: Forward) -> Tensor:
        """The clean latents; texts of one length share a pass."""
        return flown(forward, by_length(forward, "hidden", self._velocity))

    def _velocity(self, forward: Forward, hidden: Tensor) -> Tensor:
        device, dtype = self._loaded.device, self._loaded.dtype
        shape = forward.x.shape[-2], forward.x.shape[-1]
        pooled = torch.stack([said["pooled"] for said in forward.conditions])
        tokens = packed(forward.x).to(device, dtype)
        arguments = {
            "hidden_states": tokens,
            "timestep": time_of(forward).to(device, dtype),
            "guidance": self._guidance(forward),
            "encoder_hidden_states": hidden.to(device, dtype),
            "pooled_projections": pooled.to(device, dtype),
            "img_ids": places(shape).to(device, dtype),
            "txt_ids": torch.zeros(hidden.shape[1], 3, device=device, dtype=dtype),
        }
        controls = flux_residuals(forward, arguments)
        if self.takes_hole:
            tokens = torch.cat([tokens, self._hole(forward)], 2)
        output = self._pipe.transformer(
            **{**arguments, **controls, "hidden_states": tokens}, return_dict=False
        )[0]
        return unpacked(output, shape)

    def _guidance(self, forward: Forward) -> Tensor | None:
        if not self._pipe.transformer.config.guidance_embeds:
            return None
        given = forward.guides.guidance
        if given is None:
            given = torch.full((len(forward.x),), _GUIDANCE)
        return given.to(self._loaded.device, torch.float32)

    def _hole(self, forward: Forward) -> Tensor:
        """The picture's rest as tokens, and then the mask's pixels."""
        inpaint = forward.guides.inpaint
        if inpaint is None:
            raise EngineError("Flux Fill needs the mask and the latents of the picture's rest")
        mask, rest = inpaint[:, : -self.vae.channels], inpaint[:, -self.vae.channels :]
        tokens = torch.cat([packed(rest), packed(mask)], 2)
        return tokens.to(self._loaded.device, self._loaded.dtype)
