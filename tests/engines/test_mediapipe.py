"""MediaPipe itself, run on hand-made models: geometry, kinds, closing, quiet and errors."""

from __future__ import annotations

import gc
import hashlib
import logging
import math
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from detailer.core.geometry import Box, Size
from detailer.engines.catalog import open_detector
from detailer.engines.detectors.mediapipe import detector as ours
from detailer.engines.detectors.mediapipe.detector import MODELS, open_mediapipe
from detailer.engines.detectors.mediapipe.file import read_asset
from detailer.engines.detectors.mediapipe.task import Task, Wish
from detailer.engines.files.models import Download
from detailer.errors import EngineError, InputError

pytest.importorskip("mediapipe", reason="needs detailer[mediapipe] and mediapipe")
pytest.importorskip("flatbuffers", reason="needs flatbuffers, to write models")

from tests.engines import tflite

SIZES = [Size(384, 384), Size(768, 432), Size(432, 768), Size(3840, 2160)]


def planted(size: Size, anchors: tflite.Anchors, cell: tuple[int, int], value: int = 255):
    """A black picture with one cell of a detector bright; and that cell in the picture."""
    scale = max(size.width, size.height) / anchors.side
    across, down = ((anchors.side - side / scale) / 2 for side in (size.width, size.height))
    column, row = (anchors.stride * number for number in cell)
    end = column + anchors.stride, row + anchors.stride
    box = Box(column - across, row - down, end[0] - across, end[1] - down).scaled(scale, scale)
    assert box == box.whole(), "the cell has to end on whole pixels"
    assert size.box.holds(box)
    picture = np.zeros((*size.shape, 3), np.uint8)
    picture[box.slices] = value
    return picture, box, scale


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_a_face_is_where_it_is_in_a_picture_of_any_aspect(tmp_path: Path, size: Size) -> None:
    detector = open_mediapipe(tflite.face_detector(tmp_path / "face.tflite"))
    picture, cell, scale = planted(size, tflite.FULL, (24, 25))
    (face,) = detector(picture)
    x, y = cell.centre
    expected = Box(x, y, x, y).grown(20 * scale)
    assert tuple(face.box) == pytest.approx(tuple(expected), abs=1.5)
    points = [*tflite.EYES, tflite.NOSE]
    places = [(x + right * scale, y + below * scale) for right, below in points]
    assert np.array(face.landmarks) == pytest.approx(np.array(places), abs=0.02)
    assert face.landmarks[0] < face.landmarks[1], "the eye on the viewer's left comes first"
    assert (face.label, face.score) == ("face", pytest.approx(1 / (1 + math.exp(-3)), abs=1e-3))
    assert face.mask.box == face.box.whole()


@pytest.mark.parametrize("size", [Size(512, 512), Size(1024, 576), Size(576, 1024)], ids=str)
def test_a_mesh_is_the_hull_of_its_points_at_any_aspect(tmp_path: Path, size: Size) -> None:
    detector = open_mediapipe(tflite.face_landmarker(tmp_path / "face.task"))
    picture, cell, scale = planted(size, tflite.SHORT, (6, 6))
    (face,) = detector(picture)
    # The points see a square of 1.5 boxes at 256 px.
    x, y = cell.centre
    per_pixel = 1.5 * 40 * scale / 256
    ellipse = Box(x - 80 * per_pixel, y - 100 * per_pixel, x + 80 * per_pixel, y + 100 * per_pixel)
    assert tuple(face.box) == pytest.approx(tuple(ellipse.clipped(size.box)), abs=0.5)
    assert face.mask.box == face.box.whole()
    assert face.mask.within(Box(0, 0, *size.shape[::-1]))[int(y), int(x)] == 1
    if size.box.holds(ellipse):
        assert face.mask.alpha.sum() == pytest.approx(math.pi / 4 * face.box.area, rel=0.02)
    places = np.array([(96, 100), (160, 100), (128, 130), (108, 170), (148, 170)]) - 128
    assert np.array(face.landmarks) == pytest.approx(places * per_pixel + (x, y), abs=0.1)


