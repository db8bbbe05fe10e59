"""Clip: texts through a CLIP text encoder, with weights, in chunks, all in one pass."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import torch
from torch import Tensor
from torch.func import functional_call

from detailer.engines.painters.diffusion.text.breaks import parts
from detailer.engines.painters.diffusion.text.chunks import Chunk, Marks, Token, chunked, empty
from detailer.engines.painters.diffusion.text.tokens import Find, refuse, tokenized
from detailer.engines.painters.diffusion.text.weights import weighted
from detailer.errors import EngineError, InputError

Spelled: TypeAlias = Sequence[Sequence[tuple[int, float]]]
"""A text as somebody else's tokenizer gave it: for each chunk, token ids and weights."""


@dataclass(frozen=True)
class ClipSpec:
    """What of a CLIP a family of models was trained with."""

    layer: int = -1
    """Whose hidden states are read, counted from the last, -1."""
    final_norm: bool = True
    """Whether the final layer norm is applied: Stable Diffusion 1 and 2 yes, SDXL and SD3 no."""
    pad: int | Literal["eos"] = "eos"
    """What fills a chunk: the end token (CLIP-L), or an id: 0 for CLIP-G and CLIP-H."""
    find: Find = refuse
    """Where `embedding:name` is found, such as an Inversion's vectors of this CLIP's width."""


@dataclass(frozen=True, eq=False)
class ClipResult:
    """What one text says, in float32, on the encoder's device."""

    hidden: Tensor
    """(77 * chunks, width)."""
    pooled: Tensor | None
    """(width,): of the first chunk's end, projected where the model projects it."""


