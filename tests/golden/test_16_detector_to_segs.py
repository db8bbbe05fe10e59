"""What a detector gives, as the nodes make SEGS of it."""

from __future__ import annotations

import numpy as np

from detailer.core.geometry import Box, Size
from detailer.core.region import Region
from detailer.core.regions import Regions, box_mask, by_size, grow, unletterboxed
from tests.golden.loader import Case, cases, check
from tests.golden.segs import assert_masks, cropped


@cases("16_detector_to_segs")
def test_what_a_detector_gives_becomes_the_nodes_segs(case: Case) -> None:
    check(
        case,
        {"bbox": segs, "segm": segs, "bbox_combined": union, "segm_combined": union},
    )


def found(case: Case) -> Regions:
    """Boxes over the threshold with their masks, grown as the nodes do: never shrunk."""
    params, masks = case.params, case.inputs.get("yolo_masks")
    height, width = params["image_hw"]
    size = Size(width, height)
    items = []
    for i, sides in enumerate(params["boxes"]):
        # The nodes hold boxes and scores as float32.
        box = Box(*(float(np.float32(side)) for side in sides))
        mask = box_mask(box, size, compatible=True)
        if masks is not None:
            mask = unletterboxed(masks[i], size, compatible=True)
        label = params["names"][str(params["classes"][i])]
        items.append(Region(box, mask, label, float(np.float32(params["confidences"][i]))))
    threshold = float(np.float32(params["threshold"]))
    regions = Regions(size, tuple(items)).filter(lambda region: region.score >= threshold)
    return grow(regions, max(0, params["dilation"]), lopsided=True)


def segs(case: Case) -> None:
    params, expected = case.params, case.outputs["segs"]
    regions = cropped(by_size(found(case), max(1, params["drop_size"])), params["crop_factor"])
    assert [list(region.box) for region in regions] == [seg["bbox"] for seg in expected]
    for region, seg in zip(regions, expected, strict=True):
        assert region.crop is not None
        assert list(region.crop) == seg["crop_region"]
        assert region.label == seg["label"]
        assert [region.score] == seg["confidence"]
        assert_masks(region.mask.within(region.crop), seg["cropped_mask"].astype(np.float32), 1e-5)


def union(case: Case) -> None:
    regions, expected = found(case), case.outputs["mask"]
    if expected is None:
        assert not regions.items
    else:
        assert_masks(regions.to_mask("float-bits"), np.asarray(expected, np.float32), 1e-5)
