"""Listed: the segmenters that come with detailer."""

from __future__ import annotations

from typing import Final

from detailer.engines.listed import Listed

SEGMENTERS: Final[tuple[Listed, ...]] = (
    Listed(
        "sam",
        "segmenter",
        "The mask of what is in a box: SAM, SAM 2, SAM 3 or EdgeTAM.",
        "detailer.engines.segmenters.sam:Sam",
        libraries=("torch", "torchvision", "transformers", "safetensors"),
        extra="transformers",
        source="a model: sam:FOLDER or sam:OWNER/NAME",
    ),
)
