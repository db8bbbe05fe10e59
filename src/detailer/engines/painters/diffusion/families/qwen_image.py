"""Qwen-Image: a language model reads the prompt, and a VAE for videos sees the picture."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from detailer.core.geometry import Size
from detailer.engines.painters.diffusion.condition import Condition
from detailer.engines.painters.diffusion.families.flow import MULTIPLE, flow_table, flown, time_of
from detailer.engines.painters.diffusion.families.texts import Vectors
from detailer.engines.painters.diffusion.forward import Forward
from detailer.engines.painters.diffusion.loading import Loaded
from detailer.engines.painters.diffusion.packing import packed, unpacked
from detailer.engines.painters.diffusion.table import Table
from detailer.engines.painters.diffusion.text.weights import plain
from detailer.engines.painters.diffusion.vae import Vae


class QwenImage:
    """Qwen-Image; prompts are read as they stand, without weights."""

    name = "qwen_image"
    multiple = MULTIPLE
    takes_hole = False

    def __init__(self, loaded: Loaded, vectors: Vectors) -> None:
        self._pipe: Any = loaded.pipe
        self._loaded = loaded
        self.vae = Vae(self._pipe.vae, loaded.device, frames=True)

    def table(self, size: Size, shift: float = 0.0) -> Table:
        """Flow levels, shifted the more the larger the size.

        The stretch of the last steps that diffusers' scheduler adds (shift_terminal) is a
        schedule's, and left out, as in ComfyUI.
        """
        return flow_table(self._pipe.scheduler.config, size, shift)

    @torch.no_grad()
    def encode_text(self, texts: Sequence[str], clip_skip: int = 0) -> list[Condition]:
        """The language model's "hidden" (tokens, width); one text at a time, without padding."""
        conditions = []
        for text in texts:
            hidden, mask = self._pipe.encode_prompt([plain(text)], device=self._loaded.device)
            kept = hidden[0] if mask is None else hidden[0][mask[0].bool()]
            conditions.append(Condition({"hidden": kept.float()}))
        return conditions

    def predict(self, forward: Forward) -> Tensor:
        """The clean latents; shorter texts are padded, and the network told where."""
        device, dtype = self._loaded.device, self._loaded.dtype
        height, width = forward.x.shape[-2:]
        hidden, mask = _side_by_side([said["hidden"] for said in forward.conditions])
        output = self._pipe.transformer(
            packed(forward.x).to(device, dtype),
            timestep=time_of(forward).to(device, dtype),
            encoder_hidden_states=hidden.to(device, dtype),
            encoder_hidden_states_mask=None if mask is None else mask.to(device),
            img_shapes=[[(1, height // 2, width // 2)]] * len(forward.x),
            return_dict=False,
        )[0]
        return flown(forward, unpacked(output, (height, width)))


def _side_by_side(texts: list[Tensor]) -> tuple[Tensor, Tensor | None]:
    """(B, n, width), and (B, n) bool of what is text; no mask where all are of one length."""
    lengths = torch.tensor([len(text) for text in texts])
    longest = int(lengths.max())
    hidden = pad_sequence(texts, batch_first=True)
    if bool((lengths == longest).all()):
        return hidden, None
    return hidden, torch.arange(longest)[None] < lengths[:, None]
