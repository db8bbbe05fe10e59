"""What MediaPipe answers, as regions: with small stand-ins for its own containers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detailer.core.geometry import Box, Size
from detailer.core.regions import Regions
from detailer.engines.detectors.mediapipe.detector import Kind, MediaPipe
from detailer.engines.detectors.mediapipe.found import eyes, faces, hands, meshes
from detailer.errors import EngineError

SIZE = Size(200, 100)
FIRST_EYE, SECOND_EYE = (33, 133), (263, 362)


def place(x: float, y: float) -> SimpleNamespace:
    """A point in pixels of SIZE, as MediaPipe has it."""
    return SimpleNamespace(x=x / SIZE.width, y=y / SIZE.height)


def detection(box: Box, score: float, *points: tuple[float, float]) -> SimpleNamespace:
    points = points or ((1, 1), (2, 1), (1.5, 2), (1.5, 3), (0, 2), (3, 2))
    return SimpleNamespace(
        bounding_box=SimpleNamespace(
            origin_x=box.left, origin_y=box.top, width=box.width, height=box.height
        ),
        categories=[SimpleNamespace(score=score)],
        keypoints=[place(*point) for point in points],
    )


def mesh(points: dict[int, tuple[float, float]], rest: tuple[float, float]) -> list:
    """468 points: some of their own, the rest all in one place."""
    return [place(*points.get(number, rest)) for number in range(468)]


def test_faces_are_boxes_with_score_eyes_and_nose_most_certain_first() -> None:
    points = ((60, 30), (80, 31), (70, 40), (70, 50), (50, 33), (90, 34))
    found = faces(
        [
            detection(Box(10, 10, 30, 40), 0.6),
            detection(Box(50, 20, 90, 60), 0.9, *points),
        ],
        SIZE,
        most=20,
    )
    assert [(tuple(face.box), face.label) for face in found] == [
        ((50, 20, 90, 60), "face"),
        ((10, 10, 30, 40), "face"),
    ]
    assert [face.score for face in found] == [0.9, 0.6]
    assert np.array(found[0].landmarks) == pytest.approx(np.array(points[:3]))
    assert found.size == SIZE


def test_a_face_at_the_edge_is_cut_there_and_one_beyond_is_gone() -> None:
    (face,) = faces(
        [detection(Box(-20, 90, 20, 130), 0.9), detection(Box(210, 5, 250, 45), 0.8)], SIZE, 20
    )
    assert face.box == Box(0, 90, 20, 100)
    assert face.mask.box == face.box


def test_no_more_faces_than_asked_for() -> None:
    found = faces([detection(Box(n, 0, n + 9, 9), n / 100) for n in range(1, 50)], SIZE, 3)
    assert [face.score for face in found] == [0.49, 0.48, 0.47]
    assert len(faces([], SIZE, 3)) == 0


def test_a_mesh_is_the_hull_of_all_points() -> None:
    corners = {1: (40, 20), 2: (120, 20), 3: (120, 80), 4: (40, 80)}
    (face,) = meshes([mesh(corners, (60, 50))], SIZE)
    assert tuple(face.box) == pytest.approx((40, 20, 120, 80))
    assert (face.label, face.score) == ("face", 1.0)
    assert face.mask.alpha.all()
    assert len(face.landmarks) == 5


@given(
    st.lists(st.tuples(st.floats(-40, 240), st.floats(-40, 140)), min_size=3, max_size=12),
)
def test_the_mask_is_the_hull_to_half_a_pixel_wherever_it_lies(
    corners: Sequence[tuple[float, float]],
) -> None:
    found = meshes([mesh(dict(enumerate(corners)), corners[0])], SIZE)
    hull = cv2.convexHull(np.array(corners, np.float32))
    for face in found:
        assert SIZE.box.holds(face.mask.box)
        assert face.mask.box == face.box.whole()
        for y, x in np.ndindex(face.mask.alpha.shape):
            middle = (x + 0.5 + face.mask.box.left, y + 0.5 + face.mask.box.top)
            distance = cv2.pointPolygonTest(hull, middle, measureDist=True)
            if abs(distance) > 1.01:
                assert face.mask.alpha[y, x] == (distance > 0), (middle, distance)


def test_a_mesh_beyond_the_picture_is_gone_and_one_at_the_edge_is_cut() -> None:
    away = {1: (-80, 20), 2: (-10, 20), 3: (-10, 60)}
    edge = {1: (-80, 20), 2: (10, 20), 3: (10, 60), 4: (-80, 60)}
    (face,) = meshes([mesh(away, (-20, 30)), mesh(edge, (0, 30))], SIZE)
    assert tuple(face.box) == pytest.approx((0, 20, 10, 60))


def test_eyes_are_two_hulls_in_one_region() -> None:
    points = {}
    for number, (x, y) in enumerate([(50, 40), (70, 40), (60, 46), (60, 34)]):
        points[(33, 133, 145, 159)[number]] = (x, y)
        points[(263, 362, 374, 386)[number]] = (x + 60, y)
    # The other points of an eye lie in its middle.
    ring = (7, 163, 144, 153, 154, 155, 246, 161, 160, 158, 157, 173)
    other = (249, 390, 373, 380, 381, 382, 466, 388, 387, 385, 384, 398)
    points |= dict.fromkeys(ring, (60, 40)) | dict.fromkeys(other, (120, 40))
    (found,) = eyes([mesh(points, (90, 60))], SIZE)
    assert tuple(found.box) == pytest.approx((50, 34, 130, 46))
    alpha = found.mask.within(SIZE.box)
    assert alpha[40, 52:68].all()
    assert alpha[40, 112:128].all()
    assert not alpha[:, 75:105].any()
    assert found.landmarks[0] == pytest.approx((60, 40)), "the viewer's left eye first"
    assert found.landmarks[1] == pytest.approx((120, 40))


def test_a_hand_is_wider_than_its_joints_by_half_a_finger() -> None:
    joints = [(80.0, 50.0)] * 21
    joints[0], joints[9] = (80, 80), (80, 40)
    joints[5], joints[17] = (62, 45), (98, 45)
    (hand,) = hands([[place(*joint) for joint in joints]], SIZE)
    assert tuple(hand.box) == pytest.approx((56, 34, 104, 86), abs=0.2)
    assert (hand.label, hand.landmarks) == ("hand", ())


def test_a_hand_from_its_edge_is_widened_by_its_length() -> None:
    joints = [(80.0, 50.0)] * 21
    joints[0], joints[9] = (80, 90), (80, 40)
    (hand,) = hands([[place(*joint) for joint in joints]], SIZE)
    assert hand.box.width == pytest.approx(10, abs=0.2)


NAN = math.nan


def answering(kind: Kind, result: object) -> MediaPipe:
    return MediaPipe(kind, 20, "model.task", lambda picture: result)  # type: ignore[arg-type]


SMALL = Box(0, 0, 9, 9)
NOWHERE = ((NAN, 1.0), (1.0, 1.0), (1.0, 1.0))


@pytest.mark.parametrize(
    ("kind", "result", "words"),
    [
        ("face", {"detections": [detection(SMALL, NAN)]}, "not finite"),
        ("face", {"detections": [detection(SMALL, 0.9, *NOWHERE)]}, "not finite"),
        ("face", {"detections": [detection(SMALL, 0.9, (1, 1))]}, "a face with 1 points"),
        ("face", {"detections": [SimpleNamespace(bounding_box=None)]}, "without box, score"),
        ("face", {"face_landmarks": []}, "detections"),
        ("mesh", {"face_landmarks": [[place(1, 1)] * 21]}, "21 points; expected at least 468"),
        ("eyes", {"face_landmarks": [mesh({7: (NAN, 1)}, (5, 5))]}, "not finite"),
        ("hands", {"hand_landmarks": [[place(1, 1)] * 20]}, "20 points; expected at least 21"),
        ("hands", {"hand_landmarks": None}, "NoneType"),
    ],
)  # fmt: skip
def test_an_answer_that_is_not_understood_is_an_error_and_never_an_empty_picture(
    kind: Kind, result: dict[str, object], words: str
) -> None:
    detector = answering(kind, SimpleNamespace(**result))
    with pytest.raises(EngineError, match=rf"mediapipe: model\.task: .*{words}"):
        detector(np.zeros((*SIZE.shape, 3), np.uint8))


def test_each_kind_reads_its_part_of_the_answer() -> None:
    points = mesh({1: (40, 20), 2: (120, 20), 3: (120, 80), 33: (50, 30), 263: (100, 30)}, (60, 50))
    answer = SimpleNamespace(
        detections=[detection(Box(10, 10, 30, 40), 0.6)],
        face_landmarks=[points],
        hand_landmarks=[[place(40 + n, 40 + 2 * n) for n in range(21)]],
    )
    labels = {"face": "face", "mesh": "face", "eyes": "eyes", "hands": "hand"}
    for kind, label in labels.items():
        found: Regions = answering(kind, answer)(np.zeros((*SIZE.shape, 3), np.uint8))
        assert ([region.label for region in found], found.size) == ([label], SIZE)
