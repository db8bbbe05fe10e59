"""ClipSeg: masks of words, by CLIPSeg."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import torch

from detailer.core.pixels import Alpha, Picture, size_of
from detailer.core.regions import Regions
from detailer.engines.detectors.look import Look
from detailer.engines.detectors.transformers.frame import framed, inside
from detailer.engines.detectors.transformers.network import Network
from detailer.engines.detectors.transformers.smoothing import Smoothing


class ClipSeg:
    """Finds what words mean as areas, without telling single things apart (Lüddecke and Ecker,
    Image Segmentation Using Text and Image Prompts, 2022).

    The picture is encoded once, each word once and for all pictures.

    Args:
        network: The model.
        words: What is looked for.
        how: How its maps become regions.

    Raises:
        InputError: If a word is too long for the model.
    """

    def __init__(self, network: Network, words: Sequence[str], how: Smoothing) -> None:
        self._network = network
        self._words = tuple(words)
        self._how = how
        tokens = network.tokens(words, network.config.text_config.max_position_embeddings)
        with torch.inference_mode(), network.reading():
            self._meant = network.run.get_conditional_embeddings(len(words), **tokens)

    def __call__(self, picture: Picture, /) -> Regions:
        """What was found in (h, w, 3) uint8 RGB, the surest first."""
        size, look = size_of(picture), framed(picture)
        with self._network.running(size):
            maps = list(self._maps(look))
        seen = size_of(look.pixels)
        found = (
            inside(region, size)
            for word, probability in zip(self._words, maps, strict=True)
            for region in self._how.regions(probability, seen, word)
        )
        regions = Regions(size, tuple(region for region in found if not region.box.empty))
        return regions.sorted(lambda region: region.score, descending=True)

    def _maps(self, look: Look) -> Iterator[Alpha]:
        """A map of probabilities (h, w) for each word, over the whole look."""
        network = self._network.run
        pixels = self._network.pixels(look)["pixel_values"]
        seen = network.clip.get_image_features(
            pixel_values=pixels, interpolate_pos_encoding=True, output_hidden_states=True
        )
        # The first of the hidden states is what the first layer is given.
        layers = [seen.hidden_states[i + 1] for i in network.config.extract_layers]
        for meant in self._meant:
            logits = network.decoder(layers, meant[None]).logits
            probability = self._network.numbers(logits.sigmoid())
            yield probability.reshape(logits.shape[-2:]).astype(np.float32)
