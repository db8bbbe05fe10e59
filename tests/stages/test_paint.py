"""Every region gets settings of its own, and the same ones whatever else is in the picture."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detailer.core.geometry import Box, Size
from detailer.core.region import Region
from detailer.stages.paint import Paint, resolved, stable_seed

PICTURE = Size(640, 640)
FACE = Region.from_box(Box(101, 201, 141, 241), label="face")


@given(st.floats(-3, 3), st.floats(-3, 3))
def test_a_face_found_a_little_elsewhere_keeps_its_seed(x: float, y: float) -> None:
    moved = replace(FACE, box=FACE.box.shifted(4 + x, 4 + y))
    assert stable_seed(7, moved, PICTURE) == stable_seed(7, FACE, PICTURE)


@given(st.sampled_from([0.5, 2, 4]))
def test_the_same_picture_at_another_size_keeps_its_seeds(factor: float) -> None:
    scaled = replace(FACE, box=FACE.box.scaled(factor, factor))
    size = Size(int(640 * factor), int(640 * factor))
    assert stable_seed(7, scaled, size) == stable_seed(7, FACE, PICTURE)


@pytest.mark.parametrize(
    "other",
    [
        replace(FACE, label="hand"),
        replace(FACE, box=FACE.box.shifted(20, 0)),
        replace(FACE, box=FACE.box.shifted(0, 20)),
    ],
)
def test_another_label_or_place_has_another_seed(other: Region) -> None:
    assert stable_seed(7, other, PICTURE) != stable_seed(7, FACE, PICTURE)
    assert stable_seed(8, FACE, PICTURE) != stable_seed(7, FACE, PICTURE)


def test_seeds_wrap_as_the_nodes_do() -> None:
    paint = Paint(seed=2**64 - 1, seed_mode="increment")
    assert resolved(paint, FACE, 3, PICTURE).seed == 2


def test_one_seed_for_all_is_had_by_name() -> None:
    assert resolved(Paint(seed=5, seed_mode="same"), FACE, 3, PICTURE).seed == 5


def test_a_region_as_large_as_the_picture_is_still_painted_a_little() -> None:
    whole = Region.from_box(PICTURE.box)
    assert 0 < resolved(Paint(denoise_power=2), whole, 0, PICTURE).denoise < 0.001


def test_larger_regions_depart_less_where_that_is_asked_for() -> None:
    paint = Paint(denoise=0.5, denoise_power=2)
    large = replace(FACE, box=Box(0, 0, 400, 400))
    small, big = (resolved(paint, region, 0, PICTURE).denoise for region in (FACE, large))
    assert 0.5 > small > big
    assert resolved(Paint(denoise=0.5), large, 0, PICTURE).denoise == 0.5
