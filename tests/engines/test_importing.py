"""Importing: only what was allowed, in a process that leaves no trace; whole or not at all."""

from __future__ import annotations

import importlib.util
import os
import select
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from detailer.engines.detectors.yolo.detector import Yolo
from detailer.engines.files import importing
from detailer.engines.files.imported import place_of
from detailer.engines.files.importing import Export, export
from detailer.errors import EngineError, InputError, MissingEngineError
from tests.engines import yolo_graphs as graphs
from tests.engines.checkpoints import checkpoint, install, sha256, witness
from tests.engines.graphs import black


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DETAILER_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("DETAILER_OFFLINE", raising=False)
    install(monkeypatch)


def test_a_checkpoint_becomes_a_detector(tmp_path: Path) -> None:
    file = checkpoint(tmp_path)
    steps = list(export(file, sha256(file)))
    assert steps == [
        "loading Ultralytics (AGPL-3.0)",
        "reading the checkpoint",
        "writing ONNX",
        "opening the ONNX",
    ]
    assert place_of(sha256(file)).is_file()
    assert [found.label for found in Yolo(file)(black(64, 64))] == ["face"]


def test_the_process_has_a_folder_of_its_own_that_is_thrown_away(tmp_path: Path) -> None:
    file = checkpoint(tmp_path / "", "my face.pt")
    before = sorted(tmp_path.iterdir())
    list(export(file, sha256(file).upper()))
    seen = witness(tmp_path)
    assert Path(seen["folder"]) not in (tmp_path, Path.cwd())
    assert not Path(seen["folder"]).exists()
    assert "model.pt" in seen["files"]
    assert sorted(tmp_path.iterdir()) == sorted([*before, tmp_path / "cache"])


def test_the_process_tells_nobody_and_installs_nothing(tmp_path: Path) -> None:
    file = checkpoint(tmp_path)
    list(export(file, sha256(file)))
    seen = witness(tmp_path)
    assert not any(value is True for value in seen["settings"].values())
    assert seen["settings"]["weights_dir"] == "weights"
    given = seen["environment"]
    assert "DETAILER_CACHE" in os.environ
    assert "DETAILER_CACHE" not in given
    assert given["YOLO_AUTOINSTALL"] == "false"
    assert given["YOLO_OFFLINE"] == "true"
    assert given["YOLO_CONFIG_DIR"] == seen["folder"]


def test_the_export_takes_pictures_of_any_shape_at_its_own_size(tmp_path: Path) -> None:
    file = checkpoint(tmp_path)
    list(export(file, sha256(file)))
    options = {"format": "onnx", "dynamic": True, "simplify": False, "device": "cpu"}
    assert witness(tmp_path)["options"] == options
    list(export(file, sha256(file), Export(size=1280)))
    assert witness(tmp_path)["options"] == options | {"imgsz": 1280}


def test_another_file_than_the_one_allowed_is_not_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importing.subprocess, "Popen", lambda *_, **__: 1 / 0)
    file = checkpoint(tmp_path)
    for allowed in ("0" * 64, sha256(file)[:-1], ""):
        with pytest.raises(InputError, match=rf"has the sha256 {sha256(file)}, not .*nothing was"):
            list(export(file, allowed))


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(EngineError, match=r"absent\.pt cannot be read"):
        list(export(tmp_path / "absent.pt", "0" * 64))


@pytest.mark.parametrize("library", ["ultralytics", "onnx"])
def test_a_missing_library_is_named_with_its_extra_and_its_licence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, library: str
) -> None:
    real = importlib.util.find_spec
    monkeypatch.setattr(
        importing, "find_spec", lambda name: None if name == library else real(name)
    )
    file = checkpoint(tmp_path)
    with pytest.raises(
        MissingEngineError, match=rf"{library} is not .*'detailer\[ultralytics\]'.*AGPL-3\.0"
    ):
        list(export(file, sha256(file)))


@pytest.mark.parametrize("version", ["8.3.41", "8.3.46"])
def test_the_versions_that_strangers_published_are_not_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, version: str
) -> None:
    monkeypatch.setattr(importing, "version_of", lambda _: version)
    file = checkpoint(tmp_path)
    with pytest.raises(MissingEngineError, match=f"ultralytics {version} .* harmful"):
        list(export(file, sha256(file)))


@pytest.mark.parametrize(
    ("says", "told"),
    [
        ({"task": "pose"}, "task pose; yolo takes those of detect and segment"),
        ({"raises": "it is no checkpoint"}, "RuntimeError: it is no checkpoint"),
        ({"ends": 7}, "this is chatter of a library"),
        ({"ends": 0}, "this is chatter of a library"),
        ({"onnx": ""}, "made.onnx"),
    ],
)
def test_why_a_checkpoint_could_not_be_exported_is_told(tmp_path: Path, says, told: str) -> None:
    file = checkpoint(tmp_path, **says)
    with pytest.raises(EngineError, match=rf"face\.pt could not be exported: .*{told}"):
        list(export(file, sha256(file)))
    assert not (tmp_path / "cache").exists()


def test_an_export_that_does_not_open_is_not_kept(tmp_path: Path) -> None:
    file = checkpoint(tmp_path, notes={"task": "obb"})
    with pytest.raises(
        EngineError, match=r"face\.pt was exported and does not work: its ONNX is .* task obb"
    ):
        list(export(file, sha256(file)))
    assert not (tmp_path / "cache").exists()


