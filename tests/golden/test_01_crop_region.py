"""Golden 01: the crop around a box."""

from __future__ import annotations

import pytest

from detailer.core.context import crop_region, moved_inside
from detailer.core.geometry import Box, Size
from detailer.errors import InputError
from tests.golden.loader import Case, cases, check


def check_region(case: Case) -> None:
    params = case.params
    left, top, right, bottom = params["bbox"]
    if right < left or bottom < top:
        # The peer computes on with a box that ends before it starts; ours refuses it.
        with pytest.raises(InputError, match="ends before it starts"):
            Box(*params["bbox"])
        return
    crop = crop_region(
        Box(*params["bbox"]),
        Size(params["w"], params["h"]),
        params["crop_factor"],
        params["crop_min_size"] or 0,
    )
    assert list(crop) == case.recorded["outputs"]


def check_normalize(case: Case) -> None:
    params = case.params
    moved = moved_inside(params["limit"], params["startp"], params["size"])
    assert list(moved) == case.recorded["outputs"]


CHECKS = {
    "random": check_region,
    "border": check_region,
    "float": check_region,
    "degenerate": check_region,
    "normalize": check_normalize,
}


@cases("01_crop_region")
def test_the_crop_is_the_nodes(case: Case) -> None:
    check(case, CHECKS)
