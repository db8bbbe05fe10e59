"""How MediaPipe is opened, without it: what is fetched, what is missing, and what it raises."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from detailer.core.geometry import Size
from detailer.engines.catalog import open_detector
from detailer.engines.detectors.listed import DETECTORS
from detailer.engines.detectors.mediapipe.detector import MODELS, open_mediapipe
from detailer.engines.detectors.mediapipe.task import INSTALL
from detailer.errors import EngineError, InputError, MissingEngineError

MODEL = b"\x1c\0\0\0TFL3" + bytes(64)


@pytest.fixture
def model(tmp_path: Path) -> Path:
    file = tmp_path / "face.tflite"
    file.write_bytes(MODEL)
    return file


class Standin:
    """What is used of MediaPipe; `fails` maps a step to what it raises."""

    def __init__(self, **fails: Exception) -> None:
        self.fails = fails
        self.closed = 0
        self._handle: object | None = object()
        self.options: Any = None

    def do(self, step: str) -> None:
        if step in self.fails:
            raise self.fails[step]

    def create_from_options(self, options: Any) -> Standin:
        self.options = options
        os.write(2, b"I0000 chatter\n")
        self.do("create")
        return self

    def detect(self, image: Any) -> Any:
        self.do("detect")
        if image.size != Size(64, 64):
            self.do("later")
        return SimpleNamespace(detections=[])

    def close(self) -> None:
        self.closed += 1
        self.do("close")
        self._handle = None


@pytest.fixture
def pretend(monkeypatch: pytest.MonkeyPatch):
    """Puts a stand-in where MediaPipe would be."""

    def put(standin: Standin) -> Standin:
        class BaseOptions:
            Delegate = SimpleNamespace(CPU=1, GPU=2)

            def __init__(self, **settings: Any) -> None:
                self.settings = settings

        def image(kind: str, pixels: np.ndarray) -> Any:
            return SimpleNamespace(size=Size(pixels.shape[1], pixels.shape[0]))

        vision = SimpleNamespace(
            FaceDetectorOptions=lambda **settings: settings, FaceDetector=standin
        )
        tasks = SimpleNamespace(BaseOptions=BaseOptions, vision=vision)
        library = SimpleNamespace(Image=image, ImageFormat=SimpleNamespace(SRGB=1), tasks=tasks)
        monkeypatch.setitem(sys.modules, "mediapipe", library)
        return standin

    return put


FAULTS = [
    RuntimeError("Calculator failed:\n  RET_CHECK"), ValueError("no flatbuffer"), TimeoutError(),
    PermissionError("denied"), IndexError("out"), NotImplementedError("no GPU"), MemoryError(),
    TypeError("other version"), AttributeError("no such option"),
]  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: type(fault).__name__)
@pytest.mark.parametrize("step", ["create", "detect"])
def test_whatever_it_raises_at_the_start_is_an_error_that_names_it(
    model: Path, pretend, step: str, fault: Exception
) -> None:
    standin = pretend(Standin(**{step: fault}))
    said = " ".join(str(fault).split()) or type(fault).__name__
    with pytest.raises(EngineError, match=rf"mediapipe: .*face\.tflite does not run: {said}"):
        open_mediapipe(model)
    assert standin.closed == (step == "detect")


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: type(fault).__name__)
def test_whatever_it_raises_over_a_picture_is_an_error_that_names_both(
    model: Path, pretend, fault: Exception
) -> None:
    pretend(Standin(later=fault))
    detector = open_mediapipe(model)
    words = r"mediapipe: .*face\.tflite cannot look at a picture of 9×7: "
    with pytest.raises(EngineError, match=words):
        detector(np.zeros((7, 9, 3), np.uint8))


def test_a_task_that_cannot_be_closed_is_forgotten(model: Path, pretend) -> None:
    standin = pretend(Standin(close=RuntimeError("it failed before")))
    detector = open_mediapipe(model)
    assert standin._handle is not None
    del detector
    assert (standin.closed, standin._handle) == (1, None)


def test_what_it_writes_to_the_terminal_while_opened_is_held_back(
    model: Path, pretend, capfd: pytest.CaptureFixture[str]
) -> None:
    pretend(Standin())
    open_mediapipe(model)
    assert capfd.readouterr().err == ""
    os.write(2, b"others are heard")
    assert capfd.readouterr().err == "others are heard"


def test_the_terminal_is_given_back_when_opening_fails(
    model: Path, pretend, capfd: pytest.CaptureFixture[str]
) -> None:
    pretend(Standin(create=ValueError("no")))
    with pytest.raises(EngineError):
        open_mediapipe(model)
    os.write(2, b"still there")
    assert capfd.readouterr().err == "still there"


@pytest.mark.parametrize(("device", "delegate"), [("auto", 1), ("cpu", 1), ("gpu", 2)])
def test_threshold_device_and_the_models_bytes_reach_it(
    model: Path, pretend, device: str, delegate: int
) -> None:
    standin = pretend(Standin())
    open_mediapipe(model, threshold=0.3, device=device)
    assert standin.options["min_detection_confidence"] == 0.3
    settings = standin.options["base_options"].settings
    assert settings == {"model_asset_buffer": MODEL, "delegate": delegate}


def test_without_mediapipe_it_says_how_to_install_it_without_a_second_opencv(
    model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "mediapipe", None)
    with pytest.raises(MissingEngineError, match="mediapipe cannot be imported") as error:
        open_mediapipe(model)
    (listed,) = [listed for listed in DETECTORS if listed.name == "mediapipe"]
    assert INSTALL in str(error.value)
    assert INSTALL in listed.remedy


@pytest.mark.parametrize("word", MODELS)
def test_a_word_names_a_file_of_its_makers_pinned_by_version_and_hash(word: str) -> None:
    _, download = MODELS[word]
    assert download.address.startswith("https://storage.googleapis.com/mediapipe-models/")
    assert download.address.endswith(f"/float16/1/{download.file}")
    assert len(bytes.fromhex(download.sha256)) == 32
    assert 100_000 < download.bytes < 10_000_000


@pytest.mark.parametrize("word", ["face", "MESH", "hands"])
def test_offline_it_says_where_the_file_is_to_be_had(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, word: str
) -> None:
    monkeypatch.setenv("DETAILER_CACHE", str(tmp_path))
    monkeypatch.setenv("DETAILER_OFFLINE", "1")
    with pytest.raises(MissingEngineError, match=MODELS[word.lower()][1].address):
        open_mediapipe(word)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"kind": "nose"}, "kind='nose' is unknown; give one of .*'hands'"),
        ({"path": "mesh", "kind": "hands"}, "mediapipe:mesh finds mesh, not kind=hands"),
        ({"kind": "eyes"}, "is for kind=face, not for kind=eyes"),
        ({"threshold": 1.5}, "threshold=1.5 is outside 0 to 1"),
        ({"most": 0}, "most=0; look for at least 1"),
        ({"device": "tpu"}, "device='tpu' is unknown; give one of .*'gpu'"),
    ],
)
def test_what_it_is_told_is_checked_before_anything_is_opened(
    model: Path, options: dict[str, Any], words: str
) -> None:
    with pytest.raises(InputError, match=words):
        open_mediapipe(**{"path": model} | options)


def test_it_is_in_the_catalog_with_its_options(model: Path, pretend, monkeypatch) -> None:
    standin = pretend(Standin())
    monkeypatch.setattr("detailer.engines.listed.find_spec", lambda name: object())
    open_detector(f"mediapipe:{model}", threshold=0.7, most=3)
    assert standin.options["min_detection_confidence"] == 0.7
