"""Listing: the engines that come with detailer, by their names."""

from __future__ import annotations

from typing import Final

from detailer.engines.detectors.listed import DETECTORS
from detailer.engines.listed import Kind, Listed
from detailer.engines.painters.listed import PAINTERS
from detailer.engines.segmenters.listed import SEGMENTERS
from detailer.engines.upscalers.listed import UPSCALERS

BUILT_IN: Final[tuple[Listed, ...]] = (*DETECTORS, *SEGMENTERS, *PAINTERS, *UPSCALERS)


def built_in(kind: Kind) -> dict[str, Listed]:
    """Ours of a kind by every name they go by."""
    return {
        name: listed
        for listed in BUILT_IN
        if listed.kind == kind
        for name in (listed.name, *listed.aliases)
    }
