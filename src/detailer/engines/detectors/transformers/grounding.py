"""Grounding: boxes of words, by Grounding DINO and MM Grounding DINO."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from detailer.core.pixels import Picture, size_of
from detailer.core.regions import Regions
from detailer.engines.detectors.transformers.boxes import Proposals
from detailer.engines.detectors.transformers.frame import framed
from detailer.engines.detectors.transformers.network import Network
from detailer.errors import InputError


class Grounding:
    """Finds words, all of them in one run: the model reads them as one text with full stops.

    A word's score is that of the surest of its tokens (Liu et al., Grounding DINO, 2023).

    Args:
        network: The model.
        words: What is looked for.
        threshold: Least score, 0..1.

    Raises:
        InputError: If a word has a full stop in it, or they are too many for the model.
    """

    def __init__(self, network: Network, words: Sequence[str], threshold: float) -> None:
        self._network = network
        self._threshold = threshold
        self._words = tuple(words)
        for word in self._words:
            if "." in word.rstrip("."):
                raise InputError(
                    f"a full stop ends a word of Grounding DINO, and {word!r} goes on; give"
                    " several words with commas between them"
                )
        self._text, self._spans = self._read()

    def __call__(self, picture: Picture, /) -> Regions:
        """What was found in (h, w, 3) uint8 RGB, the surest first."""
        size, look, network = size_of(picture), framed(picture), self._network
        with network.running(size):
            outputs = network.run(**network.pixels(look), **self._text)
            tokens = network.shares(outputs.logits[0])
            boxes = network.numbers(outputs.pred_boxes[0])
            scores = np.stack([tokens[:, span].max(axis=1) for span in self._spans], axis=1)
        height, width = look.pixels.shape[:2]
        proposals = Proposals(scores, boxes, (width / look.x, height / look.y))
        return proposals.regions(self._threshold, size, self._words)

    def _read(self) -> tuple[dict[str, Any], list[list[int]]]:
        """The text as arguments of the network, and the tokens of each word."""
        network, text, ends = self._network, "", []
        for word in self._words:
            start = len(text)
            text += word.rstrip(". ").lower()
            ends.append((start, len(text)))
            text += ". "
        with network.reading():
            tokenizer: Any = network.tokenizer
            made = tokenizer(
                text.rstrip(),
                return_offsets_mapping=True,
                return_token_type_ids=True,
                return_tensors="pt",
            )
            places = made.pop("offset_mapping")[0].tolist()
        most = network.config.max_text_len
        if len(places) > most:
            raise InputError(
                f"{len(self._words)} words are {len(places)} tokens; {network.model.text} takes"
                f" {most}: give fewer"
            )
        spans = [
            [i for i, (left, right) in enumerate(places) if start <= left < right <= end]
            for start, end in ends
        ]
        for word, span in zip(self._words, spans, strict=True):
            if not span:
                raise InputError(f"the tokenizer of {network.model.text} makes nothing of {word!r}")
        return network.moved(dict(made)), spans
