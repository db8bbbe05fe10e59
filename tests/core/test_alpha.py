"""Verbs on mask arrays."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from detailer.core.alpha import (
    blur,
    dilate,
    ellipse,
    enclosed,
    fill_holes,
    gaussian,
    high_pass,
    with_holes,
)
from detailer.core.geometry import Box
from detailer.errors import InputError

shapes = array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=24)
alphas = arrays(np.float32, shapes, elements=st.sampled_from([0, 0.25, 0.5, 1]))


@given(alphas, st.integers(-30, 30))
def test_growth_only_adds_and_shrinking_only_takes(alpha: np.ndarray, amount: int) -> None:
    changed = dilate(alpha, amount)
    assert changed.shape == alpha.shape
    assert (changed >= alpha).all() if amount >= 0 else (changed <= alpha).all()


@given(alphas, st.integers(0, 15).map(lambda half: 2 * half + 1))
def test_what_is_grown_and_shrunk_again_is_still_there(alpha: np.ndarray, side: int) -> None:
    assert (dilate(dilate(alpha, side), -side) >= alpha).all()
    assert (dilate(dilate(alpha, -side), side) <= alpha).all()


def test_an_even_side_reaches_further_to_the_right_and_down() -> None:
    alpha = np.zeros((21, 21), np.float32)
    alpha[10, 10] = 1
    rows, columns = np.nonzero(dilate(alpha, 10))
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (6, 15, 6, 15)


@given(alphas, st.integers(0, 40), st.floats(0.1, 100))
def test_blurred_masks_stay_between_their_extremes(
    alpha: np.ndarray, radius: int, sigma: float
) -> None:
    for soft in (blur(alpha, radius, sigma), gaussian(alpha, radius, sigma)):
        assert soft.shape == alpha.shape
        assert soft.min() >= alpha.min() - 1e-5
        assert soft.max() <= alpha.max() + 1e-5


def test_a_gaussian_refuses_what_it_cannot_be() -> None:
    with pytest.raises(InputError, match="sigma=0"):
        gaussian(np.zeros((9, 9), np.float32), 2, 0)


@given(alphas)
def test_filling_holes_twice_changes_no_more(alpha: np.ndarray) -> None:
    filled = fill_holes(alpha)
    assert (filled >= alpha).all()
    assert np.array_equal(fill_holes(filled), filled)


def test_a_hole_is_filled_and_a_bay_is_not() -> None:
    ring = np.zeros((7, 7), np.float32)
    ring[1:6, 1:6] = 0.5
    ring[3, 3] = 0
    assert fill_holes(ring)[3, 3] == 1
    ring[0:3, 3] = 0
    assert fill_holes(ring)[3, 3] == 0


@given(alphas, st.floats(0, 1))
def test_a_high_pass_keeps_or_clears(alpha: np.ndarray, threshold: float) -> None:
    passed = high_pass(alpha, threshold)
    kept = alpha >= np.float32(threshold)
    assert np.array_equal(passed[kept], alpha[kept])
    assert not passed[~kept].any()


@given(st.floats(6, 40), st.floats(6, 40), st.floats(0, 3), st.floats(0, 3))
def test_an_ellipse_has_its_area_and_stays_in_its_box(
    width: float, height: float, left: float, top: float
) -> None:
    alpha = ellipse((48, 48), Box(left, top, left + width, top + height))
    assert math.isclose(alpha.sum(), math.pi * width * height / 4, rel_tol=0.03)
    rows, columns = np.nonzero(alpha > 0.5)
    assert columns.min() >= left - 1
    assert columns.max() + 1 <= left + width + 1
    assert rows.min() >= top - 1
    assert rows.max() + 1 <= top + height + 1


def test_an_empty_box_has_no_ellipse() -> None:
    assert not ellipse((5, 5), Box(2, 2, 2, 4)).any()


def ring(side: int, hole: int) -> np.ndarray:
    alpha = np.ones((side, side), np.float32)
    start = (side - hole) // 2
    alpha[start : start + hole, start : start + hole] = 0
    return alpha


@pytest.mark.parametrize(("hole", "left"), [(3, 0), (4, 0), (6, 36), (12, 144)])
def test_growth_closes_small_holes_and_leaves_larger_ones_as_they_were(
    hole: int, left: int
) -> None:
    alpha = np.pad(ring(30, hole), 4)
    grown = with_holes(dilate(alpha, 5), alpha)
    assert (grown[4:34, 4:34] == 0).sum() == left
    assert grown[2:36, 2:36].sum() == 34**2 - left


@given(alphas, st.integers(1, 15))
def test_a_hole_is_kept_whole_or_closed_whole(alpha: np.ndarray, amount: int) -> None:
    larger = dilate(alpha, amount)
    kept = with_holes(larger, alpha)
    outside = ~enclosed(alpha <= 0)
    assert np.array_equal(kept[outside], larger[outside])
    assert ((kept == larger) | (kept == alpha)).all()
