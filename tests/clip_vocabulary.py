"""CLIP's own tokenizer, made of the vocabulary that the package open_clip_torch brings."""

from __future__ import annotations

import gzip
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

_MERGES = 49152 - 256 - 2
BEGIN, END = "<|startoftext|>", "<|endoftext|>"


@cache
def clip_tokenizer() -> Any:
    """CLIP's tokenizer, offline; skips the test where the vocabulary is not installed."""
    transformers = pytest.importorskip("transformers", reason="needs detailer[diffusion]")
    spec = find_spec("open_clip")
    if spec is None or spec.origin is None:
        pytest.skip("CLIP's vocabulary comes with open_clip_torch, which is not installed")
    packed = Path(spec.origin).with_name("bpe_simple_vocab_16e6.txt.gz").read_bytes()
    lines = gzip.decompress(packed).decode("utf-8").split("\n")[1 : _MERGES + 1]
    merges = [tuple(line.split()) for line in lines]
    letters = _letters()
    words = [
        *letters,
        *(letter + "</w>" for letter in letters),
        *("".join(merge) for merge in merges),
        BEGIN,
        END,
    ]
    vocabulary = {word: number for number, word in enumerate(words)}
    return transformers.CLIPTokenizer(vocab=vocabulary, merges=merges, model_max_length=77)


def _letters() -> list[str]:
    """A letter for every byte: the printable ones themselves first, as in GPT-2."""
    printable = [*range(ord("!"), ord("~") + 1), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    return [*map(chr, printable), *(chr(0x100 + i) for i in range(256 - len(printable)))]
