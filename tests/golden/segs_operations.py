"""Set 06: what the nodes do to SEGS, through our verbs."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from detailer.core.geometry import Size
from detailer.core.region import Region
from detailer.core.regions import (
    Regions,
    assign_labels,
    blur,
    by_label,
    by_measure,
    concat,
    grow,
    intersect,
    intersect_each,
    measured,
    merge,
    pick,
    scale_boxes,
    scaled_to,
    subtract,
)
from detailer.core.regions.select import Measure
from detailer.errors import InputError
from tests.golden.loader import Case
from tests.golden.segs import assert_masks, assert_same, plane, regions_of

MEASURES: dict[str, tuple[Measure, float]] = {
    "area(=w*h)": ("area", 1),
    "width": ("width", 1),
    "height": ("height", 1),
    "x1": ("left", 1),
    "y1": ("top", 1),
    "x2": ("right", 1),
    "y2": ("bottom", 1),
    "length_percent": ("aspect", 100),
    "confidence(0-100)": ("score", 100),
    "confidence": ("score", 1),
}


def given(case: Case) -> Regions:
    return regions_of(case.inputs["segs"])


def common(case: Case) -> None:
    assert_same(intersect(given(case), plane(case.inputs["mask"]), "8-bit"), case.outputs)


def left(case: Case) -> None:
    assert_same(subtract(given(case), plane(case.inputs["mask"]), "8-bit"), case.outputs)


def common_each(case: Case) -> None:
    masks = [plane(mask) for mask in case.inputs["masks"]]
    assert_same(intersect_each(given(case), masks, "8-bit"), case.outputs)


def combined(case: Case) -> None:
    assert_masks(given(case).to_mask("8-bit"), case.outputs["mask"])


def separate(case: Case) -> None:
    regions = given(case)
    for region, mask in zip(regions, case.outputs["masks"], strict=True):
        assert_masks(region.mask.within(regions.size.box), mask)


def dilated(case: Case) -> None:
    grown = grow(given(case), case.params["factor"], within="crop", lopsided=True)
    assert_same(grown, case.outputs)


def blurred(case: Case) -> None:
    params = case.params
    soft = blur(given(case), params["kernel_size"], params["sigma"], within="crop")
    assert_same(soft, case.outputs, within=1e-5)


def merged(case: Case) -> None:
    assert_same(merge(given(case), "8-bit"), case.outputs)


def scaled(case: Case) -> None:
    _, height, width, _ = case.params["target_shape"]
    if case.raises:
        with pytest.raises(InputError):
            scaled_to(given(case), Size(width, height), compatible=True)
        return
    outputs = case.outputs
    for seg in outputs["segs"]:
        # Theirs may end before it starts; ours is empty then.
        box = seg["bbox"]
        seg["bbox"] = [*box[:2], max(box[0], box[2]), max(box[1], box[3])]
    assert_same(scaled_to(given(case), Size(width, height), compatible=True), outputs, 1e-5)


def box_scaled(case: Case) -> None:
    assert_same(scale_boxes(given(case), case.params["scale_by"], compatible=True), case.outputs)


def labelled(case: Case) -> None:
    regions, labels = given(case), case.params["labels"]
    assert_same(by_label(regions, labels), case.outputs["filtered"])
    assert_same(by_label(regions, labels, outside=True), case.outputs["remained"])


def named(case: Case) -> None:
    assert_same(assign_labels(given(case), case.params["labels"]), case.outputs)


def measure_of(target: str) -> Callable[[Region], float]:
    """The nodes measure the crop, not the box."""
    measure, factor = MEASURES[target]
    length = measured(measure, of="crop")
    return lambda region: length(region) * factor


def ranked(case: Case) -> None:
    params = case.params
    regions = given(case).sorted(measure_of(params["target"]), descending=params["order"])
    start, end = params["take_start"], params["take_start"] + params["take_count"]
    assert_same(regions[start:end], case.outputs["filtered"])
    assert_same(regions[:start] + regions[end:], case.outputs["remained"])


def ranged(case: Case) -> None:
    regions, params = given(case), case.params
    measure = measure_of(params["target"])
    low, high, inside = params["min_value"], params["max_value"], params["mode"]
    passed = by_measure(regions, measure, low, high, outside=not inside)
    assert_same(passed, case.outputs["filtered"])
    others = by_measure(regions, measure, low, high, outside=inside)
    assert_same(others, case.outputs["remained"])


def picked(case: Case) -> None:
    """Numbers from 1 in a text; what is none is passed over, and a set gives the order."""
    regions = given(case)
    texts = (text.strip() for text in case.params["picks"].split(","))
    numbers = {int(text) for text in texts if text.removeprefix("-").isdigit()}
    known = [number - 1 for number in numbers if 1 <= number <= len(regions)]
    assert_same(pick(regions, known), case.outputs)


def joined(case: Case) -> None:
    parts = [regions_of(case.inputs[name]) for name in case.params["order"]]
    assert_same(concat(parts, skip_others=True), case.outputs)


OPERATIONS: dict[str, Callable[[Case], None]] = {
    "segs_bitwise_and_mask": common,
    "segs_bitwise_subtract_mask": left,
    "and_foreach": common_each,
    "combined_mask": combined,
    "masklist": separate,
    "dilate_segs": dilated,
    "blur_segs": blurred,
    "merge": merged,
    "scale_match": scaled,
    "scale_match_img": scaled,
    "bbox_scale": box_scaled,
    "label_filter": labelled,
    "label_assign": named,
    "ordered_filter": ranked,
    "range_filter": ranged,
    "concat": joined,
    "picker": picked,
}
"""By stratum."""
