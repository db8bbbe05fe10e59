"""Concepts: masks of words, by SAM 3."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch

from detailer.core.geometry import Box, Size
from detailer.core.pixels import Picture, size_of
from detailer.core.region import Region
from detailer.core.regions import Regions
from detailer.engines.detectors.transformers.frame import framed, inside
from detailer.engines.detectors.transformers.network import Network
from detailer.engines.segmenters.stretch import stretched

_MASKED = 0.5


class Concepts:
    """Finds every instance of each word, with its mask (Carion et al., SAM 3, 2025).

    The picture is encoded once, each word once and for all pictures. An instance's score is its
    own times that of the word being there at all; where no pixel of its mask is sure, its box is
    the mask.

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
        tokens = network.tokens(words, network.config.text_config.max_position_embeddings)
        self._read = {word: self._meaning(tokens, i) for i, word in enumerate(words)}

    def __call__(self, picture: Picture, /) -> Regions:
        """What was found in (h, w, 3) uint8 RGB, the surest first."""
        size, look, network = size_of(picture), framed(picture), self._network
        with network.running(size):
            seen = network.run.get_vision_features(**network.pixels(look))
            found = [
                region
                for word in self._read
                for region in self._found(seen, word, size_of(look.pixels))
            ]
        cut = (inside(region, size) for region in found)
        regions = Regions(size, tuple(region for region in cut if not region.box.empty))
        return regions.sorted(lambda region: region.score, descending=True)

    def _meaning(self, tokens: dict[str, torch.Tensor], i: int) -> dict[str, Any]:
        mask = tokens["attention_mask"][i : i + 1]
        with torch.inference_mode(), self._network.reading():
            read = self._network.run.get_text_features(tokens["input_ids"][i : i + 1], mask)
        return {"text_embeds": read, "attention_mask": mask}

    def _found(self, seen: Any, word: str, size: Size) -> Iterator[Region]:
        network = self._network
        outputs = network.run(vision_embeds=seen, **self._read[word])
        scores = network.shares(outputs.pred_logits[0])
        if outputs.presence_logits is not None:
            scores = scores * network.shares(outputs.presence_logits[0])
        boxes = network.numbers(outputs.pred_boxes[0]) * ([size.width, size.height] * 2)
        for row in np.flatnonzero(scores >= self._threshold).tolist():
            left, top, right, bottom = boxes[row].tolist()
            if right > left and bottom > top:
                box = Box(left, top, right, bottom).clipped(size.box)
                region = Region.from_box(box, word, float(scores[row]))
                sure = network.shares(outputs.pred_masks[0, row]) - _MASKED
                mask = stretched(sure, size)
                yield region if mask.empty else region.with_mask(mask)
