"""MASK to SEGS, as recorded from the nodes."""

from __future__ import annotations

from typing import Any

import numpy as np

from detailer.core.regions import Regions, Trace, fill_boxes, recut
from tests.golden.loader import Case, cases, check
from tests.golden.segs import assert_masks, assert_same, cropped, size_of


@cases("02_mask_to_segs")
def test_regions_of_a_mask_are_those_of_the_nodes(case: Case) -> None:
    check(case, {"contour": traced, "combined": combined, "batch": batch})


def trace_of(params: dict[str, Any], **changes: Any) -> Trace:
    return Trace(
        combined=params["combined"],
        contour_fill=params.get("is_contour", False),
        bbox_fill=params["bbox_fill"],
        drop_size=max(1, params["drop_size"]),
        label=params["label"],
        compatible=True,
    ).but(**changes)


def traced(case: Case) -> None:
    params = case.params
    regions = Regions.from_mask(case.inputs["mask"], trace_of(params))
    assert_same(cropped(regions, params["crop_factor"], params["crop_min_size"]), case.outputs)


def combined(case: Case) -> None:
    # The nodes fill a combined box by its picture coordinates inside the crop.
    params = case.params
    regions = Regions.from_mask(case.inputs["mask"], trace_of(params, bbox_fill=False))
    regions = cropped(regions, params["crop_factor"])
    if params["bbox_fill"]:
        regions = fill_boxes(regions, compatible=True)
    assert_same(regions, case.outputs)


def batch(case: Case) -> None:
    if case.function.endswith("batch_mask_to_segs"):
        frames(case)
    else:
        traced(case)


def frames(case: Case) -> None:
    """Regions of all frames together, and each frame's own mask under their crops."""
    params, mask, segs = case.params, case.inputs["mask"], case.outputs
    regions = Regions.from_mask(mask.max(axis=0), trace_of(params, contour_fill=True))
    regions = cropped(regions, params["crop_factor"])
    assert regions.size == size_of(segs["header"])
    assert [list(region.box) for region in regions] == [seg["bbox"] for seg in segs["segs"]]
    for region, seg in zip(regions, segs["segs"], strict=True):
        assert list(region.crop or ()) == seg["crop_region"]
        ours = np.stack([recut(region, frame).mask.alpha for frame in mask])
        assert_masks(ours, seg["cropped_mask"])
