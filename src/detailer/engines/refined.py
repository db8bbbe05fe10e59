"""Refined: detectors of boxes whose masks come from a segmenter, or from another detector."""

from __future__ import annotations

from typing import Any

from detailer.core.paths import is_there
from detailer.core.pixels import Picture
from detailer.core.regions import Regions, grow, intersect
from detailer.core.segmenter import Segmenter
from detailer.engines.catalog import (
    Spec,
    is_known,
    open_detector,
    open_segmenter,
    option_names,
)
from detailer.errors import EngineError, InputError
from detailer.stages.detect import Detect, Detector
from detailer.stages.refine import Refine, refine

_PAIRS = ("bbox+segm", "bbox+sam")


def refined(detector: Detector, segmenter: Segmenter, how: Refine | None = None) -> Detector:
    """What the detector finds, with masks of the segmenter's; it looks once at each picture.

    It does not look where nothing was found.

    Args:
        detector: What finds boxes; their masks are grown and met, or replaced.
        segmenter: What makes masks of boxes and points.
        how: How they are made and combined; as `Refine()` says if None.
    """
    how = how or Refine()

    def detect(picture: Picture, /) -> Regions:
        found = detector(picture)
        return refine(found, segmenter.look(picture), how) if found.items else found

    return detect


def masked(detector: Detector, segm: Detector, how: Refine | None = None) -> Detector:
    """What the detector finds, where another one's masks are as well.

    The other does not look where nothing was found.

    Args:
        detector: What finds boxes; their masks are grown and then cut to the union of the other's.
        segm: What finds masks.
        how: `combine="replace"` takes the other's regions instead that meet a found box; with
            `compatible` whatever was found, as the nodes do where a detector overrides the boxes.

    Raises:
        EngineError: The detector raises it if the two find regions of pictures of other sizes.
    """
    how = how or Refine()

    def detect(picture: Picture, /) -> Regions:
        if how.combine == "replace" and how.compatible:
            return segm(picture)
        found = detector(picture)
        if not found.items:
            return found
        seen = segm(picture)
        if seen.items and seen.size != found.size:
            raise EngineError(
                f"boxes were found in a picture of {found.size}, masks in one of {seen.size};"
                " a detector must give regions of the picture that it was shown"
            )
        if how.combine == "replace":
            return seen.filter(lambda region: any(region.box.meets(one.box) for one in found))
        grown = grow(found, how.bbox_dilation, lopsided=how.compatible)
        return intersect(grown, grown.holding(seen.items), how.arithmetic)

    return detect


def unfolded(detect: Detect, how: Refine) -> tuple[Detect, Refine]:
    """The detector of boxes and what refines them, where bbox+segm or bbox+sam names both.

    Raises:
        InputError: If refine names something else, or a half is such a pair itself.
    """
    spec = Spec.parse(detect.detector)
    if spec.name not in _PAIRS:
        return detect, how
    if how.refine:
        raise InputError(
            f"detector {detect.detector} and refine={how.refine} both say what refines its masks;"
            " leave one of them out"
        )
    boxes, masks = _halves(spec.path, spec.name, both=spec.name == "bbox+segm")
    if spec.name == "bbox+sam":
        masks = _as_sam(masks)
    return detect.but(detector=boxes), how.but(refine=masks)


def bbox_segm(
    path: str,
    how: Refine | None = None,
    threshold: float | None = None,
    labels: tuple[str, ...] = (),
) -> Detector:
    """Boxes of one detector with masks of another: the nodes' bbox and segm detectors.

    Args:
        path: BOXES+MASKS, two detectors by name, or name:path.
        how: See `masked`.
        threshold: Least score of either; None: as each has it.
        labels: Of the boxes; the masks are taken whatever they show.

    Raises:
        InputError, MissingEngineError, EngineError: As `open_detector` does.
    """
    boxes, masks = _halves(path, "bbox+segm", both=True)
    finder = _opened(boxes, threshold=threshold, labels=labels)
    return masked(finder, _opened(masks, threshold=threshold), how)


def bbox_sam(
    path: str,
    how: Refine | None = None,
    threshold: float | None = None,
    labels: tuple[str, ...] = (),
    device: str = "auto",
) -> Detector:
    """Boxes of a detector with masks by SAM: the nodes' bbox detector and SAM model.

    Args:
        path: BOXES+MODEL, a detector by name, or name:path, and a model as `Sam` takes it.
        how: See `refined`.
        threshold: Least score of a box; None: as the detector has it.
        labels: Of the boxes.
        device: Where SAM runs: auto, cpu, cuda, cuda:1 or mps.

    Raises:
        InputError, MissingEngineError, EngineError: As `open_detector` and `open_segmenter` do.
    """
    boxes, model = _halves(path, "bbox+sam", both=False)
    # Before the detector: a model that is not there, or of another kind, is told at once.
    segmenter = open_segmenter(_as_sam(model), device=device)
    return refined(_opened(boxes, threshold=threshold, labels=labels), segmenter, how)


def _as_sam(model: str) -> str:
    return model if model.lower().startswith("sam:") else f"sam:{model}"


def _opened(spec: str, threshold: float | None, labels: tuple[str, ...] = ()) -> Detector:
    wishes: dict[str, Any] = {} if threshold is None else {"threshold": threshold}
    wishes |= {"labels": labels} if labels else {}
    known = option_names("detector", spec)
    return open_detector(spec, **{name: wishes[name] for name in wishes if name in known})


def _halves(path: str, name: str, both: bool) -> tuple[str, str]:
    """The two sides of a plus; a file's name may have one too, so detectors are looked for."""
    places = [place for place, sign in enumerate(path) if sign == "+"]
    pairs = [(path[:place].strip(), path[place + 1 :].strip()) for place in places]
    found = [
        (left, right)
        for left, right in pairs
        if right and is_known("detector", left) and (not both or is_known("detector", right))
    ]
    if not found:
        example = "yolo:FILE.onnx" if both else "OWNER/NAME"
        what = "two detectors" if both else "a detector and a model"
        raise InputError(f"{name}:{path} does not name {what}; give {name}:centerface+{example}")
    halves = next((pair for pair in found if _is_there(pair[0])), found[0])
    if any(Spec.parse(half).name in _PAIRS for half in halves):
        raise InputError(f"{name}:{path} is a pair of pairs; its halves are plain engines")
    return halves


def _is_there(spec: str) -> bool:
    path = Spec.parse(spec).path
    return not path or is_there(path)
