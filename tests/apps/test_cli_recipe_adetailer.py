"""detailer recipe from-adetailer: files, pictures and pipes."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from detailer.apps.cli import main
from detailer.recipe import Recipe
from detailer.recipes import find
from tests.engines.places import data_file

TABS = [True, False, {"ad_model": "face_yolov8n.pt", "ad_confidence": 0.4}]
INFOTEXT = "{a|b} cat\nSteps: 20, Seed: 1, Size: 512x512, ADetailer model: face_yolov8n.pt"


@pytest.fixture(autouse=True)
def here(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)


def converted(*words: str) -> int:
    return main(["recipe", "from-adetailer", *words])


def pipe(monkeypatch: pytest.MonkeyPatch, content: bytes) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(content)))


def test_the_recipe_of_a_json_file_is_printed_and_its_notes_are_told(
    capsys: pytest.CaptureFixture[str],
) -> None:
    Path("tabs.json").write_text(json.dumps(TABS))
    assert converted("tabs.json") == 0
    out, err = capsys.readouterr()
    assert Recipe.parse(out) == Recipe.from_adetailer(TABS)
    assert "detailer: ad_model: face_yolov8n.pt is once made" in err
    assert "detailer engines import face_yolov8n.pt" in err


def test_quiet_leaves_the_notes_out(capsys: pytest.CaptureFixture[str]) -> None:
    Path("tabs.json").write_text(json.dumps(TABS))
    assert converted("tabs.json", "-q") == 0
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("ending", ["toml", "json", "yaml"])
def test_the_recipe_is_written_and_can_be_used(ending: str) -> None:
    Path("tabs.json").write_text(json.dumps(TABS))
    assert converted("tabs.json", "-o", f"mine.{ending}") == 0
    assert find(f"mine.{ending}") == Recipe.from_adetailer(TABS)
    assert main(["recipe", "check", f"mine.{ending}"]) == 0
    assert converted("tabs.json", "-o", f"mine.{ending}") == 2
    assert converted("tabs.json", "-o", f"mine.{ending}", "--overwrite") == 0


@pytest.mark.parametrize("content", [json.dumps(TABS).encode(), INFOTEXT.encode("utf-8-sig")])
def test_json_and_infotexts_are_read_from_a_pipe(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], content: bytes
) -> None:
    pipe(monkeypatch, content)
    assert converted("-") == 0
    assert 'detector = "yolo:face_yolov8n.pt"' in capsys.readouterr().out


def test_a_picture_gives_its_infotext_whatever_its_name_says(
    capsys: pytest.CaptureFixture[str],
) -> None:
    info = PngInfo()
    info.add_text("parameters", INFOTEXT)
    Image.new("RGB", (8, 8)).save("picture", "png", pnginfo=info)
    assert converted("picture") == 0
    assert "painted_width = 512" in capsys.readouterr().out


def test_a_picture_of_a1111_gives_a_recipe_that_is_right(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert converted(str(data_file("ai/sd15_street6_a1111.png")), "-o", "mine.toml") == 0
    assert main(["recipe", "check", "mine.toml"]) == 0
    assert "right, 1 pass" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "standard input: no ADetailer stands in this infotext"),
        (b"a cat", "standard input: no ADetailer"),
        (b"[true, {", "standard input is not JSON"),
        (b"[" * 100_000, "standard input is not JSON"),
        (b'{"ad_modle": "x"}', "unknown argument 'ad_modle'; did you mean ad_model?"),
        (b'{"a": 1}', "nothing of ADetailer is in it"),
        (b"3", "no ADetailer"),
        (b"\xff\xfe\x00\x01", "neither text nor a picture"),
        (b'[true, {"ad_model": "x", "ad_steps": 1e999}]', "ad_steps="),
        (b" " * 16_000_100, "longer than 16,000,000 bytes"),
    ],
    ids=range(10),
)
def test_what_is_wrong_is_told_in_a_line(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    content: bytes,
    words: str,
) -> None:
    pipe(monkeypatch, content)
    assert converted("-") == 2
    err = capsys.readouterr().err
    assert words in err
    assert len(err) < 1500


def test_a_file_that_is_wrong_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    Path("tabs.json").write_text('{"ad_confidence": 2}')
    Image.new("RGB", (8, 8)).save("bare.png")
    Path("cut.png").write_bytes(Path("bare.png").read_bytes()[:40])
    for name, words in (
        ("tabs.json", "tabs.json: tab 1: ad_confidence=2.0 is out of range"),
        ("nowhere.json", "nowhere.json cannot be read: No such file"),
        ("bare.png", "bare.png: no infotext is in this picture"),
        ("cut.png", "cut.png cannot be read"),
    ):
        assert converted(name) == 2
        err = capsys.readouterr().err
        assert err.count("detailer: ") == 1
        assert words.replace("=2.0", "=2") in err


def test_the_help_names_the_verb(capsys: pytest.CaptureFixture[str]) -> None:
    assert converted("--help") == 0
    assert main(["recipe", "--help"]) == 0
    assert capsys.readouterr().out.count("from-adetailer") >= 3
