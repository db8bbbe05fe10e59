"""Classes: boxes of what a model of DETR's family was trained for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from detailer.core.pixels import Picture, size_of
from detailer.core.regions import Regions
from detailer.engines.detectors.found import Found
from detailer.engines.detectors.transformers.frame import framed
from detailer.engines.detectors.transformers.network import Network
from detailer.engines.detectors.transformers.words import kept_classes


class Classes:
    """Finds what the model's classes name; transformers' own processor makes boxes of its output.

    Args:
        network: The model.
        labels: Names of classes that are kept; none: all.
        threshold: Least score, 0..1.

    Raises:
        InputError: If the model has no class of such a name.
    """

    def __init__(self, network: Network, labels: Sequence[str], threshold: float) -> None:
        self._network = network
        self._threshold = threshold
        named = network.config.id2label
        self.names = tuple(str(named.get(i, f"class {i}")) for i in range(max(named) + 1))
        self._kept = kept_classes(labels, self.names, network.model.text)

    def __call__(self, picture: Picture, /) -> Regions:
        """What was found in (h, w, 3) uint8 RGB, the surest first."""
        size, look, network = size_of(picture), framed(picture), self._network
        with network.running(size):
            outputs = network.run(**network.pixels(look))
            for given in (outputs.logits, outputs.pred_boxes):
                network.numbers(given)
            # It keeps what is above a threshold; kept is what reaches it.
            told = network.pictures.post_process_object_detection(
                outputs,
                threshold=float(np.nextafter(np.float32(self._threshold), np.float32(-1))),
                target_sizes=[look.pixels.shape[:2]],
            )[0]
            boxes, scores = network.numbers(told["boxes"]), network.numbers(told["scores"])
            kinds = told["labels"].cpu().numpy().astype(np.int64)
        found = replace(Found.of(boxes, scores), kinds=kinds)
        order = np.argsort(-scores, kind="stable")
        kept = found[order[np.isin(kinds[order], self._kept)]]
        return kept.scaled(1 / look.x, 1 / look.y).regions(size, self.names)
