"""Texts: a pipeline's text encoders as the families use them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, TypeAlias

import torch
from torch import Tensor

from detailer.engines.painters.diffusion.text.clip import ClipResult, ClipSpec, ClipText
from detailer.engines.painters.diffusion.text.length import common_length, repeated
from detailer.engines.painters.diffusion.text.tokens import refuse
from detailer.errors import EngineError

Vectors: TypeAlias = Callable[[str, int, str], Tensor]
"""From an embedding's name, its width and the encoder's key, clip_l or clip_g, to (n, width)."""

CLIP_L, CLIP_G = "clip_l", "clip_g"
PENULTIMATE_L = ClipSpec(layer=-2, final_norm=False)
PENULTIMATE_G = ClipSpec(layer=-2, final_norm=False, pad=0)
"""As SDXL and SD3 were trained with them: the layer before the last, its norm left out."""


def no_vectors(name: str, width: int, key: str) -> Tensor:
    """Finds no embedding: for when no folder of them was given."""
    return refuse(name)


def clip(pipe: Any, part: str, spec: ClipSpec, find: tuple[Vectors, str]) -> ClipText:
    """One of a pipeline's CLIPs.

    Args:
        pipe: The pipeline.
        part: "" for its first text encoder, "_2" for its second.
        spec: What of it the family was trained with.
        find: Where embeddings are, and what they call this encoder.
    """
    model = getattr(pipe, f"text_encoder{part}")
    vectors, key = find

    def of_its_width(name: str) -> Tensor:
        return vectors(name, int(model.config.hidden_size), key)

    tokenizer = getattr(pipe, f"tokenizer{part}")
    return ClipText(tokenizer, model, replace(spec, find=of_its_width))


def beside(one: Tensor, other: Tensor) -> Tensor:
    """Hidden states (n, a) and (m, b) of one text as (length, a + b).

    Two CLIPs cut a text into as many chunks, unless it names an embedding that has more vectors
    for one of them; then both are repeated to a common length.
    """
    length = common_length((len(one), len(other)))
    return torch.cat([repeated(one, length), repeated(other, length)], 1)


def gist(said: ClipResult) -> Tensor:
    """The pooled state of a text, (width,). EngineError if its encoder gives none."""
    if said.pooled is None:
        raise EngineError("a text encoder of this model gives no pooled text: it is another's")
    return said.pooled
