"""Colour at the seam: what a VAE does to all of a crop does not show in the picture."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pytest

from detailer.core.geometry import Box, Size
from detailer.core.plan import Cutout, Painted
from detailer.flow import Detailer
from detailer.recipe import Recipe
from tests.engines.contract import shapes
from tests.fakes import finds

PICTURE = shapes(Size(128, 128), 3, blur=6)
FACE = Box(48, 48, 80, 80)


def through_a_vae(cutouts: Sequence[Cutout], /) -> Iterator[Painted]:
    """Changes nothing but the colours, everywhere."""
    for cutout in cutouts:
        pixels = cutout.pixels * np.float32([0.96, 1.04, 1]) + np.float32([0.03, -0.02, 0.02])
        yield Painted(cutout.patch, pixels.clip(0, 1).astype(np.float32), drifts=True)


def finished(**blend: Any) -> tuple[np.ndarray, Painted]:
    recipe = Recipe(crop={"guide_size": 64}, paint={"noise_mask_feather": 4}, blend=blend)
    run = Detailer(finds(FACE), through_a_vae, recipe)
    steps = list(run.steps(PICTURE))
    (painted,) = [step for step in steps if isinstance(step, Painted)]
    return steps[-1].pixels, painted  # type: ignore[union-attr]


def test_a_drift_of_the_whole_crop_is_taken_off_before_pasting() -> None:
    matched, painted = finished()
    plain, _ = finished(color_match="off")
    assert np.abs(plain - PICTURE)[48:80, 48:80].mean() > 0.008
    assert np.abs(matched - PICTURE)[48:80, 48:80].mean() < 0.002
    assert painted.notes["seam_after"] < 0.2 * painted.notes["seam_before"]


def test_without_matching_there_is_nothing_to_tell_of_the_seam() -> None:
    _, painted = finished(color_match="off")
    assert "seam_before" not in painted.notes


@pytest.mark.parametrize(("wish", "matched"), [("auto", False), ("on", True), ("off", False)])
def test_painters_that_drift_not_are_matched_only_on_demand(wish: str, matched: bool) -> None:
    def brighter(cutouts: Sequence[Cutout], /) -> Iterator[Painted]:
        for answer in through_a_vae(cutouts):
            yield Painted(answer.patch, answer.pixels)

    recipe = Recipe(crop={"guide_size": 64}, blend={"color_match": wish})
    run = Detailer(finds(FACE), brighter, recipe)
    (painted,) = [step for step in run.steps(PICTURE) if isinstance(step, Painted)]
    assert ("seam_after" in painted.notes) is matched
