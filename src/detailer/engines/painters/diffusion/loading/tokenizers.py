"""Tokenizers: CLIP's, from the vocabulary that the package open_clip_torch ships."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

from transformers import CLIPTokenizer

from detailer.engines.files.models import installed_file
from detailer.errors import MissingEngineError

_FILES = ("vocab.json", "tokenizer.json", "spiece.model", "tokenizer.model")
_PACKAGED = ("open_clip", "bpe_simple_vocab_16e6.txt.gz", "diffusion")
_WORDS = 49408
_LENGTH = 77
_PRINTABLE = (*range(33, 127), *range(161, 173), *range(174, 256))
_HIDDEN = tuple(byte for byte in range(256) if byte not in _PRINTABLE)


def has_tokenizer(folder: Path) -> bool:
    """Whether a folder holds a tokenizer's vocabulary."""
    return any((folder / name).is_file() for name in _FILES)


def has_packaged_clip() -> bool:
    """Whether CLIP's vocabulary is on this machine, in the package open_clip_torch."""
    try:
        installed_file(*_PACKAGED)
    except MissingEngineError:
        return False
    return True


def packaged_clip(pad: str = "<|endoftext|>") -> Any | None:
    """CLIP's tokenizer, the same for OpenAI's and OpenCLIP's text encoders but for the filling.

    Args:
        pad: What fills up short texts: the end of the text for OpenAI's, "!" (number 0) for
            OpenCLIP's.

    Returns:
        The tokenizer, or None where open_clip_torch is not installed.
    """
    if not has_packaged_clip():
        return None
    file = installed_file(*_PACKAGED)
    lines = gzip.decompress(file.read_bytes()).decode("utf-8").split("\n")
    # Bytes that cannot be seen are written as letters beyond Latin-1 (Radford et al. 2019).
    letters = [chr(byte) for byte in _PRINTABLE] + [chr(256 + i) for i in range(len(_HIDDEN))]
    # Numbered before the merges are letters and letters that end a word, after them two marks.
    pairs = [tuple(line.split()) for line in lines[1 : _WORDS - 2 * len(letters) - 1]]
    words = [*letters, *(f"{letter}</w>" for letter in letters), *("".join(p) for p in pairs)]
    words += ["<|startoftext|>", "<|endoftext|>"]
    numbers = {word: number for number, word in enumerate(words)}
    made: Any = CLIPTokenizer
    return made(vocab=numbers, merges=pairs, pad_token=pad, model_max_length=_LENGTH)
