"""Regions: what was found in one picture, and the verbs on all of it together."""

from detailer.core.regions.algebra import (
    Coverage,
    concat,
    covered,
    intersect,
    intersect_each,
    merge,
    merge_and_invert,
    subtract,
    to_mask,
)
from detailer.core.regions.collection import Regions
from detailer.core.regions.from_mask import Trace, recut
from detailer.core.regions.letterbox import box_mask, letterbox, unletterboxed
from detailer.core.regions.offset import offset
from detailer.core.regions.order import Order
from detailer.core.regions.overlap import by_overlap, mask_overlap, suppress
from detailer.core.regions.reshape import (
    assign_labels,
    blur,
    fill_boxes,
    fill_holes,
    grow,
    high_pass,
    invert,
    scale_boxes,
    shape,
)
from detailer.core.regions.scaling import scaled_to
from detailer.core.regions.select import (
    by_label,
    by_measure,
    by_share,
    by_size,
    measured,
    pick,
    split,
    top_k,
)
from detailer.core.regions.tiles import Filters, Tile, make_tiles

__all__ = [
    "Coverage",
    "Filters",
    "Order",
    "Regions",
    "Tile",
    "Trace",
    "assign_labels",
    "blur",
    "box_mask",
    "by_label",
    "by_measure",
    "by_overlap",
    "by_share",
    "by_size",
    "concat",
    "covered",
    "fill_boxes",
    "fill_holes",
    "grow",
    "high_pass",
    "intersect",
    "intersect_each",
    "invert",
    "letterbox",
    "make_tiles",
    "mask_overlap",
    "measured",
    "merge",
    "merge_and_invert",
    "offset",
    "pick",
    "recut",
    "scale_boxes",
    "scaled_to",
    "shape",
    "split",
    "subtract",
    "suppress",
    "to_mask",
    "top_k",
    "unletterboxed",
]
