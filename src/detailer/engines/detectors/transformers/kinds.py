"""Kinds: the models of transformers that find something, told apart without torch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from detailer.engines.files.pretrained import Pretrained
from detailer.errors import InputError

Way: TypeAlias = Literal["classes", "grounding", "owl", "omdet", "clipseg", "sam3"]
"""How a kind is asked and what it answers: each is a file beside this one."""


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of model: its classes in transformers, and which file here knows how to ask it."""

    way: Way
    network: str
    pictures: str


def _classes(network: str, pictures: str) -> Kind:
    return Kind("classes", f"{network}ForObjectDetection", f"{pictures}ImageProcessor")


KINDS: Final[dict[str, Kind]] = {
    "detr": _classes("Detr", "Detr"),
    "table-transformer": _classes("TableTransformer", "Detr"),
    "conditional_detr": _classes("ConditionalDetr", "ConditionalDetr"),
    "dab-detr": _classes("DabDetr", "ConditionalDetr"),
    "deformable_detr": _classes("DeformableDetr", "DeformableDetr"),
    "yolos": _classes("Yolos", "Yolos"),
    "rt_detr": _classes("RTDetr", "RTDetr"),
    "rt_detr_v2": _classes("RTDetrV2", "RTDetr"),
    "d_fine": _classes("DFine", "RTDetr"),
    "deimv2": _classes("Deimv2", "RTDetr"),
    "rf_detr": _classes("RfDetr", "RfDetr"),
    "grounding-dino": Kind(
        "grounding", "GroundingDinoForObjectDetection", "GroundingDinoImageProcessor"
    ),
    "mm-grounding-dino": Kind(
        "grounding", "MMGroundingDinoForObjectDetection", "GroundingDinoImageProcessor"
    ),
    "owlvit": Kind("owl", "OwlViTForObjectDetection", "OwlViTImageProcessor"),
    "owlv2": Kind("owl", "Owlv2ForObjectDetection", "Owlv2ImageProcessor"),
    "omdet-turbo": Kind("omdet", "OmDetTurboForObjectDetection", "DetrImageProcessor"),
    "clipseg": Kind("clipseg", "CLIPSegForImageSegmentation", "ViTImageProcessor"),
    "sam3": Kind("sam3", "Sam3Model", "Sam3ImageProcessor"),
    # As it is published: with the parts that follow things through a video, which stay unused.
    "sam3_video": Kind("sam3", "Sam3Model", "Sam3ImageProcessor"),
}
"""Every kind by what config.json calls it."""

_OF_BOXES = (
    "sam", "sam_hq", "sam2", "sam2_video", "sam3_tracker", "sam3_tracker_video", "edgetam",
    "edgetam_video",
)  # fmt: skip


def kind_of(model: Pretrained) -> Kind:
    """What is known of a model's kind.

    Raises:
        InputError: If it is a kind that finds nothing by itself.
    """
    if model.kind in _OF_BOXES:
        raise InputError(
            f"{model.text} is a model of the kind {model.kind!r}: it masks what is in a box and"
            f" finds nothing by itself; give it beside a detector: --refine sam:{model.text}"
        )
    model.check_kind(tuple(KINDS), "the detector transformers")
    return KINDS[model.kind]
