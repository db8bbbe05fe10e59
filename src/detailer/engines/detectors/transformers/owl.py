"""Owl: boxes of words, by OWL-ViT and OWLv2."""

from __future__ import annotations

from collections.abc import Sequence

from detailer.core.pixels import Picture, size_of
from detailer.core.regions import Regions
from detailer.engines.detectors.transformers.boxes import Proposals
from detailer.engines.detectors.transformers.frame import framed
from detailer.engines.detectors.transformers.network import Network

_ENLARGED = 2


class Owl:
    """Finds words, each for itself; all in one run (Minderer et al., Scaling Open-Vocabulary
    Object Detection, 2023).

    Args:
        network: The model.
        words: What is looked for.
        threshold: Least score, 0..1.

    Raises:
        InputError: If a word is too long for the model.
    """

    def __init__(self, network: Network, words: Sequence[str], threshold: float) -> None:
        self._network = network
        self._threshold = threshold
        self._words = tuple(words)
        most = network.config.text_config.max_position_embeddings
        self._text = network.tokens(self._words, most)
        # OWLv2 sees the picture in a square, which is filled on the right or below.
        self._square = network.model.kind == "owlv2"

    def __call__(self, picture: Picture, /) -> Regions:
        """What was found in (h, w, 3) uint8 RGB, the surest first."""
        size, network = size_of(picture), self._network
        # Its processor blurs the whole picture in floats before it shrinks it.
        most = _ENLARGED * network.config.vision_config.image_size if self._square else 0
        look = framed(picture, most)
        with network.running(size):
            outputs = network.run(**network.pixels(look), **self._text)
            scores = network.shares(outputs.logits[0])
            boxes = network.numbers(outputs.pred_boxes[0])
        height, width = look.pixels.shape[:2]
        if self._square:
            height = width = max(height, width)
        proposals = Proposals(scores, boxes, (width / look.x, height / look.y))
        return proposals.regions(self._threshold, size, self._words)
