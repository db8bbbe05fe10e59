"""Eyes: where the landmarks are, both in one region, turned as the face is."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detailer.core.geometry import Box, Point, Size
from detailer.core.region import Region
from detailer.core.regions import Regions
from detailer.engines.detectors.eyes import Eyes
from detailer.stages.detect import Detector
from tests.engines.graphs import black
from tests.fakes import finds_regions

PICTURE = black(200, 160)
FACE = Box(50, 20, 150, 140)


def eyes_at(*eyes: Point) -> Detector:
    face = replace(Region.from_box(FACE, "face", 0.9), landmarks=eyes)
    return Eyes(finds_regions(Regions(Size(200, 160), (face,))))


def test_both_eyes_of_a_face_are_one_region_with_a_mask_over_each() -> None:
    (region,) = eyes_at((80, 60), (120, 60))(PICTURE)
    assert (region.label, region.score) == ("eyes", 0.9)
    alpha = region.mask.within(Box(0, 0, 200, 160))
    assert alpha[60, 80] == alpha[60, 120] == 1
    assert alpha[60, 100] == 0, "the bridge of the nose is not meant"
    assert alpha[:48].max() == 0, "nor are the brows"


@given(st.floats(50, 150), st.floats(40, 110), st.floats(-3.2, 3.2), st.floats(5, 40))
def test_the_mask_lies_in_the_box_and_ends_with_it(
    x: float, y: float, turn: float, half: float
) -> None:
    across, down = half * np.cos(turn), half * np.sin(turn)
    (region,) = eyes_at((x - across, y - down), (x + across, y + down))(PICTURE)
    assert region.mask.box == region.box.whole()
    tight = region.mask.trimmed().box
    assert region.box.grown(1).holds(tight)
    assert tight.grown(2).holds(region.box)


def test_eyes_that_are_turned_have_masks_that_are_turned() -> None:
    (level,) = eyes_at((80, 80), (120, 80))(PICTURE)
    (upright,) = eyes_at((100, 60), (100, 100))(PICTURE)
    assert upright.mask.alpha == pytest.approx(level.mask.alpha.T, abs=1e-5)


def test_a_face_from_the_side_has_eyes_as_high_as_its_box_says() -> None:
    (region,) = eyes_at((99.5, 60), (100.5, 60))(PICTURE)
    assert region.box.height > FACE.height / 10


def test_a_face_without_landmarks_or_with_eyes_outside_the_picture_has_none() -> None:
    assert len(eyes_at()(PICTURE)) == 0
    assert len(eyes_at((300, 60), (340, 60))(PICTURE)) == 0