def test_an_export_that_fails_leaves_the_former_one(tmp_path: Path) -> None:
    file = checkpoint(tmp_path)
    list(export(file, sha256(file)))
    before = place_of(sha256(file)).read_bytes()
    Path(tmp_path / "aside" / "face.pt.onnx").write_bytes(b"broken")
    with pytest.raises(EngineError, match="does not work"):
        list(export(file, sha256(file)))
    assert place_of(sha256(file)).read_bytes() == before


@pytest.fixture
def processes(monkeypatch: pytest.MonkeyPatch) -> list[subprocess.Popen[bytes]]:
    """Those that were started."""
    started: list[subprocess.Popen[bytes]] = []

    class Popen(subprocess.Popen):
        def __init__(self, *arguments: Any, **options: Any) -> None:
            super().__init__(*arguments, **options)
            started.append(self)

    monkeypatch.setattr(importing.subprocess, "Popen", Popen)
    return started


def test_an_export_that_takes_too_long_is_ended(tmp_path: Path, processes) -> None:
    file = checkpoint(tmp_path, sleeps=600)
    with pytest.raises(EngineError, match=r"face\.pt was not exported within 1 s"):
        list(export(file, sha256(file), Export(patience=1)))
    assert [process.poll() is None for process in processes] == [False]


def test_the_process_ends_when_nobody_listens_any_more(tmp_path: Path, processes) -> None:
    file = checkpoint(tmp_path, sleeps=600)
    steps = export(file, sha256(file))
    assert next(steps) == "loading Ultralytics (AGPL-3.0)"
    assert processes[0].poll() is None
    steps.close()
    assert processes[0].poll() is not None


def test_a_model_of_words_is_exported_with_the_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "clip.py").write_text("")
    install(monkeypatch, tmp_path)
    for network, opener in (("WorldModel", "YOLOWorld"), ("YOLOESegModel", "YOLOE")):
        file = checkpoint(tmp_path, f"{opener}.pt", network=network)
        steps = list(export(file, sha256(file), Export(("hand", "red hat"))))
        assert "reading the words" in steps
        seen = witness(tmp_path)
        assert (seen["words"], seen["opened by"]) == (["hand", "red hat"], opener)
        # Words are looked up with an encoder that has to be fetched.
        assert seen["environment"]["YOLO_OFFLINE"] == "false"


def test_without_leave_for_the_network_words_are_not_looked_up_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "clip.py").write_text("")
    install(monkeypatch, tmp_path)
    monkeypatch.setenv("DETAILER_OFFLINE", "1")
    file = checkpoint(tmp_path, network="WorldModel")
    list(export(file, sha256(file), Export(("hand",))))
    assert witness(tmp_path)["environment"]["YOLO_OFFLINE"] == "true"


def test_words_for_a_model_of_fixed_classes_are_refused(tmp_path: Path) -> None:
    file = checkpoint(tmp_path)
    with pytest.raises(EngineError, match=r"its classes are fixed \(face\); --classes is for"):
        list(export(file, sha256(file), Export(("hand",))))


def test_words_without_their_encoder_say_what_to_install(tmp_path: Path) -> None:
    if importlib.util.find_spec("clip"):
        pytest.skip("clip is installed here")
    file = checkpoint(tmp_path, network="WorldModel")
    with pytest.raises(EngineError, match=r"CLIP's text encoder; run: pip install git\+https"):
        list(export(file, sha256(file), Export(("hand",))))


@pytest.mark.parametrize("size", [-32, 31, 100])
def test_a_size_that_no_network_takes_is_refused(size: int) -> None:
    with pytest.raises(InputError, match=f"size={size} px; give a multiple of 32"):
        Export(size=size)


def test_a_negative_patience_is_refused() -> None:
    with pytest.raises(InputError, match="patience=0 s"):
        Export(patience=0)


def test_nothing_of_ultralytics_is_imported_here(tmp_path: Path) -> None:
    before = set(sys.modules)
    file = checkpoint(tmp_path)
    list(export(file, sha256(file)))
    assert "ultralytics" not in set(sys.modules) - before
    assert "ultralytics" in witness(tmp_path)["modules"]


def test_a_file_of_the_cache_that_was_damaged_is_named(tmp_path: Path) -> None:
    file = checkpoint(tmp_path)
    list(export(file, sha256(file)))
    place_of(sha256(file)).write_bytes(b"damaged")
    with pytest.raises(EngineError, match=rf"{sha256(file)}\.onnx"):
        Yolo(file)
    graphs.answering(place_of(sha256(file)), 64, [graphs.columns([[9, 9, 9, 9, 0.9]])])
    assert len(Yolo(file)(black(64, 64))) == 1


@pytest.mark.skipif(sys.platform == "win32", reason="Windows knows no groups of processes")
def test_a_process_is_ended_with_what_it_has_started() -> None:
    patient = "import time; print('there', flush=True); time.sleep(60)"
    starts = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {patient!r}])"
    with subprocess.Popen(
        [sys.executable, "-c", starts], stdout=subprocess.PIPE, start_new_session=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"there\n"
        importing._end(process)
        # Who is left of them would hold the output open.
        ready, _, _ = select.select([process.stdout], [], [], 20)
        assert ready
        assert process.stdout.read() == b""