def test_eyes_are_one_region_with_the_hull_of_either(tmp_path: Path) -> None:
    file = tflite.face_landmarker(tmp_path / "face.task")
    picture, _, _ = planted(Size(512, 512), tflite.SHORT, (5, 5))
    (face,) = open_mediapipe(file)(picture)
    (eyes,) = open_mediapipe(file, kind="eyes")(picture)
    assert eyes.label == "eyes"
    assert eyes.landmarks == face.landmarks
    alpha = eyes.mask.within(Box(0, 0, 512, 512))
    (x1, y1), (x2, y2) = eyes.landmarks[:2]
    assert alpha[int(y1), int(x1)] == alpha[int(y2), int(x2)] == 1
    assert alpha[int(y1), int((x1 + x2) / 2)] == 0, "the bridge of the nose is not meant"
    assert eyes.box.width > x2 - x1
    assert face.box.holds(eyes.box)


def test_a_hand_is_its_joints_and_half_a_finger(tmp_path: Path) -> None:
    detector = open_mediapipe(tflite.hand_landmarker(tmp_path / "hand.task", radius=50))
    picture, cell, scale = planted(Size(768, 768), tflite.PALM, (10, 10))
    (hand,) = detector(picture)
    # The joints are looked for in a square of 2.6 palms, half a palm further on, at 224 px. It
    # is turned, so the circle is checked, which is the same however it is turned.
    palm = 40 * scale
    joints = 50 * 2.6 * palm / 224
    assert math.dist(hand.box.centre, cell.centre) == pytest.approx(palm / 2, rel=0.02)
    assert hand.box.width / 2 == pytest.approx(hand.box.height / 2, rel=0.02)
    assert joints * 1.05 < hand.box.width / 2 < joints * 1.4
    assert hand.mask.alpha.mean() == pytest.approx(math.pi / 4, abs=0.02)
    assert (hand.label, hand.landmarks) == ("hand", ())


def test_the_surest_faces_come_first_and_no_more_than_asked_for(tmp_path: Path) -> None:
    file = tflite.face_detector(tmp_path / "face.tflite", box=8)
    size = Size(384, 384)
    bright, first, _ = planted(size, tflite.FULL, (8, 30))
    dim, second, _ = planted(size, tflite.FULL, (30, 8), value=210)
    picture = bright + dim
    both = open_mediapipe(file)(picture)
    assert [face.box.overlap(cell) > 0.1 for face, cell in zip(both, (first, second), strict=True)]
    assert both[0].score > both[1].score > 0.5
    assert list(open_mediapipe(file, most=1)(picture)) == [both[0]]
    assert list(open_mediapipe(file, threshold=0.9)(picture)) == [both[0]]
    assert list(open_mediapipe(file, threshold=0.99)(picture)) == []


def test_points_that_it_is_not_sure_of_are_no_face(tmp_path: Path) -> None:
    unsure = open_mediapipe(tflite.face_landmarker(tmp_path / "face.task", presence=-1.0))
    picture, _, _ = planted(Size(512, 512), tflite.SHORT, (5, 5))
    assert len(unsure(picture)) == 0


def test_where_nothing_is_there_are_no_regions_of_the_pictures_size(tmp_path: Path) -> None:
    for file in (
        tflite.face_detector(tmp_path / "face.tflite"),
        tflite.face_landmarker(tmp_path / "face.task"),
        tflite.hand_landmarker(tmp_path / "hand.task"),
    ):
        found = open_mediapipe(file)(np.zeros((48, 64, 3), np.uint8))
        assert (len(found), found.size) == (0, Size(64, 48))


def test_what_a_file_holds_is_told_by_its_content(tmp_path: Path) -> None:
    misnamed = tflite.hand_landmarker(tmp_path / "hände.tflite")
    assert open_mediapipe(misnamed).kind == "hands"
    assert open_detector(f"mediapipe:{misnamed}", most=3, threshold=0.3).kind == "hands"
    with pytest.raises(InputError, match=r"hände\.tflite is for kind=hands, not for kind=eyes"):
        open_mediapipe(misnamed, kind="eyes")


