"""The seam: a drift is read off the ring and taken off, and a seam can be measured."""

from __future__ import annotations

import numpy as np
import pytest

from detailer.core.geometry import Size
from detailer.core.seam import drift, ring_around, seam_jump
from tests.engines.contract import shapes

MASK = np.zeros((96, 96), np.float32)
MASK[32:64, 32:64] = 1


def drifted(pixels: np.ndarray) -> np.ndarray:
    return (pixels * [0.95, 1.03, 1.0] + [0.03, -0.02, 0.01]).astype(np.float32)


def test_a_drift_of_gain_and_bias_is_taken_off_the_whole_crop() -> None:
    original = shapes(Size(96, 96), blur=6)
    painted = drifted(original)
    found = drift(painted, original, MASK)
    assert found is not None
    assert np.abs(painted - original).max() > 0.01
    assert np.abs(found.undone(painted) - original).max() < 2e-3


def test_what_was_repainted_tells_nothing_of_the_drift() -> None:
    original = shapes(Size(96, 96), blur=6)
    painted = drifted(original)
    other = painted.copy()
    other[40:56, 40:56] = [1, 0, 0]
    first, second = drift(painted, original, MASK), drift(other, original, MASK)
    assert first is not None
    assert second is not None
    np.testing.assert_allclose(first.gain, second.gain, atol=0.02)
    np.testing.assert_allclose(first.bias, second.bias, atol=0.02)


def test_a_flat_ring_gives_a_bias_and_no_gain() -> None:
    original = np.full((96, 96, 3), 0.5, np.float32)
    found = drift(original + 0.02, original, MASK)
    assert found is not None
    assert found.gain.tolist() == [1, 1, 1]
    assert found.bias == pytest.approx([-0.02] * 3, abs=1e-6)


def test_without_a_ring_there_is_no_drift_to_see() -> None:
    picture = shapes(Size(96, 96))
    assert drift(picture, picture, np.ones((96, 96), np.float32)) is None
    assert drift(picture, picture, np.zeros((96, 96), np.float32)) is None


def test_the_ring_holds_nothing_that_may_change_and_nothing_far_away() -> None:
    ring = ring_around(MASK)
    assert not (ring & (MASK > 0)).any()
    assert ring[30, 48]
    assert not ring[2, 2]


def test_a_seam_is_what_pasting_adds_where_the_mask_goes_over() -> None:
    original = shapes(Size(96, 96), blur=6)
    assert seam_jump(original, original, MASK) == 0
    assert seam_jump(original + 0.1, original, MASK) == pytest.approx(0.1, rel=1e-4)
    assert seam_jump(original + 0.1, original, np.ones_like(MASK)) == 0
