"""YuNet: the same boxes as OpenCV's own, whatever size the file declares."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from detailer.engines.detectors.yunet import YuNet
from detailer.errors import EngineError
from tests.engines import graphs
from tests.engines.places import data_file

PIXELS = pytest.approx
FREE = ("batch", 3, "height", "width")
FILES = ["yunet_n_640_640", "yunet_n_dynamic", "yunet_s_640_640", "yunet_s_dynamic"]


@pytest.mark.parametrize("stride", [8, 16, 32])
@pytest.mark.parametrize(
    ("width", "height", "factor"),
    [
        (640, 640, 1),
        (1280, 720, 1),
        (720, 1280, 1),
        (5120, 2880, 4),
        (2880, 5120, 4),
        (330, 170, 1),
    ],
)
def test_a_planted_face_is_found_at_its_very_pixels(
    tmp_path: Path, stride: int, width: int, height: int, factor: int
) -> None:
    cell = graphs.Cell(stride, width=2.5, height=3.0, x=0.25, y=-0.5)
    side = stride * factor
    column, row = width // side // 2, height // side // 2
    picture = graphs.red_square(graphs.black(width, height), column * side, row * side, side)
    file = graphs.yunet(tmp_path / "planted.onnx", cell, FREE)
    (face,) = YuNet(file)(picture)
    assert face.box.centre == PIXELS(((column + 0.25) * side, (row - 0.5) * side), abs=1e-3)
    assert (face.box.width, face.box.height) == PIXELS((2.5 * side, 3.0 * side), rel=1e-5)
    point = (column + 0.5) * side, (row + 0.5) * side
    assert np.asarray(face.landmarks) == PIXELS(np.array([point] * 5), abs=1e-3)


@given(width=st.integers(1, 300), height=st.integers(1, 300))
@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_a_picture_of_any_size_is_padded_and_not_stretched(
    tmp_path: Path, width: int, height: int
) -> None:
    file = tmp_path / "planted.onnx"
    if not file.exists():
        graphs.yunet(file, graphs.Cell(8, 1.0, 1.0, x=0.5, y=0.5), (1, 3, 640, 640))
    picture = np.full((height, width, 3), (255, 0, 0), np.uint8)
    for face in YuNet(file)(picture):
        left, top = face.box.left, face.box.top
        assert (left % 8, top % 8) == (0, 0)
        assert (face.box.right, face.box.bottom) == (min(left + 8, width), min(top + 8, height))


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("picture", ["images/family6_small.jpg", "ai/sd15_street6.png"])
def test_the_boxes_are_those_of_opencv(name: str, picture: str) -> None:
    file, photo = data_file(f"models/{name}.onnx"), data_file(picture)
    bgr = cv2.imread(str(photo))
    height, width = bgr.shape[:2]
    # OpenCV wants the padding done, or it resizes what it has padded.
    padded = cv2.copyMakeBorder(
        bgr, 0, -height % 32, 0, -width % 32, cv2.BORDER_CONSTANT, value=(0, 0, 0)
    )
    peer = cv2.FaceDetectorYN.create(str(file), "", padded.shape[1::-1], 0.6, 0.3)
    _, rows = peer.detect(padded)
    ours = sorted(YuNet(file)(bgr[..., ::-1]), key=lambda face: face.box)
    theirs = rows[np.argsort(rows[:, 0])]
    assert len(ours) == len(theirs) == 6
    for face, row in zip(ours, theirs, strict=True):
        left, top, right, bottom = face.box
        assert (left, top, right - left, bottom - top) == PIXELS(tuple(row[:4]), abs=0.1)
        assert np.ravel(face.landmarks) == PIXELS(row[4:14], abs=0.1)
        assert face.score == PIXELS(row[14], abs=1e-3)


def test_another_network_is_refused_with_its_name(tmp_path: Path) -> None:
    other = graphs.centerface(tmp_path / "other.onnx", 40, 60)
    with pytest.raises(EngineError, match=r"other\.onnx is not YuNet.*expected"):
        YuNet(other)
