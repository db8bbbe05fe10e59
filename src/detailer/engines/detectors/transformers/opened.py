"""Transformers: a detector that runs a model of the library transformers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from detailer.core.pixels import Picture
from detailer.core.regions import Regions
from detailer.engines.detectors.labels import listed
from detailer.engines.detectors.look import check_picture
from detailer.engines.detectors.transformers.kinds import Kind, kind_of
from detailer.engines.detectors.transformers.words import FACE
from detailer.engines.files.pretrained import Pretrained, pretrained
from detailer.engines.ranges import check_share
from detailer.errors import InputError
from detailer.stages.detect import Detector

Number = TypeVar("Number", int, float)

_THRESHOLD, _THRESHOLD_OF_MAPS = 0.5, 0.4
_BLUR, _DILATION = 7, 4


@dataclass(eq=False)
class Transformers:
    """Finds what a model of transformers finds: by its classes, or by words.

    A model of classes (DETR, Conditional, DAB and Deformable DETR, RT-DETR and RT-DETR v2,
    D-FINE, DEIM v2, RF-DETR, YOLOS, Table Transformer) gives boxes of what it was trained for,
    and `labels` say which of it is kept. To a model of words `labels` are what it looks for:
    Grounding DINO, MM Grounding DINO, OmDet-Turbo, OWL-ViT and OWLv2 give boxes, CLIPSeg and SAM 3
    give masks. Each region carries its word as label. Boxes of one word that overlap by half or
    more are one region, the surest.

    Models differ in how sure they are: 0.25 to 0.4 suits Grounding DINO, 0.1 to 0.3 OWLv2.

    Args:
        path: A folder, or a name on the Hub: `owner/name`, `owner/name@revision`.
        labels: Names of classes that are kept, none: all; or the words, none: `face`. Also as a
            text with commas.
        threshold: Least score, 0..1; None: 0.5, for CLIPSeg 0.4.
        device: auto, cpu, cuda, cuda:1 or mps.
        blur: CLIPSeg's only: the Gaussian's sigma in pixels of its map; None: 7.
        dilation: CLIPSeg's only: how far the map grows, in pixels of it; None: 4.
        compatible: CLIPSeg's only: the box of each region is its mask, as the nodes have it.
        network: The model, loaded by another one already; None: it is loaded.

    Raises:
        InputError: If it is a model that finds nothing, a label is not known, or an option is
            not the model's.
        MissingEngineError: If the model, or a library that it needs, is not there.
        EngineError: If the model cannot be loaded.
    """

    path: str | Path
    labels: str | Sequence[str] = ()
    threshold: float | None = None
    device: str = "auto"
    blur: int | None = None
    dilation: int | None = None
    compatible: bool | None = None
    network: Any = field(default=None, repr=False)
    _detector: Detector = field(init=False, repr=False)

    def __post_init__(self) -> None:
        check_share("threshold", self.threshold or 0.0)
        model = pretrained(self.path)
        kind = kind_of(model)
        self._check_options(model, kind)
        self._detector = self._opened(model, kind)

    def __call__(self, picture: Picture, /) -> Regions:
        """What is found in (h, w, 3) uint8 RGB, the surest first.

        Raises:
            InputError: If it is no such picture.
            EngineError: If memory does not suffice, or the network cannot do it.
        """
        check_picture(picture)
        return self._detector(picture)

    def _check_options(self, model: Pretrained, kind: Kind) -> None:
        for name in ("blur", "dilation", "compatible"):
            value = getattr(self, name)
            if value is not None and kind.way != "clipseg":
                raise InputError(f"{name}={value} is CLIPSeg's; {model.text} is a {model.kind}")
            if value is not None and (not isinstance(value, int) or value < 0):
                raise InputError(f"{name}={value!r}; give a whole number from 0")

    def _opened(self, model: Pretrained, kind: Kind) -> Detector:
        # What imports torch, after all that can be told without it has been.
        from detailer.engines.detectors.transformers.clipseg import ClipSeg
        from detailer.engines.detectors.transformers.network import Network
        from detailer.engines.detectors.transformers.smoothing import Smoothing
        from detailer.engines.detectors.transformers.ways import WAYS

        network = self.network = self.network or Network(model, kind, self.device)
        labels = listed(self.labels) or (() if kind.way == "classes" else FACE)
        if kind.way != "clipseg":
            return WAYS[kind.way](network, labels, _given(self.threshold, _THRESHOLD))
        how = Smoothing(
            _given(self.threshold, _THRESHOLD_OF_MAPS),
            _given(self.blur, _BLUR),
            _given(self.dilation, _DILATION),
            bool(self.compatible),
        )
        return ClipSeg(network, labels, how)


def _given(value: Number | None, default: Number) -> Number:
    return default if value is None else value