def test_a_word_means_the_file_that_was_fetched_for_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DETAILER_CACHE", str(tmp_path))
    monkeypatch.setenv("DETAILER_OFFLINE", "1")
    content = tflite.face_landmarker(tmp_path / "points.task").read_bytes()
    digest = hashlib.sha256(content).hexdigest()
    model = Download("points.task", "https://example.org/points.task", digest, len(content))
    monkeypatch.setitem(MODELS, "eyes", ("eyes", model))
    picture, _, _ = planted(Size(512, 512), tflite.SHORT, (5, 5))
    assert [eyes.label for eyes in open_mediapipe("Eyes")(picture)] == ["eyes"]


def test_a_picture_may_be_read_only_and_a_part_of_another(tmp_path: Path) -> None:
    detector = open_mediapipe(tflite.face_detector(tmp_path / "face.tflite"))
    picture, _, _ = planted(Size(384, 384), tflite.FULL, (24, 24))
    padded = np.pad(picture, ((7, 3), (5, 9), (0, 0)))
    padded.flags.writeable = False
    part = padded[7:-3, 5:-9]
    assert list(detector(part)) == list(detector(picture))
    with pytest.raises(InputError, match=r"a detector looks at \(h, w, 3\) uint8 RGB"):
        detector(picture.astype(np.float32))


def test_several_threads_may_look_at_once(tmp_path: Path) -> None:
    detector = open_mediapipe(tflite.face_detector(tmp_path / "face.tflite"))
    pictures = [planted(Size(384, 384), tflite.FULL, (n, 24))[0] for n in range(10, 34, 4)]
    alone = [list(detector(picture)) for picture in pictures]
    with ThreadPoolExecutor(4) as pool:
        assert [list(found) for found in pool.map(detector, pictures)] == alone


def test_a_model_with_other_outputs_is_an_error_that_names_it(tmp_path: Path) -> None:
    other = tmp_path / "other.tflite"
    other.write_bytes(tflite.constants(128, np.zeros((1, 7))))
    with pytest.raises(EngineError, match=r"mediapipe: .*other\.tflite does not run: "):
        open_mediapipe(other)
    # MediaPipe cannot close such a task, and would wait forever when it is collected.
    gc.collect()


def test_a_model_cut_short_is_an_error_that_names_it(tmp_path: Path) -> None:
    file = tflite.face_detector(tmp_path / "half.tflite")
    file.write_bytes(file.read_bytes()[:2000])
    with pytest.raises(EngineError, match=r"mediapipe: .*half\.tflite does not run: .*Flatbuffer"):
        open_mediapipe(file)


def test_opening_and_closing_write_nothing_to_the_terminal(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG, "detailer"):
        task = Task(read_asset(tflite.face_detector(tmp_path / "face.tflite")), Wish())
        task.close()
    assert tuple(capfd.readouterr()) == ("", "")
    assert "mediapipe: " in caplog.text


def test_its_threads_end_with_the_last_reference(tmp_path: Path) -> None:
    file = tflite.face_detector(tmp_path / "face.tflite")
    before = set(threading.enumerate())
    detector = open_mediapipe(file)
    assert set(threading.enumerate()) - before
    del detector
    gc.collect()
    assert not set(threading.enumerate()) - before


def test_a_closed_task_is_an_error_and_not_an_empty_picture(tmp_path: Path) -> None:
    task = Task(read_asset(tflite.face_detector(tmp_path / "face.tflite")), Wish())
    task.close()
    task.close()
    with pytest.raises(EngineError, match=r"face\.tflite was closed"):
        task(np.zeros((8, 8, 3), np.uint8))


def test_it_is_told_to_trust_nobody_so_that_no_metrics_are_sent(tmp_path: Path) -> None:
    task = Task(read_asset(tflite.face_detector(tmp_path / "face.tflite")), Wish())
    told = task._base("auto").to_ctypes()
    assert told.ca_bundle_path
    assert not Path(told.ca_bundle_path.decode()).exists()
    fields = {name for name, *_ in type(told)._fields_}
    assert "ca_bundle_path" in fields, "this MediaPipe has another way to find certificates"


def test_every_kind_is_of_one_of_the_networks() -> None:
    assert {kind for kind, _ in MODELS.values()} == set(ours._NETWORKS)