class ClipText:
    """Texts to hidden states; weights pull each token away from, or to, the empty text's."""

    def __init__(self, tokenizer: Any, model: Any, spec: ClipSpec = ClipSpec()) -> None:
        """A transformers tokenizer, or None, and a CLIPTextModel, with a projection or without."""
        self.tokenizer = tokenizer
        self.model = model
        self.spec = spec
        # The tokenizer knows; CLIP's own vocabulary ends with both, whatever old configs say.
        last = int(model.config.vocab_size) - 1
        begin = last - 1 if tokenizer is None else tokenizer.bos_token_id
        end = last if tokenizer is None else tokenizer.eos_token_id
        pad = end if spec.pad == "eos" else spec.pad
        self.marks = Marks(begin, end, pad, int(model.config.max_position_embeddings))

    def __call__(self, texts: Sequence[str], clip_skip: int = 0) -> list[ClipResult]:
        """What each text says. clip_skip 0 is the model's own layer, 1 the last, 2 the one before.

        Raises InputError for an embedding that is not there and for more layers than there are.
        """
        chunks = {text: self.chunks(text) for text in dict.fromkeys(texts)}
        results = dict(zip(chunks, self.encoded(list(chunks.values()), clip_skip), strict=True))
        return [results[text] for text in texts]

    def chunks(self, text: str) -> tuple[Chunk, ...]:
        """A prompt's tokens with their weights, cut to the model's length and at each BREAK."""
        if self.tokenizer is None:
            raise EngineError(
                "this model came without a tokenizer; give --config FOLDER with one, or install"
                " open_clip_torch, which brings CLIP's"
            )
        return tuple(chunk for part in parts(text) for chunk in self._chunks(part))

    def _chunks(self, text: str) -> tuple[Chunk, ...]:
        words = [
            word
            for stretch in weighted(text)
            for word in tokenized(stretch, self.tokenizer, self.spec.find)
        ]
        return chunked(words, self.marks)

    def from_tokens(self, texts: Sequence[Spelled], clip_skip: int = 0) -> list[ClipResult]:
        """What texts say whose tokens are known: whole chunks with begin, end and padding.

        Raises InputError for a chunk of another length than the model's.
        """
        lengths = {len(chunk) for text in texts for chunk in text}
        if lengths - {self.marks.length}:
            said = ", ".join(map(str, sorted(lengths)))
            raise InputError(f"chunks of {said} tokens; each must have {self.marks.length}")
        spelled = [
            tuple(tuple(Token(number, weight) for number, weight in chunk) for chunk in text)
            for text in texts
        ]
        return self.encoded(spelled, clip_skip)

    def encoded(self, texts: Sequence[Sequence[Chunk]], clip_skip: int = 0) -> list[ClipResult]:
        """One pass of all chunks; with them the empty text, if anything has a weight.

        The empty text is not kept between calls, as adapters may change what it says: in a batch
        it costs one chunk.
        """
        if not texts:
            return []
        batch = [chunk for text in texts for chunk in text]
        weights = torch.tensor([[token.weight for token in chunk] for chunk in batch])
        has_weights = bool((weights != 1).any())
        hidden, pooled = self._forward(
            [*batch, empty(self.marks)] if has_weights else batch, clip_skip
        )
        if has_weights:
            hidden = weigh(hidden[:-1], hidden[-1], weights.to(hidden.device))
        results, start = [], 0
        for text in texts:
            end = start + len(text)
            results.append(ClipResult(hidden[start:end].flatten(0, 1), pooled[start]))
            start = end
        return results

    @torch.no_grad()
    def _forward(self, chunks: Sequence[Chunk], clip_skip: int) -> tuple[Tensor, Tensor]:
        """(chunks, length, width) and (chunks, width), float32."""
        layer = self._layer(clip_skip)
        ids = torch.tensor([[token.id for token in chunk] for chunk in chunks])
        with self._vectors_placed(chunks):
            output = self.model(ids.to(self.model.device), output_hidden_states=True)
        if layer == -1 and self.spec.final_norm:
            hidden = output.last_hidden_state
        else:
            hidden = output.hidden_states[layer]
            hidden = self._normed(hidden) if self.spec.final_norm else hidden
        pooled = output.text_embeds if "text_embeds" in output else output.pooler_output
        return hidden.float(), pooled.float()

    def _layer(self, clip_skip: int) -> int:
        layers = self.model.config.num_hidden_layers
        if not 0 <= clip_skip <= layers:
            raise InputError(f"clip_skip={clip_skip} is out of range: 0 to {layers} for this model")
        return -clip_skip if clip_skip else self.spec.layer

    def _normed(self, hidden: Tensor) -> Tensor:
        # With the weights brought along: offloading may have moved them off by now. Called as a
        # module all the same, as adapters change what that gives.
        norm = getattr(self.model, "text_model", self.model).final_layer_norm
        weights = {name: weight.to(hidden) for name, weight in norm.named_parameters()}
        normed: Tensor = functional_call(norm, weights, (hidden,))
        return normed

    @contextmanager
    def _vectors_placed(self, chunks: Sequence[Chunk]) -> Iterator[None]:
        """Within, the tokens that are vectors are embedded as those."""
        places = [
            (row, column, token.vector)
            for row, chunk in enumerate(chunks)
            for column, token in enumerate(chunk)
            if token.vector is not None
        ]
        if not places:
            yield
            return

        def place(_module: Any, _given: Any, embedded: Tensor) -> Tensor:
            changed = embedded.clone()
            for row, column, vector in places:
                changed[row, column] = vector.to(changed)
            return changed

        hook = self.model.get_input_embeddings().register_forward_hook(place)
        try:
            yield
        finally:
            hook.remove()


def weigh(hidden: Tensor, nothing: Tensor, weights: Tensor) -> Tensor:
    """(B, n, d) with weights (B, n), each token moved along the line from the empty text (n, d).

    (z - nothing) * weight + nothing, as ComfyUI weighs; a weight of 1 changes not a bit.
    """
    weight = weights[..., None]
    return torch.where(weight == 1, hidden, (hidden - nothing) * weight + nothing)
