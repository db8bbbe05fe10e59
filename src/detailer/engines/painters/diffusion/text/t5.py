"""T5: texts through a T5 encoder, with weights, each as long as it is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from detailer.engines.painters.diffusion.text.breaks import unbroken
from detailer.engines.painters.diffusion.text.chunks import Token
from detailer.engines.painters.diffusion.text.clip import weigh
from detailer.engines.painters.diffusion.text.tokens import tokenized
from detailer.engines.painters.diffusion.text.weights import weighted
from detailer.errors import EngineError, InputError


@dataclass(frozen=True)
class T5Spec:
    """How long a family's texts are and what of the padding is seen. ComfyUI's: Flux 256, SD3 77
    and Chroma 1 token at least, nothing masked; diffusers pads to 512, 256 and 512."""

    shortest: int = 256
    """Shorter texts are padded to this, in tokens."""
    longest: int = 0
    """Longer ones are cut to this, their end included; 0 cuts nothing, as ComfyUI does."""
    masked: bool = False
    """Whether the encoder is kept from seeing the padding."""
    bare_empty: bool = False
    """Whether weights are measured from padding without an end, as ComfyUI does for Chroma."""


@dataclass(frozen=True, eq=False)
class T5Result:
    """What one text says, in float32, on the encoder's device."""

    hidden: Tensor
    """(tokens, width)."""
    mask: Tensor
    """(tokens,) bool: True for the text and its end, False for padding."""


class T5Text:
    """Texts to hidden states; those of one length in one pass."""

    def __init__(self, tokenizer: Any, model: Any, spec: T5Spec = T5Spec()) -> None:
        """A transformers tokenizer, or None, and a T5EncoderModel."""
        self.tokenizer = tokenizer
        self.model = model
        self.spec = spec
        knows = model.config if tokenizer is None else tokenizer
        self._end, self._pad = int(knows.eos_token_id), int(knows.pad_token_id)

    def __call__(self, texts: Sequence[str]) -> list[T5Result]:
        """What each text says. Raises InputError for an embedding, which T5 has none of."""
        spelled = {text: self.tokens(text) for text in dict.fromkeys(texts)}
        results = dict(zip(spelled, self.encoded(list(spelled.values())), strict=True))
        return [results[text] for text in texts]

    def tokens(self, text: str) -> tuple[Token, ...]:
        """A prompt's tokens with their weights and its end, not padded."""
        if self.tokenizer is None:
            raise EngineError("this model came without T5's tokenizer: give its folder, config=")
        said = [
            token
            for stretch in weighted(unbroken(text))
            for word in tokenized(stretch, self.tokenizer, _no_vectors)
            for token in word
        ]
        kept = said[: self.spec.longest - 1] if self.spec.longest else said
        return (*kept, Token(self._end))

    def from_tokens(self, texts: Sequence[Sequence[tuple[int, float]]]) -> list[T5Result]:
        """What texts say whose tokens and weights are known, their ends included."""
        return self.encoded([[Token(number, weight) for number, weight in text] for text in texts])

    def encoded(self, texts: Sequence[Sequence[Token]]) -> list[T5Result]:
        """One pass for each length there is, after padding; most texts share the shortest."""
        padded = [self._padded(text) for text in texts]
        results: dict[int, T5Result] = {}
        for length in dict.fromkeys(len(text) for text in padded):
            same = [place for place, text in enumerate(padded) if len(text) == length]
            sizes = [len(texts[place]) for place in same]
            results.update(zip(same, self._pass([padded[p] for p in same], sizes), strict=True))
        return [results[place] for place in range(len(texts))]

    def _padded(self, text: Sequence[Token]) -> list[Token]:
        return [*text, *[Token(self._pad)] * (self.spec.shortest - len(text))]

    @torch.no_grad()
    def _pass(self, texts: list[list[Token]], sizes: list[int]) -> list[T5Result]:
        """Texts of one length, and with them the empty one where something has a weight."""
        weights = torch.tensor([[token.weight for token in text] for text in texts])
        has_weights = bool((weights != 1).any())
        if has_weights:
            said = [] if self.spec.bare_empty else [Token(self._end)]
            nothing = [*said, *[Token(self._pad)] * (len(texts[0]) - len(said))]
            texts, sizes = [*texts, nothing], [*sizes, max(1, len(said))]
        ids = torch.tensor([[token.id for token in text] for text in texts])
        mask = torch.arange(ids.shape[1])[None] < torch.tensor(sizes)[:, None]
        seen = mask if self.spec.masked else torch.ones_like(mask)
        device = self.model.device
        hidden = self.model(ids.to(device), attention_mask=seen.long().to(device))[0].float()
        if has_weights:
            hidden = weigh(hidden[:-1], hidden[-1], weights.to(hidden.device))
        return [T5Result(one, m.to(one.device)) for one, m in zip(hidden, mask, strict=False)]


def _no_vectors(name: str) -> Tensor:
    raise InputError(f"embedding:{name} is read by CLIP, but this text goes to T5; leave it out")
