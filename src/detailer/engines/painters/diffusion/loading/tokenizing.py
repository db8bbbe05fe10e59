"""Tokenizing: the tokenizers that a folder lists and does not hold."""

from __future__ import annotations

from typing import Any

from detailer.engines.painters.diffusion.loading.folders import Index
from detailer.engines.painters.diffusion.loading.tokenizers import has_tokenizer, packaged_clip

_OPEN_CLIP_PAD = "!"


def tokenizers_for(index: Index) -> dict[str, Any]:
    """A tokenizer, or None, for each of a folder's that has no vocabulary there.

    CLIP's are built from the packaged vocabulary. Where there is none, and for other kinds, the
    pipeline has no tokenizer: token numbers can be given to it, texts cannot.
    """
    lacking = [
        part
        for part in index.parts
        if part.startswith("tokenizer") and not has_tokenizer(index.folder / part)
    ]
    return {part: _built(index, part) for part in lacking}


def _built(index: Index, part: str) -> Any | None:
    if not index.parts[part][1].startswith("CLIPTokenizer"):
        return None
    # OpenAI's text encoder, the only one that fills up with the end of text, is quick_gelu's.
    encoder = index.config(part.replace("tokenizer", "text_encoder"))
    of_openai = encoder.get("hidden_act", "quick_gelu") == "quick_gelu"
    return packaged_clip() if of_openai else packaged_clip(_OPEN_CLIP_PAD)
