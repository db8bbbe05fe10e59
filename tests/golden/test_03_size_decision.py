"""Golden 03: how large a crop is painted, or why it is skipped."""

from __future__ import annotations

import pytest

from detailer.core.geometry import Box, Size
from detailer.errors import InputError
from detailer.stages.crop import Crop, Enlargement, enlargement
from tests.golden.loader import Case, cases, check

REASONS = {"big": "large already", "upscale<=1": "no enlargement", "zero": "zero size"}


def settings(case: Case) -> Crop:
    params = case.params
    limit = min(params["max_size"], 4096) if params["aitemplate"] else params["max_size"]
    return Crop(
        guide_size=params["guide_size"],
        guide_size_for="bbox" if params["guide_size_for_bbox"] else "crop_region",
        max_size=limit,
        force_inpaint=params["force_inpaint"],
        compatible=True,
    )


def check_decision(case: Case) -> None:
    left, top, right, bottom = case.params["bbox"]
    if right < left or bottom < top:
        with pytest.raises(InputError, match="ends before it starts"):
            Box(left, top, right, bottom)
        return
    window = Size(case.params["crop_w"], case.params["crop_h"])
    ours = enlargement(window, Box(left, top, right, bottom), settings(case))
    theirs = case.recorded["outputs"]
    if case.raises:
        assert ours == "zero size"
    elif theirs["skip"]:
        assert isinstance(ours, str)
        assert ours.startswith(REASONS[theirs["reason"]])
    else:
        assert isinstance(ours, Enlargement)
        assert ours.size == Size(theirs["new_w"], theirs["new_h"])
        assert ours.scale == pytest.approx(theirs["upscale"], rel=1e-12)
        assert ours.forced == theirs["forced"]


CHECKS = dict.fromkeys(
    ["random", "threshold", "extreme", "aitemplate", "degenerate"], check_decision
)


@cases("03_size_decision")
def test_the_painted_size_is_the_nodes(case: Case) -> None:
    check(case, CHECKS)
