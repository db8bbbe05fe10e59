"""OmDet: boxes of words, by OmDet-Turbo."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from detailer.core.pixels import Picture, size_of
from detailer.core.regions import Regions
from detailer.engines.detectors.transformers.boxes import Proposals
from detailer.engines.detectors.transformers.frame import framed
from detailer.engines.detectors.transformers.network import Network


class OmDet:
    """Finds words, all of them in one run (Zhao et al., Real-time Transformer-based
    Open-Vocabulary Detection, 2024).

    Args:
        network: The model.
        words: What is looked for.
        threshold: Least score, 0..1.

    Raises:
        InputError: If the words, or one of them, are too long for the model.
    """

    def __init__(self, network: Network, words: Sequence[str], threshold: float) -> None:
        self._network = network
        self._threshold = threshold
        self._words = tuple(words)
        most = network.config.text_config.max_position_embeddings
        classes = network.tokens(self._words, most)
        task = network.tokens([f"Detect {', '.join(self._words)}."], most)
        self._text = {
            **{f"classes_{name}": tensor for name, tensor in classes.items()},
            **{f"tasks_{name}": tensor for name, tensor in task.items()},
            "classes_structure": torch.tensor([len(self._words)], device=network.run.device),
        }

    def __call__(self, picture: Picture, /) -> Regions:
        """What was found in (h, w, 3) uint8 RGB, the surest first."""
        size, look, network = size_of(picture), framed(picture), self._network
        with network.running(size):
            seen = network.pixels(look)["pixel_values"]
            outputs = network.run(pixel_values=seen, **self._text)
            scores = network.shares(outputs.decoder_class_logits[0])
            boxes = network.numbers(outputs.decoder_coord_logits[0])
        height, width = look.pixels.shape[:2]
        proposals = Proposals(scores, boxes, (width / look.x, height / look.y))
        return proposals.regions(self._threshold, size, self._words)
