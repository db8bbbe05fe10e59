"""Masks and boxes, as ADetailer treats them."""

from __future__ import annotations

from typing import Any

import numpy as np
from PIL import Image

from detailer.core.adaptive import dynamic_denoise, optimal_size
from detailer.core.arithmetic import unit
from detailer.core.geometry import Box, Size
from detailer.core.matte import Matte
from detailer.core.pixels import size_of, to_bytes
from detailer.core.region import Region
from detailer.core.regions import (
    Order,
    Regions,
    Trace,
    box_mask,
    by_share,
    grow,
    measured,
    offset,
)
from detailer.core.regions.overlap import mask_share
from detailer.stages.mask import Mask, reshape
from tests.golden.loader import Case, cases, check

ORDERS: tuple[Order, ...] = ("found", "left-right", "centre-edge", "large-small")
MERGES = {
    0: "none", "None": "none",
    1: "merge", "Merge": "merge",
    2: "merge_and_invert", "Merge and Invert": "merge_and_invert",
}  # fmt: skip


@cases("10_adetailer_masks")
def test_masks_and_boxes_come_out_as_adetailers(case: Case) -> None:
    check(
        case,
        {
            "offset": moved,
            "dilate_erode": grown,
            "preprocess": preprocessed,
            "merge_invert": merged,
            "intersection": intersecting,
            "all_black": black,
            "sort": in_order,
            "k_by": best,
            "ratio": by_ratio,
            "chain": chain,
            "bbox_from_mask": boxes_of_masks,
            "mask_from_bbox": masks_of_boxes,
            "denoise": denoise,
            "crop_size": crop_size,
        },
    )


def regions_of(*masks: np.ndarray) -> Regions:
    """Every mask as a region of its own, empty ones too."""
    size = size_of(masks[0]) if masks else Size(1, 1)
    mattes = (Matte(unit(mask), size.box).trimmed() for mask in masks)
    return Regions(size, tuple(Region(matte.box, matte) for matte in mattes))


def same_masks(regions: Regions, masks: list[np.ndarray]) -> None:
    meant = regions.filter(lambda region: not region.mask.empty)
    assert len(meant) == len(masks)
    for region, mask in zip(meant, masks, strict=True):
        assert np.array_equal(to_bytes(region.mask.within(regions.size.box)), mask)


def same_mask(regions: Regions, mask: np.ndarray) -> None:
    assert np.array_equal(regions.to_mask(dtype=np.uint8), mask)


def moved(case: Case) -> None:
    x, y = case.params["x"], case.params["y"]
    same_mask(offset(regions_of(case.inputs["mask"]), x, y, wrap=True), case.outputs["result"])


def grown(case: Case) -> None:
    regions = grow(regions_of(case.inputs["mask"]), case.params["value"], lopsided=True)
    same_mask(regions, case.outputs["result"])


def preprocessed(case: Case) -> None:
    params = case.params
    settings = Mask(
        dilation=params["kernel"],
        offset_x=params["x_offset"],
        offset_y=params["y_offset"],
        merge=MERGES[params["merge_invert"]],
        wrap=True,
        compatible=True,
    )
    same_masks(reshape(regions_of(*case.inputs["masks"]), settings), case.outputs["masks"])


def merged(case: Case) -> None:
    settings = Mask(dilation=0, merge=MERGES[case.params["mode"]], compatible=True)
    same_masks(reshape(regions_of(*case.inputs["masks"]), settings), case.outputs["masks"])


def intersecting(case: Case) -> None:
    first, second = regions_of(case.inputs["im1"], case.inputs["im2"])
    assert (mask_share(first, second) > 0) == case.outputs["result"]


def black(case: Case) -> None:
    (region,) = regions_of(case.inputs["mask"])
    assert region.mask.empty == case.outputs["result"]


def predicted(inputs: dict[str, Any]) -> Regions:
    """Boxes with their scores; the mask's number rides along as the id."""
    size = Size(*inputs["image_wh"])
    found = zip(inputs["bboxes"], inputs["mask_ids"], inputs["confidences"], strict=True)
    return Regions(
        size,
        tuple(
            Region(Box(*box), box_mask(Box(*box), size), id=str(number), score=score)
            for box, number, score in found
        ),
    )


def same_boxes(regions: Regions, outputs: dict[str, Any], scores: bool = True) -> None:
    assert [list(region.box) for region in regions] == outputs["bboxes"]
    assert [int(region.id) for region in regions] == outputs["mask_ids"]
    if scores:
        assert [region.score for region in regions] == outputs["confidences"]


def in_order(case: Case) -> None:
    # ADetailer leaves the scores behind when it sorts; a region keeps its own.
    regions = predicted(case.inputs).sorted(ORDERS[case.params["order"]])
    same_boxes(regions, case.outputs, scores=False)


def largest_first(regions: Regions, count: int, by: str) -> Regions:
    if count == 0:
        return regions
    # ADetailer takes the end of an ascending order, backwards: of two equal ones the later.
    rising = regions.sorted(measured("area" if by == "Area" else "score"))
    return rising[-count:].sorted("found", descending=True)


def best(case: Case) -> None:
    regions = largest_first(predicted(case.inputs), case.params["k"], case.params["by"])
    same_boxes(regions, case.outputs)


def by_ratio(case: Case) -> None:
    same_boxes(
        by_share(predicted(case.inputs), case.params["low"], case.params["high"]), case.outputs
    )


def chain(case: Case) -> None:
    regions = largest_first(by_share(predicted(case.inputs), 0, 0.6), 3, "Area")
    same_boxes(regions.sorted(ORDERS[case.params["order"]]), case.outputs, scores=False)


def boxes_of_masks(case: Case) -> None:
    # ADetailer brings masks of another size to the picture's with Pillow's default.
    size = tuple(case.params["shape_wh"])
    found = []
    for mask in case.inputs["masks"]:
        fitted = np.asarray(Image.fromarray(mask).resize(size))
        found += [list(r.box) for r in Regions.from_mask(fitted, Trace(combined=True, drop_size=0))]
    assert found == case.outputs["bboxes"]


def masks_of_boxes(case: Case) -> None:
    size = Size(*case.params["shape_wh"])
    mattes = [box_mask(Box(*box), size, compatible=True) for box in case.params["bboxes"]]
    regions = Regions(size, tuple(Region(matte.box, matte) for matte in mattes))
    same_masks(regions, case.outputs["masks"])


def denoise(case: Case) -> None:
    params = case.params
    ours = dynamic_denoise(
        params["denoise_power"],
        params["denoise_strength"],
        Box(*params["bbox"]),
        Size(*params["image_wh"]),
    )
    np.testing.assert_allclose(ours, case.outputs["result"], rtol=1e-12)


def crop_size(case: Case) -> None:
    params = case.params
    size, box = Size(params["inpaint_width"], params["inpaint_height"]), Box(*params["bbox"])
    for mode, name in (("strict", "sdxl"), ("free", "free")):
        ours = optimal_size(size, box, mode)
        assert [ours.width, ours.height] == case.outputs[name]
