"""Yolo: what is no Ultralytics network for boxes or masks is refused, and said by name."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest

from detailer.engines.catalog import open_detector
from detailer.engines.detectors.yolo.detector import Yolo
from detailer.engines.files.imported import fingerprint, place_of
from detailer.errors import EngineError, InputError, MissingEngineError
from tests.engines import graphs as others
from tests.engines import yolo_graphs as graphs
from tests.engines.graphs import black
from tests.engines.places import data_file

FACES = graphs.columns([[32, 32, 20, 20, 0.9]])


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DETAILER_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    for name in ("absent.onnx", "absent.pt"):
        with pytest.raises(EngineError, match=rf"{name} cannot be read"):
            Yolo(tmp_path / name)
    with pytest.raises(MissingEngineError, match=r"yolo needs a file: yolo:FILE\.onnx"):
        open_detector("yolo")


def test_a_file_that_was_cut_off_is_named(tmp_path: Path) -> None:
    file = graphs.answering(tmp_path / "half.onnx", 64, [FACES], graphs.FACE)
    file.write_bytes(file.read_bytes()[:-300])
    with pytest.raises(EngineError, match=r"half\.onnx"):
        Yolo(file)


@pytest.mark.parametrize("task", ["pose", "obb", "classify", "semantic", "depth"])
def test_another_task_is_refused_by_its_name(tmp_path: Path, task: str) -> None:
    file = graphs.answering(tmp_path / "other.onnx", 64, [FACES], graphs.FACE | {"task": task})
    with pytest.raises(EngineError, match=rf"other\.onnx is .* task {task}; .*detect and segment"):
        Yolo(file)


@pytest.mark.parametrize(
    "note", [{"head": "RTDETRDecoder"}, {"description": "Ultralytics rtdetr-l model"}]
)
def test_rt_detr_is_sent_to_the_detector_that_takes_it(tmp_path: Path, note) -> None:
    file = graphs.answering(tmp_path / "detr.onnx", 64, [FACES], graphs.FACE | note)
    with pytest.raises(EngineError, match="RT-DETR, no YOLO; use the detector transformers"):
        Yolo(file)


def test_a_diffusion_model_is_refused(tmp_path: Path) -> None:
    for name in ("sdxl.safetensors", "sd.ckpt", "flux.gguf"):
        (tmp_path / name).write_bytes(b"weights")
        with pytest.raises(EngineError, match=rf"{name} is no ONNX model; yolo takes \.onnx"):
            Yolo(tmp_path / name)


@pytest.mark.parametrize(
    ("shapes", "notes"),
    [
        ([(1, 5)], {}),
        ([(5, 84)], {}),
        ([(2, 5, 84)], {}),
        ([(1, 3, 8, 8)], {}),
        ([(1, 4, 4)], {}),
        ([(1, 5, 84), (1, 5, 84)], {}),
        ([(1, 5, 30), (1, 32, 16, 16)], {}),
        ([(1, 37, 84), (1, 32, 16, 16), (1, 1)], {}),
        ([(1, 7, 84)], graphs.TWO),
        ([(1, 84, 7)], graphs.TWO),
        ([(1, 300, 7)], graphs.FACE | {"end2end": "True"}),
        ([(1, 5, 84)], graphs.FACE | {"task": "segment"}),
    ],
)
def test_outputs_of_other_shapes_are_refused_with_their_shapes(
    tmp_path: Path, shapes: list[tuple[int, ...]], notes: dict[str, str]
) -> None:
    outputs = [np.zeros(shape, np.float32) for shape in shapes]
    file = graphs.answering(tmp_path / "other.onnx", 64, outputs, notes)
    with pytest.raises(EngineError, match=r"other\.onnx is not in a layout of Ultralytics") as told:
        Yolo(file)
    assert str(shapes[0]) in str(told.value)


@pytest.mark.parametrize("shape", [(1, 336, 85), (1, 336, 6)])
def test_what_may_as_well_be_yolox_is_refused(tmp_path: Path, shape: tuple[int, ...]) -> None:
    file = graphs.answering(tmp_path / "x.onnx", 128, [np.zeros(shape, np.float32)])
    with pytest.raises(EngineError, match=r"may as well be YOLOX .* use the detector yolox"):
        Yolo(file)


@pytest.mark.parametrize("name", ["yolox_nano_416", "person_yolox_192", "fastestdet_352"])
def test_real_files_of_other_networks_are_refused(name: str) -> None:
    with pytest.raises(EngineError, match=name):
        Yolo(data_file(f"models/{name}.onnx"))


def test_other_detectors_files_are_refused(tmp_path: Path) -> None:
    files = [
        others.yunet(tmp_path / "yunet.onnx", others.Cell(8, 4, 4), (1, 3, 64, 64)),
        others.centerface(tmp_path / "centerface.onnx", 40, 60),
    ]
    for file in files:
        with pytest.raises(EngineError, match=file.name):
            Yolo(file)


@pytest.mark.parametrize(("score", "said"), [(7.5, "0 to 7.5"), (-3.0, "-3 to 0")])
@pytest.mark.parametrize("form", ["columns", "final"])
def test_scores_that_are_none_are_an_error(
    tmp_path: Path, form: str, score: float, said: str
) -> None:
    table = graphs.columns([[32, 32, 20, 20, score]])
    if form == "final":
        table = np.array([[[22, 22, 42, 42, score, 0], [0] * 6]], np.float32)
    file = graphs.answering(tmp_path / "logits.onnx", 64, [table], graphs.FACE)
    with pytest.raises(EngineError, match=rf"logits\.onnx.*{said}; expected 0 to 1"):
        Yolo(file)


def test_a_class_that_is_no_number_is_an_error(tmp_path: Path) -> None:
    table = np.array([[[22, 22, 42, 42, 0.9, 0.4], [0] * 6]], np.float32)
    file = graphs.answering(tmp_path / "odd.onnx", 64, [table], graphs.FACE)
    with pytest.raises(EngineError, match=r"odd\.onnx .* no number of a class"):
        Yolo(file)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_values_that_are_no_numbers_are_an_error(tmp_path: Path, value: float) -> None:
    rotten = np.where(FACES > 0, np.float32(value), FACES)
    file = graphs.answering(tmp_path / "nan.onnx", 64, [rotten], graphs.FACE)
    with pytest.raises(EngineError, match=r"nan\.onnx gave values that are not finite"):
        Yolo(file)


def test_a_pickle_is_not_read_and_it_says_what_to_do(tmp_path: Path) -> None:
    touched = tmp_path / "touched"

    class Bomb:
        def __reduce__(self):
            return Path.touch, (touched,)

    file = tmp_path / "face.pt"
    file.write_bytes(pickle.dumps(Bomb()))
    with pytest.raises(
        MissingEngineError,
        match=r"pickle, which can run any code.*detailer engines import .*face\.pt",
    ):
        Yolo(file)
    assert not touched.exists()


def test_a_pickle_that_was_imported_means_its_onnx(tmp_path: Path) -> None:
    file = tmp_path / "face.pt"
    file.write_bytes(b"a checkpoint")
    made = place_of(fingerprint(file))
    made.parent.mkdir(parents=True)
    graphs.answering(made, 64, [FACES], graphs.FACE)
    assert [found.label for found in Yolo(file)(black(64, 64))] == ["face"]
    moved = file.rename(tmp_path / "elsewhere.PT")
    assert len(Yolo(str(moved))(black(64, 64))) == 1
    moved.write_bytes(b"another checkpoint")
    with pytest.raises(MissingEngineError, match="was not imported"):
        Yolo(moved)


def test_an_unknown_option_is_refused_by_name(tmp_path: Path) -> None:
    file = graphs.answering(tmp_path / "face.onnx", 64, [FACES], graphs.FACE)
    with pytest.raises(InputError, match="no option 'overlapp'; did you mean overlap"):
        open_detector(f"yolo:{file}", overlapp=0.3)
