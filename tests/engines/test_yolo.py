"""Yolo: boxes at their very pixels, classes and labels, in every layout of Ultralytics' files."""

from __future__ import annotations

import inspect
from pathlib import Path

import numpy as np
import pytest

from detailer.core.geometry import Box, Size
from detailer.core.regions import box_mask
from detailer.engines.catalog import open_detector
from detailer.engines.detectors.yolo.detector import Yolo
from detailer.errors import EngineError, InputError
from detailer.stages.detect import Detector
from tests.engines import yolo_graphs as graphs
from tests.engines.graphs import black

PIXELS = pytest.approx
FIXED = (1, 3, 640, 640)
# Width, height, and how many pixels of the picture are one of the frame.
PICTURES = [
    (640, 640, 1),
    (1280, 1280, 2),
    (1920, 1080, 3),
    (1080, 1920, 3),
    (3840, 2160, 6),
    (2160, 3840, 6),
    (320, 180, 0.5),
]


@pytest.mark.parametrize("form", ["columns", "rows", "final"])
@pytest.mark.parametrize("size", [FIXED, graphs.FREE], ids=["fixed", "free"])
@pytest.mark.parametrize(("width", "height", "factor"), PICTURES)
def test_a_planted_object_is_found_at_its_very_pixels(
    tmp_path: Path, form: str, size, width: int, height: int, factor: float
) -> None:
    # Where the picture lies in the frame: in the middle of what is left of a square, or of the
    # next multiple of 32.
    square = size == FIXED
    left = (640 - width / factor) / 2 if square else (-(width / factor) % 32) / 2
    top = (640 - height / factor) / 2 if square else (-(height / factor) % 32) / 2
    column, row = int(left // 8) + 9, int(top // 8) + 17
    x, y, side = (column * 8 - left) * factor, (row * 8 - top) * factor, int(8 * factor)
    picture = graphs.red_block(black(width, height), int(x), int(y), side, side)
    sight = graphs.Sight(form, width=16, height=24, classes=1 if form == "final" else 2)
    notes = graphs.FACE if form == "final" else graphs.TWO
    file = graphs.seeing(tmp_path / "planted.onnx", size, notes, sight)
    (found,) = Yolo(file, threshold=0.6)(picture)
    assert found.label in ("face", "hand")
    # Linear enlargement takes some red away at the edges.
    assert found.score == PIXELS(1 if factor >= 1 else 0.88, abs=1e-2)
    assert tuple(found.box) == PIXELS(
        (x - side / 2, y - side, x + side * 1.5, y + side * 2), abs=2e-3 * factor
    )
    assert found.mask == box_mask(found.box, Size(width, height))


@pytest.mark.parametrize(
    ("box", "classes"),
    [((100.25, 50.5, 199.75, 149.5), 1), ((3.1, 2.9, 9.3, 8.7), 3)],
)
@pytest.mark.parametrize("form", ["columns", "rows", "final"])
def test_the_layouts_say_the_same(tmp_path: Path, form: str, box, classes: int) -> None:
    left, top, right, bottom = box
    centre = [(left + right) / 2, (top + bottom) / 2, right - left, bottom - top]
    table = graphs.columns([[*centre, *[0.1] * (classes - 1), 0.9]])
    if form == "rows":
        table = table.transpose(0, 2, 1)
    if form == "final":
        table = np.zeros((1, 300, 6), np.float32)
        table[0, 7] = [*box, 0.9, classes - 1]
    names = {"names": str([f"kind {number}" for number in range(classes)])}
    file = graphs.answering(tmp_path / "planted.onnx", 224, [table], names)
    (found,) = Yolo(file)(black(224, 224))
    assert tuple(found.box) == PIXELS(box, abs=1e-4)
    assert (found.label, found.score) == (f"kind {classes - 1}", PIXELS(0.9))


def test_a_cell_counts_once_as_what_it_most_likely_is(tmp_path: Path) -> None:
    table = graphs.columns([[50, 50, 20, 20, 0.7, 0.8]])
    file = graphs.answering(tmp_path / "two.onnx", 64, [table], graphs.TWO)
    assert [found.label for found in Yolo(file)(black(64, 64))] == ["foot"]
    assert not Yolo(file, labels="hand")(black(64, 64))


def test_the_lesser_of_two_boxes_of_a_class_goes_and_others_stay(tmp_path: Path) -> None:
    rows = [
        [30, 30, 20, 20, 0.8, 0.0],
        [31, 30, 20, 20, 0.9, 0.0],
        [31, 30, 20, 20, 0.0, 0.7],
        [40, 30, 20, 20, 0.6, 0.0],
    ]
    file = graphs.answering(tmp_path / "two.onnx", 64, [graphs.columns(rows)], graphs.TWO)
    kept = [(found.label, round(found.score, 1)) for found in Yolo(file)(black(64, 64))]
    assert kept == [("hand", 0.9), ("foot", 0.7), ("hand", 0.6)]
    # (31, 30) and (40, 30) share 11/29 = 0.38.
    fewer = Yolo(file, overlap=0.37)(black(64, 64))
    assert [round(found.score, 1) for found in fewer] == [0.9, 0.7]


def test_a_file_with_the_last_steps_inside_is_not_suppressed_again(tmp_path: Path) -> None:
    table = np.zeros((1, 300, 6), np.float32)
    table[0, :3] = [[10, 10, 30, 30, s, 0] for s in (0.6, 0.9, 0.4)]
    file = graphs.answering(tmp_path / "final.onnx", 64, [table], graphs.FACE)
    assert [round(found.score, 1) for found in Yolo(file)(black(64, 64))] == [0.9, 0.6]


@pytest.mark.parametrize(
    ("notes", "count"),
    [
        ({"end2end": "True"}, 1),
        ({"end2end": "False", "args": "{'nms': True}"}, 1),
        ({"end2end": "False", "args": "{'nms': None}"}, 0),
    ],
)
def test_a_file_says_itself_whether_it_is_final(tmp_path: Path, notes, count: int) -> None:
    # Two classes, 84 cells: rows of (1, 84, 6) are either.
    table = np.zeros((1, 84, 6), np.float32)
    table[0, 0] = [10, 20, 40, 60, 0.8, 0]
    if not count:
        table[0, 0, 5] = 0.9
    file = graphs.answering(tmp_path / "either.onnx", 64, [table], graphs.TWO | notes)
    (found,) = Yolo(file)(black(64, 64))
    assert found.label == ("hand" if count else "foot")
    assert tuple(found.box) == PIXELS((10, 20, 40, 60) if count else (0, 0, 30, 50))


def test_boxes_are_cut_off_at_the_edge_and_those_beyond_are_gone(tmp_path: Path) -> None:
    rows = [[2, 30, 20, 20, 0.9], [40, 5, 10, 8, 0.8], [60, 60, 4, 4, 0.7]]
    file = graphs.answering(tmp_path / "edge.onnx", 64, [graphs.columns(rows)], graphs.FACE)
    # 64×32 lies from 16 to 48 in the frame.
    found = Yolo(file)(black(64, 32))
    assert [tuple(one.box) for one in found] == [PIXELS((0, 4, 12, 24))]


@pytest.mark.parametrize(
    ("names", "labels"),
    [
        ("{0: 'hand', 1: 'foot'}", ["hand", "foot"]),
        ("{1: 'foot', 0: 'hand'}", ["hand", "foot"]),
        ("['hand', 'foot']", ["hand", "foot"]),
        ("", ["class 0", "class 1"]),
        ("{broken", ["class 0", "class 1"]),
    ],
)
def test_class_names_are_the_files_else_numbers(tmp_path: Path, names: str, labels) -> None:
    rows = [[20, 20, 10, 10, 0.9, 0.0], [40, 40, 10, 10, 0.0, 0.8]]
    file = graphs.answering(
        tmp_path / "named.onnx", 64, [graphs.columns(rows)], {"names": names} if names else {}
    )
    detector = Yolo(file)
    assert [found.label for found in detector(black(64, 64))] == labels
    assert detector.names == tuple(labels)
    for label in labels:
        assert [one.label for one in Yolo(file, labels=(label,))(black(64, 64))] == [label]
    for every in ("all", (), labels, ",".join(labels)):
        assert len(Yolo(file, labels=every)(black(64, 64))) == 2


@pytest.mark.parametrize("form", ["columns", "final"])
def test_the_only_class_of_a_file_takes_the_label_that_is_asked_for(
    tmp_path: Path, form: str
) -> None:
    table = graphs.columns([[20, 20, 10, 10, 0.9]])
    if form == "final":
        table = np.array([[[15, 15, 25, 25, 0.9, 0], [0] * 6]], np.float32)
    file = graphs.answering(tmp_path / "one.onnx", 64, [table])
    assert [found.label for found in Yolo(file, labels="hand")(black(64, 64))] == ["hand"]
    assert [found.label for found in Yolo(file)(black(64, 64))] == ["class 0"]


def test_an_unknown_label_is_refused_and_those_most_like_it_come_first(tmp_path: Path) -> None:
    table = graphs.columns([[20, 20, 10, 10, *[0.1] * 30]])
    names = [f"thing {number}" for number in range(28)] + ["Head", "face"]
    file = graphs.answering(tmp_path / "many.onnx", 64, [table], {"names": str(names)})
    with pytest.raises(
        InputError, match=r"no label 'faces' in .*many\.onnx; it knows: face, .*, … 10 more"
    ):
        Yolo(file, labels=("Head", "faces"))


def test_a_label_for_a_file_of_numbers_is_refused(tmp_path: Path) -> None:
    rows = [[20, 20, 10, 10, 0.9, 0.0]]
    file = graphs.answering(tmp_path / "two.onnx", 64, [graphs.columns(rows)])
    with pytest.raises(InputError, match=r"no label 'face'.*it knows: class 0, class 1"):
        Yolo(file, labels="face")


def test_a_free_file_looks_at_the_size_it_was_exported_for(tmp_path: Path) -> None:
    notes = graphs.FACE | {"imgsz": "[320, 320]"}
    file = graphs.seeing(tmp_path / "free.onnx", graphs.FREE, notes)
    # 1280×720 becomes 320×180 in 320×192: 6 rows above, a cell is 32 px of the picture.
    picture = graphs.red_block(black(1280, 720), 320, 8, 32, 32)
    (found,) = Yolo(file, threshold=0.6)(picture)
    assert tuple(found.box) == PIXELS((304, 0, 368, 72), abs=0.01)


def test_a_file_of_half_precision_finds_the_same(tmp_path: Path) -> None:
    from onnx import TensorProto, helper

    table = graphs.columns([[20, 24, 10, 12, 0.75]]).astype(np.float16)
    nodes = [
        helper.make_node("ReduceSum", ["picture"], ["sum"], keepdims=0),
        helper.make_node("Mul", ["sum", "zero"], ["none"]),
        helper.make_node("Add", ["table", "none"], ["output0"]),
    ]
    constants = [
        onnx_array(np.asarray(0, np.float16), "zero"),
        onnx_array(table, "table"),
    ]
    values = [
        helper.make_tensor_value_info("picture", TensorProto.FLOAT16, [1, 3, 64, 64]),
        helper.make_tensor_value_info("output0", TensorProto.FLOAT16, list(table.shape)),
    ]
    graph = helper.make_graph(nodes, "half", values[:1], values[1:], constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    path = tmp_path / "half.onnx"
    path.write_bytes(model.SerializeToString())
    (found,) = Yolo(graphs.noted(path, graphs.FACE))(black(64, 64))
    assert (tuple(found.box), found.score) == ((15, 18, 25, 30), 0.75)


def onnx_array(values: np.ndarray, name: str):
    from onnx import numpy_helper

    return numpy_helper.from_array(values, name)


def test_compatible_boxes_have_the_pixel_more_that_the_nodes_draw(tmp_path: Path) -> None:
    file = graphs.answering(
        tmp_path / "box.onnx", 64, [graphs.columns([[20, 20, 10, 10, 0.9]])], graphs.FACE
    )
    (ours,) = Yolo(file)(black(64, 64))
    (theirs,) = Yolo(file, compatible=True)(black(64, 64))
    assert ours.box == theirs.box
    assert ours.mask.box == Box(15, 15, 25, 25)
    assert theirs.mask.box == Box(15, 15, 26, 26)


def test_it_is_opened_by_its_name_with_its_options(tmp_path: Path) -> None:
    file = graphs.answering(
        tmp_path / "box.onnx", 64, [graphs.columns([[20, 20, 10, 10, 0.4]])], graphs.FACE
    )
    detector = open_detector(f"yolo:{file}", threshold=0.3, labels=("face",), overlap=0.5)
    assert isinstance(detector, Detector)
    assert len(detector(black(64, 64))) == 1
    assert list(inspect.signature(Yolo).parameters) == [
        "path", "labels", "threshold", "overlap", "device", "compatible", "network",
    ]  # fmt: skip


@pytest.mark.parametrize("name", ["threshold", "overlap"])
def test_a_share_outside_0_to_1_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError, match=rf"{name}=1.5 is outside 0 to 1"):
        Yolo(tmp_path / "none.onnx", **{name: 1.5})


def test_a_picture_of_one_pixel_and_a_line_of_pixels_are_looked_at(tmp_path: Path) -> None:
    for size in (FIXED, graphs.FREE):
        file = graphs.seeing(tmp_path / "seeing.onnx", size, graphs.FACE)
        for width, height in ((1, 1), (3000, 1), (1, 3000)):
            assert Yolo(file, threshold=0.6)(black(width, height)).size == Size(width, height)


def test_what_is_no_picture_is_refused(tmp_path: Path) -> None:
    file = graphs.seeing(tmp_path / "seeing.onnx", graphs.FREE, graphs.FACE)
    with pytest.raises(InputError, match="a detector looks at"):
        Yolo(file)(np.zeros((4, 4), np.uint8))


def test_a_class_that_a_file_does_not_have_is_an_error(tmp_path: Path) -> None:
    table = np.array([[[15, 15, 25, 25, 0.9, 3], [0] * 6]], np.float32)
    file = graphs.answering(tmp_path / "one.onnx", 64, [table], graphs.FACE)
    with pytest.raises(EngineError, match=r"one\.onnx.* class 3 of 1"):
        Yolo(file)
