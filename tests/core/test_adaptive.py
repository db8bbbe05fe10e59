"""What a region's size decides."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detailer.core.adaptive import SDXL_SIZES, dynamic_denoise, optimal_size
from detailer.core.geometry import Box, Size
from detailer.errors import InputError
from tests.strategies import boxes

PICTURE = Size(64, 64)


@given(boxes(PICTURE), st.floats(-10, 10), st.floats(0, 1))
def test_denoise_stays_in_0_to_1(box: Box, power: float, denoise: float) -> None:
    assert 0 <= dynamic_denoise(power, denoise, box, PICTURE) <= 1


@given(boxes(PICTURE), boxes(PICTURE), st.floats(0.1, 10))
def test_a_larger_region_is_changed_less(a: Box, b: Box, power: float) -> None:
    small, large = sorted((a, b), key=lambda box: box.area)
    assert dynamic_denoise(power, 0.5, large, PICTURE) <= dynamic_denoise(
        power, 0.5, small, PICTURE
    )


@given(boxes(PICTURE))
def test_without_a_power_denoise_is_as_given(box: Box) -> None:
    assert dynamic_denoise(0, 0.37, box, PICTURE) == 0.37


@pytest.mark.parametrize(("power", "denoise"), [(2, 0.0), (-2, 1.0)])
def test_the_whole_picture_has_an_end_not_an_error(power: float, denoise: float) -> None:
    assert dynamic_denoise(power, 0.5, Box(-1, -1, 70, 70), PICTURE) == denoise


@given(boxes(Size(500, 500)))
def test_a_free_size_keeps_the_longer_side_and_is_a_multiple_of_8(box: Box) -> None:
    size = optimal_size(Size(512, 768), box)
    assert max(size.width, size.height) == 768
    assert size.width % 8 == size.height % 8 == 0
    assert min(size.width, size.height) > 0
    assert (size.width > size.height) == (box.width > box.height) or size.width == size.height


@given(boxes(Size(1000, 1000)))
def test_a_strict_size_is_one_that_sdxl_knows(box: Box) -> None:
    size = optimal_size(Size(1024, 1024), box, "strict")
    assert size in SDXL_SIZES
    assert size.width >= box.width or size == Size(1024, 1024)


def test_a_box_no_sdxl_size_holds_is_painted_as_it_was() -> None:
    assert optimal_size(Size(700, 700), Box(0, 0, 2000, 2000), "strict") == Size(700, 700)


def test_off_changes_nothing() -> None:
    assert optimal_size(Size(700, 300), Box(0, 0, 9, 90), "off") == Size(700, 300)


def test_an_empty_box_is_refused() -> None:
    with pytest.raises(InputError, match="no aspect"):
        optimal_size(Size(512, 512), Box(4, 4, 4, 9))
