"""detailer engines import: it says what a pickle is, and makes ONNX of the one that is allowed."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from detailer.apps.cli import engines_import, main
from detailer.engines.files.imported import place_of
from tests.engines.checkpoints import checkpoint, install, sha256, witness


@pytest.fixture(autouse=True)
def here(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("DETAILER_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    install(monkeypatch)


def allowed(*words: str) -> int:
    return main(["engines", "import", "face.pt", "--allow", sha256(Path("face.pt")), *words])


def test_without_leave_nothing_is_read_and_what_it_takes_is_told(capsys, tmp_path, monkeypatch):
    monkeypatch.setattr(engines_import, "export", lambda *_: 1 / 0)
    checkpoint(tmp_path)
    assert main(["engines", "import", "face.pt"]) == 1
    out = capsys.readouterr().out
    assert "can run any code" in out
    assert "Nothing of it was read" in out
    assert f"sha256  {sha256(Path('face.pt'))}" in out
    assert "AGPL-3.0" in out
    assert not Path("cache").exists()


def test_the_command_that_is_told_is_the_one_that_imports(capsys, tmp_path):
    checkpoint(tmp_path, "my face.pt")
    assert main(["engines", "import", "my face.pt", "--size", "320", "-o", "face.onnx"]) == 1
    command = capsys.readouterr().out.strip().splitlines()[-1].strip()
    program, *words = shlex.split(command)
    assert program == "detailer"
    assert main(words) == 0
    assert Path("face.onnx").is_file()
    assert witness(tmp_path)["options"]["imgsz"] == 320


def test_a_checkpoint_is_imported_step_by_step(capsys, tmp_path):
    file = checkpoint(tmp_path)
    assert allowed() == 0
    out, err = capsys.readouterr()
    assert err.splitlines() == [
        "face.pt: loading Ultralytics (AGPL-3.0)",
        "face.pt: reading the checkpoint",
        "face.pt: writing ONNX",
        "face.pt: opening the ONNX",
    ]
    assert "use it as yolo:face.pt" in out
    assert "finds  face" in out
    assert str(place_of(sha256(file))) in out


def test_what_was_imported_is_not_imported_again(capsys, tmp_path, monkeypatch):
    checkpoint(tmp_path)
    assert allowed() == 0
    monkeypatch.setattr(engines_import, "export", lambda *_: 1 / 0)
    assert allowed() == 0
    assert main(["engines", "import", "face.pt", "-o", "copy.onnx"]) == 0
    assert "imported already" in capsys.readouterr().out
    assert Path("copy.onnx").read_bytes() == place_of(sha256(Path("face.pt"))).read_bytes()
    for more in (["--size", "64"], ["--classes", "hand"]):
        assert allowed(*more) == 2
        assert "--overwrite" in capsys.readouterr().err


def test_it_is_imported_anew_where_that_is_asked_for(tmp_path):
    checkpoint(tmp_path)
    assert allowed() == 0
    assert allowed("--size", "64", "--overwrite") == 0
    assert witness(tmp_path)["options"]["imgsz"] == 64


def test_words_are_passed_on(capsys, tmp_path, monkeypatch):
    (tmp_path / "clip.py").write_text("")
    install(monkeypatch, tmp_path)
    checkpoint(tmp_path, network="WorldModel")
    assert allowed("--classes", "hand, red hat,") == 0
    assert witness(tmp_path)["words"] == ["hand", "red hat"]
    assert "face.pt: reading the words" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["face.onnx"], "needs no import; use it as yolo:face.onnx"),
        (["sd.safetensors"], "sd.safetensors is no .pt"),
        (["absent.pt"], "absent.pt cannot be read"),
        (["face.pt", "--allow", "0" * 64], "is not the file that was allowed"),
        (["face.pt", "--size", "33"], "size=33 px"),
        (["face.pt", "-o", "face.txt"], "face.txt is no .onnx file"),
        (["face.pt", "-o", "there.onnx"], "there.onnx is there already"),
        (["face.pt", "-o", "face.pt"], "face.pt is a source"),
        (["face.pt", "--alow", "x"], "did you mean --allow?"),
        ([], "FILE.pt"),
    ],
)
def test_what_cannot_be_done_is_told_in_one_line(capsys, tmp_path, words, told):
    checkpoint(tmp_path)
    Path("there.onnx").write_bytes(b"mine")
    assert main(["engines", "import", *words]) == 2
    err = capsys.readouterr().err
    assert told in err
    assert err.splitlines()[-1].startswith("detailer: ")
    assert Path("there.onnx").read_bytes() == b"mine"


def test_why_it_failed_is_told(capsys, tmp_path):
    checkpoint(tmp_path, task="classify")
    assert allowed("-o", "face.onnx") == 2
    assert "face.pt could not be exported: it is of the task classify" in capsys.readouterr().err
    assert not Path("face.onnx").exists()


def test_its_help_names_the_licence_and_the_extra(capsys):
    assert main(["engines", "import", "--help"]) == 0
    out = capsys.readouterr().out
    assert "AGPL-3.0" in out
    assert "pip install 'detailer[ultralytics]'" in out
    assert "pickle" in out


def test_segmenters_are_listed(capsys):
    assert main(["engines"]) == 0
    out = capsys.readouterr().out
    assert out.count("Segmenters\n") == 1
    assert "  sam\n" in out
    assert "  yolo\n" in out
