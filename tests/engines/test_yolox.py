"""YoloX: geometry, classes and labels, for files that decode their boxes and files that do not."""

from __future__ import annotations

from pathlib import Path

import cv2
import pytest

from detailer.engines.detectors.yolox import YoloX
from detailer.errors import EngineError, InputError
from tests.engines import graphs
from tests.engines.places import data_file

PIXELS = pytest.approx
CELL = graphs.Cell(8, width=2.0, height=4.0, x=0.5, y=0.5)


@pytest.mark.parametrize("stride", [8, 16, 32])
@pytest.mark.parametrize(
    ("width", "height", "factor"),
    [(256, 256, 1), (256, 144, 1), (144, 256, 1), (2048, 1152, 8), (1152, 2048, 8), (128, 72, 0.5)],
)
def test_a_planted_object_is_found_at_its_very_pixels(
    tmp_path: Path, stride: int, width: int, height: int, factor: float
) -> None:
    cell = graphs.Cell(stride, width=1.5, height=1.0, x=0.5, y=0.25)
    side = int(stride * factor)
    column, row = int(width / side / 2), int(height / side / 2)
    picture = graphs.red_square(graphs.black(width, height), column * side, row * side, side)
    file = graphs.yolox(tmp_path / "planted.onnx", cell, 256)
    # The grey of the padding scores 0.45 with this network.
    (found,) = YoloX(file, threshold=0.5)(picture)
    assert found.label == "person"
    assert found.box.centre == PIXELS(((column + 0.5) * side, (row + 0.25) * side), abs=1e-3)
    assert (found.box.width, found.box.height) == PIXELS((1.5 * side, 1.0 * side), rel=1e-5)


def test_a_file_that_decodes_its_boxes_itself_is_recognised(tmp_path: Path) -> None:
    file = graphs.decoded_yolox(tmp_path / "decoded.onnx", 256)
    picture = graphs.red_square(graphs.black(512, 512), 160, 320, 16)
    (found,) = YoloX(file)(picture)
    assert tuple(found.box) == PIXELS((160 - 40, 320 - 60, 160 + 40, 320 + 60))


def test_80_classes_without_names_are_those_of_coco(tmp_path: Path) -> None:
    classes = [0.0] * 80
    classes[0], classes[16] = 0.9, 0.8
    file = graphs.yolox(tmp_path / "coco.onnx", CELL, 64, classes)
    picture = graphs.red_square(graphs.black(64, 64), 32, 32, 8)
    assert [found.label for found in YoloX(file)(picture)] == ["person"]
    assert [found.label for found in YoloX(file, labels="dog")(picture)] == ["dog"]
    every = YoloX(file, labels="all")(picture)
    assert [(found.label, round(found.score, 2)) for found in every] == [
        ("person", 0.9),
        ("dog", 0.8),
    ]


@pytest.mark.parametrize(
    "note", ["{0: 'hand', 1: 'foot'}", "['hand', 'foot']", '["hand", "foot"]', "hand\nfoot\n"]
)
def test_class_names_are_read_from_the_file(tmp_path: Path, note: str) -> None:
    file = graphs.yolox(tmp_path / "named.onnx", CELL, 64, (0.2, 0.9), names=note)
    picture = graphs.red_square(graphs.black(64, 64), 32, 32, 8)
    (found,) = YoloX(file, labels=("hand", "foot"))(picture)
    assert found.label == "foot"


def test_the_only_class_of_a_file_takes_the_label_that_is_asked_for(tmp_path: Path) -> None:
    file = graphs.yolox(tmp_path / "hand.onnx", CELL, 64)
    picture = graphs.red_square(graphs.black(64, 64), 32, 32, 8)
    assert [found.label for found in YoloX(file, labels="hand")(picture)] == ["hand"]


def test_an_unknown_label_is_refused_and_the_known_are_named(tmp_path: Path) -> None:
    file = graphs.yolox(tmp_path / "named.onnx", CELL, 64, (0.2, 0.9), names="['hand', 'foot']")
    with pytest.raises(InputError, match=r"'person' in .*named\.onnx; it knows: hand, foot"):
        YoloX(file)


def test_classes_without_names_are_numbered(tmp_path: Path) -> None:
    file = graphs.yolox(tmp_path / "plain.onnx", CELL, 64, (0.2, 0.9))
    picture = graphs.red_square(graphs.black(64, 64), 32, 32, 8)
    assert [found.label for found in YoloX(file, labels="all")(picture)] == ["class 1"]
    with pytest.raises(InputError, match="it knows: class 0, class 1"):
        YoloX(file)


def test_asking_for_no_label_is_refused(tmp_path: Path) -> None:
    file = graphs.yolox(tmp_path / "hand.onnx", CELL, 64)
    with pytest.raises(InputError, match="no labels given"):
        YoloX(file, labels=" , ")


def test_a_file_of_an_odd_size_is_refused(tmp_path: Path) -> None:
    file = graphs.yolox(tmp_path / "odd.onnx", CELL, 96 + 8)
    with pytest.raises(EngineError, match="takes 104×104; expected multiples of 32"):
        YoloX(file)


def test_another_layout_is_refused_with_its_name(tmp_path: Path) -> None:
    other = graphs.yunet(tmp_path / "other.onnx", CELL, (1, 3, 64, 64))
    with pytest.raises(EngineError, match=r"other\.onnx is not in the layout of YOLOX"):
        YoloX(other)


@pytest.mark.parametrize("name", ["yolox_nano_416", "person_yolox_192"])
def test_a_real_file_finds_the_three_astronauts(name: str) -> None:
    file, photo = data_file(f"models/{name}.onnx"), data_file("images/group_apollo11.jpg")
    found = YoloX(file)(cv2.imread(str(photo))[..., ::-1])
    assert [person.label for person in found] == ["person"] * 3
    for person, box in zip(
        sorted(found, key=lambda person: person.box.left),
        [(21, 147, 253, 467), (180, 46, 395, 465), (326, 154, 552, 468)],
        strict=True,
    ):
        assert tuple(person.box) == PIXELS(box, abs=25)
