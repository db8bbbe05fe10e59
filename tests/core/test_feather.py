"""A fade follows the mask's own thickness, and never reaches further than it says."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detailer.core.feather import Feather, feather, feather_alpha, thickness
from detailer.core.geometry import Box
from detailer.core.matte import Matte
from tests.strategies import drawn_masks

SIDES = ("inside", "outside", "both")


def distance_to(alpha: np.ndarray) -> np.ndarray:
    """Exact pixels from each to the nearest that is masked."""
    return cv2.distanceTransform((alpha <= 0).astype(np.uint8), cv2.DIST_L2, 0)


def widest(alpha: np.ndarray, share: float) -> float:
    """The share of the diameter of the largest disc in a mask."""
    padded = np.pad((alpha > 0).astype(np.uint8), 1)
    return share * 2 * float(cv2.distanceTransform(padded, cv2.DIST_L2, 0).max())


@given(drawn_masks(), st.floats(0, 1), st.floats(0, 60), st.sampled_from(SIDES))
def test_nothing_changes_further_away_than_the_share_of_its_thickness(
    alpha: np.ndarray, share: float, reach: float, side: str
) -> None:
    soft = feather_alpha(alpha, Feather(reach, share, side))
    limit = min(reach, widest(alpha, share)) * {"inside": 0, "outside": 1, "both": 0.5}[side]
    assert soft[distance_to(alpha) > limit + 1e-4].max(initial=0) == 0
    assert 0 <= soft.min() <= soft.max() <= alpha.max()


@given(drawn_masks(), st.floats(0, 1), st.sampled_from(SIDES))
def test_a_mask_and_the_rest_never_claim_a_pixel_both_at_full_strength(
    alpha: np.ndarray, share: float, side: str
) -> None:
    rest = (alpha == 0).astype(np.float32)
    ours, theirs = (feather_alpha(part, Feather(60, share, side)) for part in (alpha, rest))
    assert ours[rest > 0].max(initial=0) < 1
    assert theirs[alpha > 0].max(initial=0) < 1


@given(drawn_masks(), st.floats(0, 1), st.sampled_from(SIDES))
def test_what_a_mask_encloses_never_changes(alpha: np.ndarray, share: float, side: str) -> None:
    soft = feather_alpha(alpha, Feather(60, share, side))
    count, labels = cv2.connectedComponents((alpha == 0).astype(np.uint8), connectivity=4)
    border = {*labels[0], *labels[-1], *labels[:, 0], *labels[:, -1]}
    for hole in set(range(1, count)) - border:
        assert soft[labels == hole].max() == 0


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("share", [0.1, 0.5, 1])
def test_a_thin_mask_keeps_its_strength_in_the_middle(side: str, share: float) -> None:
    stroke = np.zeros((200, 200), np.float32)
    cv2.line(stroke, (20, 20), (180, 180), 1, 13)
    soft = feather_alpha(stroke, Feather(160, share, side))
    assert soft[np.arange(40, 160), np.arange(40, 160)].min() > 0.95


@pytest.mark.parametrize(("side", "inner", "outer"), [("outside", 1, 8), ("both", 0.7, 4)])
def test_sides_say_where_the_fade_lies(side: str, inner: float, outer: float) -> None:
    disc = cv2.circle(np.zeros((140, 140), np.float32), (70, 70), 40, 1, -1)
    soft = feather_alpha(disc, Feather(50, 0.1, side))
    assert soft[70, 109] >= inner
    assert soft[70, 70] == 1
    assert 0 < soft[70, 110 + outer // 2] < soft[70, 111] < 1
    assert soft[70, 111 + outer :].max() == 0


def test_inside_nothing_is_added_and_the_edge_has_faded() -> None:
    disc = cv2.circle(np.zeros((140, 140), np.float32), (70, 70), 40, 1, -1)
    soft = feather_alpha(disc, Feather(50, 0.1, "inside"))
    assert (soft <= disc).all()
    assert 0 < soft[70, 109] < 0.3
    assert soft[70, 70 + 31] == 1


def test_a_stick_on_a_disc_fades_as_a_stick_and_the_disc_as_a_disc() -> None:
    alpha = np.zeros((400, 400), np.float32)
    cv2.circle(alpha, (120, 200), 80, 1, -1)
    cv2.line(alpha, (200, 200), (390, 200), 1, 21)
    soft = feather_alpha(alpha, Feather(100, 0.2))
    beside, beyond = soft[:190, 330], soft[:120, 120]
    assert 2 <= np.count_nonzero(beside) <= 4
    assert 26 <= np.count_nonzero(beyond) <= 32


@pytest.mark.parametrize("side", SIDES)
def test_a_box_fades_alike_however_it_is_stored(side: str) -> None:
    box, area = Box(20, 30, 70, 80), Box(0, 0, 100, 100)
    how = Feather(20, 0.2, side)
    filled = feather(Matte.filled(box), area, how)
    stored = feather(Matte(np.ones(box.size.shape, np.float32), box), area, how)
    assert np.allclose(filled, stored, atol=0.1)
    assert np.array_equal(filled == 0, stored == 0) or side != "inside"


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("stored", [False, True])
def test_there_is_no_fade_towards_the_areas_edge(side: str, stored: bool) -> None:
    box, area = Box(0, 0, 40, 60), Box(0, 0, 100, 60)
    matte = Matte(np.ones(box.size.shape, np.float32), box) if stored else Matte.filled(box)
    soft = feather(matte, area, Feather(20, 0.2, side))
    assert (soft[:, :30] == 1).all()
    assert (np.ptp(soft, axis=0) < 1e-6).all()


@pytest.mark.parametrize("side", SIDES)
def test_grey_stays_grey(side: str) -> None:
    grey = np.zeros((80, 80), np.float32)
    grey[20:60, 20:60] = 0.4
    soft = feather_alpha(grey, Feather(20, 0.2, side))
    assert soft.max() == np.float32(0.4)
    assert soft[40, 40] == np.float32(0.4)


def test_a_soft_mask_keeps_its_ramp() -> None:
    ramp = np.tile(np.linspace(0, 1, 200, dtype=np.float32), (50, 1))
    soft = feather_alpha(ramp, Feather(20, 0.1))
    assert (soft >= ramp).all()
    assert (soft - ramp).max() < 0.06


@settings(max_examples=20)
@given(st.integers(600, 1400), st.sampled_from(SIDES))
def test_a_large_mask_keeps_to_its_reach_as_well(side_px: int, side: str) -> None:
    alpha = np.zeros((side_px, side_px), np.float32)
    cv2.ellipse(
        alpha, (side_px // 2, side_px // 2), (side_px // 3, side_px // 5), 30, 0, 360, 1, -1
    )
    cv2.circle(alpha, (side_px // 2, side_px // 2), side_px // 12, 0, -1)
    soft = feather_alpha(alpha, Feather(side_px, 0.1, side))
    limit = widest(alpha, 0.1) * {"inside": 0, "outside": 1, "both": 0.5}[side]
    assert soft[distance_to(alpha) > limit + 1e-4].max(initial=0) == 0
    assert soft[side_px // 2, side_px // 2] == 0


def test_the_thickness_is_that_of_the_largest_disc() -> None:
    disc = cv2.circle(np.zeros((90, 90), np.float32), (45, 45), 30, 1, -1)
    assert thickness(Matte(disc, Box(0, 0, 90, 90))) == pytest.approx(60, abs=2)
    assert thickness(Matte.filled(Box(5, 5, 25, 65))) == 20
    assert thickness(Matte(np.zeros((4, 4), np.float32), Box(0, 0, 4, 4))) == 0
