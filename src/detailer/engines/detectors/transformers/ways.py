"""Ways: how each kind of model that gives boxes or masks of things is asked."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from detailer.engines.detectors.transformers.classes import Classes
from detailer.engines.detectors.transformers.grounding import Grounding
from detailer.engines.detectors.transformers.kinds import Way
from detailer.engines.detectors.transformers.network import Network
from detailer.engines.detectors.transformers.omdet import OmDet
from detailer.engines.detectors.transformers.owl import Owl
from detailer.engines.detectors.transformers.sam3 import Concepts
from detailer.stages.detect import Detector

WAYS: Final[dict[Way, Callable[[Network, tuple[str, ...], float], Detector]]] = {
    "classes": Classes,
    "grounding": Grounding,
    "owl": Owl,
    "omdet": OmDet,
    "sam3": Concepts,
}
"""Makes a detector of a network, labels and the least score."""
