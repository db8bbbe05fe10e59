"""Network: broken files and missing libraries are named, never taken for an empty picture."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from detailer.core.geometry import Size
from detailer.engines.detectors.session import Hardware, Network, without_size
from detailer.errors import EngineError, InputError, MissingEngineError
from tests.engines import graphs

FIXED = (1, 3, 64, 64)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return graphs.yunet(tmp_path / "model.onnx", graphs.Cell(8, 4, 4), FIXED)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(EngineError, match=r"absent\.onnx cannot be read"):
        Network(tmp_path / "absent.onnx", Hardware())


@pytest.mark.parametrize("any_size", [False, True])
@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is empty"),
        (b"\x89PNG\r\n\x1a\nnot a model", "is not an ONNX model"),
        (b"version https://git-lfs.github.com/spec/v1\noid", "git lfs pull"),
    ],
)
def test_a_broken_file_is_refused_with_its_name(
    tmp_path: Path, content: bytes, words: str, any_size: bool
) -> None:
    path = tmp_path / "broken.onnx"
    path.write_bytes(content)
    with pytest.raises(EngineError, match=rf"broken\.onnx {words}|broken\.onnx.*{words}"):
        Network(path, Hardware(), any_size)


@pytest.mark.parametrize("any_size", [False, True])
def test_a_truncated_file_is_refused_with_its_name(file: Path, any_size: bool) -> None:
    file.write_bytes(file.read_bytes()[:-200])
    with pytest.raises(EngineError, match=r"model\.onnx"):
        Network(file, Hardware(), any_size)


def test_a_model_without_a_picture_as_input_is_refused(tmp_path: Path) -> None:
    node = helper.make_node("Identity", ["x"], ["y"])
    values = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [4]) for name in "xy"]
    graph = helper.make_graph([node], "g", values[:1], values[1:])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    path = tmp_path / "vector.onnx"
    path.write_bytes(model.SerializeToString())
    with pytest.raises(EngineError, match=r"vector\.onnx takes x \[4\].*expected one float"):
        Network(path, Hardware())


def test_values_that_are_not_numbers_are_an_error(tmp_path: Path) -> None:
    graph = graphs.Graph()
    rotten = graph.node("Div", graph.red("picture", 0, 8), graph.constant(0))
    path = graph.save(tmp_path / "rotten.onnx", FIXED, {"y": rotten})
    network = Network(path, Hardware())
    with pytest.raises(EngineError, match=r"rotten\.onnx gave values that are not finite"):
        network(np.zeros(FIXED, np.float32))


def test_a_picture_of_a_size_that_the_file_does_not_take_is_an_error(file: Path) -> None:
    network = Network(file, Hardware())
    assert network.size == Size(64, 64)
    with pytest.raises(EngineError, match="cannot look at a picture of 96×32"):
        network(np.zeros((1, 3, 32, 96), np.float32))


def test_without_its_declared_size_a_file_takes_every_size(file: Path) -> None:
    network = Network(file, Hardware(threads=1), any_size=True)
    assert network.size is None
    for height, width in [(64, 64), (32, 96), (128, 64)]:
        outputs = network(np.zeros((1, 3, height, width), np.float32))
        assert outputs[0].shape == (1, height * width // 64, 1)


def test_nothing_that_says_a_size_is_left(tmp_path: Path) -> None:
    model = onnx.load_model(graphs.centerface(tmp_path / "model.onnx", 40, 60))
    weight = model.graph.initializer[0]
    model.graph.input.append(
        helper.make_tensor_value_info(weight.name, weight.data_type, list(weight.dims))
    )
    model.graph.value_info.append(
        helper.make_tensor_value_info("value0", TensorProto.FLOAT, [10, 1, 32, 32])
    )
    free = onnx.load_model_from_string(without_size(model.SerializeToString(), tmp_path))
    assert [one.name for one in free.graph.input] == ["picture"]
    sides = [
        side.dim_param or side.dim_value for side in free.graph.input[0].type.tensor_type.shape.dim
    ]
    assert sides == ["batch", 3, "height", "width"]
    assert not free.graph.value_info
    assert not any(output.type.tensor_type.HasField("shape") for output in free.graph.output)


@pytest.mark.parametrize(("library", "any_size"), [("onnxruntime", False), ("onnx", True)])
def test_a_missing_library_is_named_with_the_extra_that_brings_it(
    file: Path, monkeypatch: pytest.MonkeyPatch, library: str, any_size: bool
) -> None:
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(MissingEngineError, match=rf"{library} is not.*detailer\[onnx\]"):
        Network(file, Hardware(), any_size)


def test_cuda_is_refused_where_there_is_none(file: Path) -> None:
    import onnxruntime

    if "CUDAExecutionProvider" in onnxruntime.get_available_providers():
        pytest.skip("this onnxruntime has CUDA")
    with pytest.raises(MissingEngineError, match="onnxruntime-gpu"):
        Network(file, Hardware("cuda"))


@pytest.mark.parametrize(("name", "value"), [("device", "tpu"), ("threads", -1)])
def test_unknown_hardware_is_refused_with_its_value(name: str, value: object) -> None:
    with pytest.raises(InputError, match=f"{name}={value!r}"):
        Hardware(**{name: value})


def _external(path: Path, beside: str = "model.onnx.data") -> Path:
    """YuNet with its weights in a file beside it, as exporters write large models."""
    inside = graphs.yunet(path.with_name("inside.onnx"), graphs.Cell(8, 4, 4), FIXED)
    onnx.save_model(
        onnx.load(inside),
        path,
        save_as_external_data=True,
        all_tensors_to_one_file=True,
        location=beside,
        size_threshold=0,
        convert_attribute=True,
    )
    return path


def _placed(path: Path, place: str) -> Path:
    """The same file, saying that its weights lie elsewhere."""
    model = onnx.load(path, load_external_data=False)
    for weight in model.graph.initializer:
        for entry in weight.external_data:
            if entry.key == "location":
                entry.value = place
    path.write_bytes(model.SerializeToString())
    return path


@pytest.mark.parametrize("any_size", [False, True])
def test_weights_in_a_file_beside_the_model_give_the_same_answers(
    tmp_path: Path, any_size: bool
) -> None:
    path = _external(tmp_path / "model.onnx")
    assert (tmp_path / "model.onnx.data").stat().st_size > 0
    picture = np.random.default_rng(0).uniform(0, 255, FIXED).astype(np.float32)
    given = Network(path, Hardware(), any_size)(picture)
    expected = Network(tmp_path / "inside.onnx", Hardware(), any_size)(picture)
    assert all(np.array_equal(a, b) for a, b in zip(given, expected, strict=True))


@pytest.mark.parametrize("any_size", [False, True])
def test_weights_in_a_folder_beside_the_model_are_read(tmp_path: Path, any_size: bool) -> None:
    path = _external(tmp_path / "model.onnx")
    (tmp_path / "weights").mkdir()
    (tmp_path / "model.onnx.data").rename(tmp_path / "weights" / "w.bin")
    _placed(path, "weights/w.bin")
    assert Network(path, Hardware(), any_size)(np.zeros(FIXED, np.float32))


@pytest.mark.parametrize("place", ["../weights.bin", "/etc/hostname", "a/../../b", "C:\\w.bin", ""])
@pytest.mark.parametrize("any_size", [False, True])
def test_weights_outside_the_models_folder_are_not_read(
    tmp_path: Path, place: str, any_size: bool
) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "weights.bin").write_bytes(bytes(4096))
    path = _placed(_external(tmp_path / "in" / "model.onnx"), place)
    with pytest.raises(EngineError, match=r"model\.onnx keeps weights in .*not in its folder"):
        Network(path, Hardware(), any_size)


def test_a_link_to_weights_elsewhere_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    path = _external(tmp_path / "in" / "model.onnx")
    data = tmp_path / "in" / "model.onnx.data"
    data.rename(tmp_path / "weights.bin")
    data.symlink_to(tmp_path / "weights.bin")
    with pytest.raises(EngineError, match="a link that leads out of its folder"):
        Network(path, Hardware())


def test_weights_that_are_not_there_are_named(tmp_path: Path) -> None:
    path = _external(tmp_path / "model.onnx")
    (tmp_path / "model.onnx.data").unlink()
    with pytest.raises(EngineError, match=r"'model\.onnx\.data', which is not there; put"):
        Network(path, Hardware())


@pytest.mark.parametrize("any_size", [False, True])
def test_weights_that_end_too_early_are_an_error(tmp_path: Path, any_size: bool) -> None:
    path = _external(tmp_path / "model.onnx")
    (tmp_path / "model.onnx.data").write_bytes(b"")
    with pytest.raises(EngineError, match=r"model\.onnx"):
        Network(path, Hardware(), any_size)
