"""Found: which boxes are left, and what becomes of those beyond the picture."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from detailer.core.geometry import Box, Size
from detailer.core.region import Region
from detailer.core.regions import Regions
from detailer.engines.detectors.found import Found, apart, distinct, join

sides = st.integers(0, 40)
rows = st.lists(
    st.tuples(sides, sides, st.integers(1, 30), st.integers(1, 30), st.floats(0, 1)), max_size=12
)


def _arrays(items: list[tuple[int, int, int, int, float]]) -> tuple[np.ndarray, np.ndarray]:
    boxes = np.array([(x, y, x + w, y + h) for x, y, w, h, _ in items], float).reshape(-1, 4)
    return boxes, np.array([score for *_, score in items], float)


@given(rows, st.floats(0.05, 1))
def test_what_is_left_is_apart_and_what_is_gone_has_a_better_one(
    items: list[tuple[int, int, int, int, float]], overlap: float
) -> None:
    boxes, scores = _arrays(items)
    kept = distinct(boxes, scores, overlap)
    shape = [Box(*box) for box in boxes.tolist()]
    assert list(scores[kept]) == sorted(scores[kept], reverse=True)
    for place, i in enumerate(kept):
        assert all(shape[i].overlap(shape[j]) < overlap for j in kept[:place])
    for i in set(range(len(items))) - set(kept.tolist()):
        assert any(
            scores[j] >= scores[i] and shape[i].overlap(shape[j]) >= overlap - 1e-9 for j in kept
        )


def test_of_equal_boxes_the_first_stays() -> None:
    boxes = np.array([[0, 0, 10, 10], [0, 0, 10, 10], [20, 0, 30, 10]], float)
    assert distinct(boxes, np.array([0.5, 0.5, 0.5]), 0.5).tolist() == [0, 2]


def test_classes_do_not_displace_each_other() -> None:
    boxes = np.array([[0, 0, 10, 10]] * 3, float)
    found = Found(boxes, np.array([0.5, 0.9, 0.7]), np.zeros((3, 0, 2)), np.array([0, 1, 1]))
    left = found.distinct(0.5)
    assert (left.scores.tolist(), left.kinds.tolist()) == ([0.9, 0.5], [1, 0])


def test_nothing_found_stays_nothing() -> None:
    nothing = Found.of(np.zeros((0, 4)), np.zeros(0))
    assert len(join([nothing, nothing]).distinct(0.5).regions(Size(8, 8), ("face",))) == 0


def test_boxes_are_cut_off_at_the_edge_and_gone_beyond_it() -> None:
    boxes = np.array([[-5, 2, 5, 30], [20, 0, 30, 10], [-9, 0, 0, 9]], float)
    regions = Found.of(boxes, np.array([0.5, 0.6, 0.7])).regions(Size(20, 20), ("face",))
    assert [region.box for region in regions] == [Box(0, 2, 5, 20)]
    assert regions[0].mask.box == Box(0, 2, 5, 20)


def test_boxes_that_agree_are_averaged_by_their_scores_and_others_are_not() -> None:
    boxes = np.array([[0, 0, 10, 10], [2, 0, 12, 10], [6, 0, 16, 10], [40, 0, 50, 10]], float)
    landmarks = boxes[:, None, :2]
    scores = np.array([0.9, 0.3, 0.4, 0.5])
    found = Found(boxes, scores, landmarks, np.zeros(4, np.int64)).agreed(0.2)
    assert found.boxes.tolist() == [[0.5, 0, 10.5, 10], [40, 0, 50, 10]]
    assert found.landmarks[:, 0].tolist() == [[0.5, 0], [40, 0]]
    assert found.scores.tolist() == [0.9, 0.5]


EYES_AND_NOSE = [(30, 40), (70, 40), (50, 60), (35, 80), (65, 80)]


def _two(inner: tuple[int, int, int, int], surer: int = 0) -> Found:
    """A face of 100 px, and a box that may be a part of it."""
    boxes = np.array([(0, 0, 100, 100), inner], float)
    x, y = boxes[1, :2]
    own = [(x + 4, y + 4), (x + 8, y + 4), (x + 6, y + 6), (x + 4, y + 8), (x + 8, y + 8)]
    scores = np.array([0.9, 0.8]) if surer == 0 else np.array([0.8, 0.9])
    return Found.of(boxes, scores, np.array([EYES_AND_NOSE, own], float))


def test_a_box_inside_a_face_that_holds_an_eye_of_it_is_no_face() -> None:
    part = _two((20, 30, 45, 60))
    assert part.distinct(0.3).boxes.tolist() == part.boxes.tolist()
    assert part.faces().boxes.tolist() == [[0, 0, 100, 100]]


def test_a_wide_box_around_a_surer_face_is_no_face() -> None:
    assert _two((20, 30, 60, 60), surer=1).faces().boxes.tolist() == [[20, 30, 60, 60]]


def test_a_childs_face_before_a_parents_is_a_face() -> None:
    before_the_mouth, half_outside = (10, 62, 45, 100), (20, 30, 45, 300)
    assert len(_two(before_the_mouth).faces()) == 2
    assert len(_two(half_outside).faces()) == 2


def test_boxes_without_landmarks_are_no_parts_of_each_other() -> None:
    boxes = np.array([(0, 0, 100, 100), (20, 30, 45, 60)], float)
    assert len(Found.of(boxes, np.array([0.9, 0.8])).faces()) == 2


def test_boxes_of_another_class_are_no_parts_of_a_face() -> None:
    two = _two((20, 30, 45, 60))
    assert len(replace(two, kinds=np.array([0, 1])).faces()) == 2
    assert len(replace(two, kinds=np.array([1, 1])).faces()) == 1


@given(rows, st.integers(0, 2**32))
def test_a_box_is_no_face_where_it_shows_that_of_a_better_one_that_stays(
    items: list[tuple[int, int, int, int, float]], seed: int
) -> None:
    boxes, scores = _arrays(items)
    noise = np.random.default_rng(seed)
    points = boxes[:, None, :2] + noise.integers(0, 9, (len(boxes), 4, 2))
    points[noise.random(len(boxes)) < 0.3, 1:] = np.nan
    kept: list[int] = []
    for row in np.argsort(-scores, kind="stable").tolist():
        if not any(_is_one_face(boxes[[row, other]], points[[row, other]]) for other in kept):
            kept.append(row)
    assert apart(Found.of(boxes, scores, points)).tolist() == sorted(kept)


def _is_one_face(boxes: np.ndarray, points: np.ndarray) -> bool:
    first, second = (Box(*box) for box in boxes.tolist())
    turned = first.area > second.area
    inner, landmarks = (second, points[0]) if turned else (first, points[1])
    if first.clipped(second).area < 0.9 * inner.area:
        return False
    return any(
        inner.left <= x <= inner.right and inner.top <= y <= inner.bottom
        for x, y in landmarks[:3].tolist()
    )


def test_regions_are_rows_with_their_labels_as_kinds_and_nan_for_a_landmark_they_lack() -> None:
    face = replace(Region.from_box(Box(1, 2, 30, 40), "face", 0.5), landmarks=((5, 6), (7, 8)))
    eye = Region.from_box(Box(2, 3, 9, 9), "eye", 0.75)
    found = Found.of_regions(Regions(Size(50, 50), (face, eye, face)))
    assert found.boxes[1].tolist() == [2, 3, 9, 9]
    assert found.scores.tolist() == [0.5, 0.75, 0.5]
    assert found.kinds.tolist() == [1, 0, 1]
    assert found.landmarks[0].tolist() == [[5, 6], [7, 8]]
    assert np.isnan(found.landmarks[1]).all()
    assert len(Found.of_regions(Regions(Size(50, 50)))) == 0
