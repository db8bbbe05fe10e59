"""Arithmetic on masks."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from detailer.core.arithmetic import above, added, common, either, truncated, unit, without
from detailer.errors import InputError

alphas = arrays(np.float32, (4, 5), elements=st.floats(0, 1, width=32))


@given(alphas, alphas)
def test_the_common_part_and_the_rest_make_the_whole(a: np.ndarray, b: np.ndarray) -> None:
    np.testing.assert_allclose(without(a, b) + common(a, b), a, atol=1e-6)


@given(alphas, alphas)
def test_union_and_common_part_hold_each_other(a: np.ndarray, b: np.ndarray) -> None:
    assert np.array_equal(common(a, b), common(b, a))
    assert np.array_equal(either(a, b), either(b, a))
    assert (common(a, b) <= a).all()
    assert (either(a, b) >= a).all()
    assert np.array_equal(common(a, either(a, b)), a)


@given(alphas, alphas, st.sampled_from(["true", "8-bit", "float-bits"]))
def test_every_arithmetic_stays_in_0_to_1(a: np.ndarray, b: np.ndarray, arithmetic: str) -> None:
    for verb in (common, either, without):
        result = verb(a, b, arithmetic)
        assert result.dtype == np.float32
        assert result.min() >= 0
        assert result.max() <= 1


@given(alphas)
def test_sums_saturate(a: np.ndarray) -> None:
    assert np.array_equal(added(a, np.ones_like(a)), np.ones_like(a))


def test_bits_in_bytes_are_not_a_minimum() -> None:
    a, b = (np.full((1, 1), level / 255, np.float32) for level in (128, 127))
    assert common(a, b, "8-bit") == 0
    assert either(a, b, "8-bit") == 1
    assert common(a, b) == b
    assert either(a, b) == a


def test_bits_of_floats_make_one_of_two_greys() -> None:
    a, b = (np.full((1, 1), value, np.float32) for value in (0.3, 0.7))
    assert either(a, b, "float-bits") == 1
    assert common(a, np.ones_like(a), "float-bits") < a


def test_a_threshold_is_not_above_itself() -> None:
    assert above(np.array([[0.5, 0.6]], np.float32), 0.5).tolist() == [[0, 1]]


def test_every_byte_survives_the_way_there_and_back() -> None:
    levels = np.arange(256, dtype=np.uint8)[None]
    assert np.array_equal(truncated(unit(levels)), levels)


@pytest.mark.parametrize(
    ("values", "dtype"),
    [([0, 255], np.uint8), ([0, 65535], np.uint16), ([False, True], bool), ([-3, 7], float)],
)
def test_masks_of_all_kinds_become_0_to_1(values: list[float], dtype: type) -> None:
    result = unit(np.array([values], dtype))
    assert result.dtype == np.float32
    assert result.tolist() == [[0, 1]]


def test_what_is_not_a_number_is_not_masked() -> None:
    assert unit(np.array([[np.nan, 0.5]])).tolist() == [[0, 0.5]]


def test_a_mask_of_integers_is_refused_with_its_dtype() -> None:
    with pytest.raises(InputError, match="int64"):
        unit(np.zeros((2, 2), np.int64))
