"""SD3: Stable Diffusion 3 and 3.5, with two CLIPs and T5."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import pad

from detailer.core.geometry import Size
from detailer.engines.painters.diffusion.condition import Condition
from detailer.engines.painters.diffusion.families.flow import (
    MULTIPLE,
    by_length,
    flow_table,
    flown,
    time_of,
)
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
from detailer.engines.painters.diffusion.forward import Forward
from detailer.engines.painters.diffusion.guides.control import sd3_residuals
from detailer.engines.painters.diffusion.loading import Loaded
from detailer.engines.painters.diffusion.table import Table
from detailer.engines.painters.diffusion.text.t5 import T5Spec, T5Text
from detailer.engines.painters.diffusion.vae import Vae

_T5 = T5Spec(shortest=77)
_STEPS = 1000


class StableDiffusion3:
    """Stable Diffusion 3 and 3.5, also without T5: then the CLIPs alone are read."""

    name = "sd3"
    multiple = MULTIPLE
    takes_hole = False

    def __init__(self, loaded: Loaded, vectors: Vectors) -> None:
        pipe: Any = loaded.pipe
        self._pipe, self._loaded = pipe, loaded
        self.vae = Vae(pipe.vae, loaded.device)
        self._large = clip(pipe, "", PENULTIMATE_L, (vectors, CLIP_L))
        self._giant = clip(pipe, "_2", PENULTIMATE_G, (vectors, CLIP_G))
        encoder = pipe.text_encoder_3
        self._t5 = None if encoder is None else T5Text(pipe.tokenizer_3, encoder, _T5)

    def table(self, size: Size, shift: float = 0.0) -> Table:
        """Flow levels, shifted by 3 as the models' configurations say."""
        return flow_table(self._pipe.scheduler.config, size, shift)

    def encode_text(self, texts: Sequence[str], clip_skip: int = 0) -> list[Condition]:
        """All encoders: "hidden" (tokens, width), T5's after the CLIPs', and "pooled" (both)."""
        large, giant = self._large(texts, clip_skip), self._giant(texts, clip_skip)
        t5 = [None] * len(texts) if self._t5 is None else [said.hidden for said in self._t5(texts)]
        width = int(self._pipe.transformer.config.joint_attention_dim)
        conditions = []
        for one, other, last in zip(large, giant, t5, strict=True):
            clips = beside(one.hidden, other.hidden)
            parts = [pad(clips, (0, width - clips.shape[1])), *([] if last is None else [last])]
            pooled = torch.cat([gist(one), gist(other)])
            conditions.append(Condition({"hidden": torch.cat(parts), "pooled": pooled}))
        return conditions

    def predict(self, forward: Forward) -> Tensor:
        """The clean latents; texts of one length share a pass."""
        return flown(forward, by_length(forward, "hidden", self._velocity))

    def _velocity(self, forward: Forward, hidden: Tensor) -> Tensor:
        device, dtype = self._loaded.device, self._loaded.dtype
        pooled = torch.stack([said["pooled"] for said in forward.conditions])
        arguments = {
            "hidden_states": forward.x.to(device, dtype),
            "timestep": (time_of(forward) * _STEPS).to(device),
            "encoder_hidden_states": hidden.to(device, dtype),
            "pooled_projections": pooled.to(device, dtype),
        }
        controls = sd3_residuals(forward, arguments)
        output: Tensor = self._pipe.transformer(**arguments, **controls, return_dict=False)[0]
        return output
