"""detailer detect and detailer plan: what is found and what would be done."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from detailer.apps.cli import main
from detailer.core.planfile import loads
from tests.published import publish

TWO = ["--detector", "two"]


@pytest.fixture(autouse=True)
def here(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "packages").mkdir()
    publish(monkeypatch, tmp_path / "packages")
    for level, name in ((60, "a.png"), (90, "b.png")):
        Image.fromarray(np.full((64, 96, 3), level, np.uint8)).save(name)
    return tmp_path


def size(name):
    with Image.open(name) as image:
        return image.size


def test_what_is_found_is_told_in_a_line_of_json_for_each_picture(capsys):
    assert main(["detect", "a.png", "b.png", *TWO]) == 0
    first, second = map(json.loads, capsys.readouterr().out.splitlines())
    assert (first["picture"], second["picture"]) == ("a.png", "b.png")
    assert first["size"] == [96, 64]
    assert first["regions"][0] == {
        "index": 0,
        "label": "face",
        "score": 1.0,
        "box": [8, 8, 32, 32],
        "masked": 34 * 34,
        "landmarks": [],
    }


def test_what_was_found_can_be_given_back_as_boxes(capsys):
    assert main(["detect", "a.png", "-o", "out/found.json", *TWO]) == 0
    assert capsys.readouterr().out == ""
    assert main(["detect", "a.png", "--detector", "boxes:out/found.json"]) == 0
    again = json.loads(capsys.readouterr().out)
    assert again == json.loads(Path("out/found.json").read_text())


def test_a_mask_that_is_not_a_box_is_tinted(capsys):
    flat = ["--dilation", "0", *TWO]
    assert main(["detect", "a.png", "--picture", "box.png", *flat]) == 0
    assert main(["detect", "a.png", "--picture", "round.png", "--shape", "ellipse", *flat]) == 0
    with Image.open("box.png") as box, Image.open("round.png") as ellipse:
        plain, tinted = np.asarray(box), np.asarray(ellipse)
    middle, corner = (240, 220), (100, 100)
    assert (plain[middle] == plain[corner]).all()
    assert (plain[corner] == tinted[corner]).all()
    assert (plain[middle] != tinted[middle]).any()


def test_settings_say_what_is_looked_for(capsys):
    assert main(["detect", "a.png", "--top-k", "1", *TWO]) == 0
    assert len(json.loads(capsys.readouterr().out)["regions"]) == 1


@pytest.mark.parametrize("command", ["detect", "plan"])
@pytest.mark.parametrize("ending", ["png", "jpg", "webp"])
def test_a_drawing_is_written_beside_the_json(capsys, command, ending):
    assert main([command, "a.png", "--picture", f"drawn.{ending}", *TWO]) == 0
    assert size(f"drawn.{ending}")[0] == 1000
    assert main([command, "a.png", "b.png", "--picture", "drawn/", *TWO]) == 0
    assert size("drawn/b.png")[0] == 1000


@pytest.mark.parametrize(
    "words",
    [
        ["detect", "a.png", "-o"],
        ["plan", "a.png", "-o"],
        ["plan", "a.png", "--picture"],
        ["recipe", "print", "-o"],
    ],
)
def test_what_is_there_is_only_replaced_with_leave(capsys, words):
    name = "mine.png" if "--picture" in words else "mine.json"
    Path(name).write_text("mine")
    more = [] if words[0] == "recipe" else TWO
    assert main([*words, name, *more]) == 2
    assert (
        f"{name} is there already; give another target, or --overwrite" in capsys.readouterr().err
    )
    assert Path(name).read_text() == "mine"
    assert main([*words, name, "--overwrite", *more]) == 0
    assert Path(name).read_bytes() != b"mine"


def test_detecting_needs_no_model_of_the_painter(capsys):
    assert main(["detect", "a.png", "--painter", "diffusion:gone.safetensors", *TWO]) == 0


def test_a_plan_is_printed_and_read_again(capsys):
    assert main(["plan", "a.png", *TWO]) == 0
    plan = loads(capsys.readouterr().out)
    assert [patch.index for patch in plan.patches] == [0, 1]
    assert plan.picture


def test_several_plans_go_into_a_folder(capsys):
    assert main(["plan", "a.png", "b.png", *TWO]) == 2
    assert "give a folder with -o" in capsys.readouterr().err
    assert main(["plan", "a.png", "b.png", "-o", "plans", *TWO]) == 0
    assert len(loads(Path("plans/b.json").read_text()).patches) == 2


def test_planning_needs_no_painter(capsys):
    words = ["--guide-size", "64", "--no-force-inpaint", "--painter", "refusing", *TWO]
    assert main(["plan", "a.png", *words]) == 0
    assert len(loads(capsys.readouterr().out).patches) == 2


def test_what_would_be_skipped_is_in_the_plan_with_its_reason(capsys):
    words = ["--detector", "boxes:0,0,96,64", "--guide-size", "64", "--no-force-inpaint"]
    assert main(["plan", "a.png", "--picture", "drawn.png", *words]) == 0
    assert main(["plan", "a.png", *words]) == 0
    (skip,) = loads(capsys.readouterr().out).skipped
    assert "large already" in skip.reason


def test_plan_goes_on_after_a_picture_that_cannot_be_read(capsys):
    Path("empty.png").write_bytes(b"")
    assert main(["plan", "empty.png", "a.png", "-o", "out/", *TWO]) == 1
    assert capsys.readouterr().err.startswith("detailer: empty.png is empty")
    assert [path.name for path in Path("out").iterdir()] == ["a.json"]


def test_all_that_was_found_goes_to_one_file(capsys):
    assert main(["detect", "a.png", "b.png", "-o", "found.json", *TWO]) == 0
    assert len(Path("found.json").read_text().splitlines()) == 2
    assert main(["detect", "a.png", "-o", "out/", *TWO]) == 2
    assert main(["detect", "a.png", "b.png", "-o", "b.png", *TWO]) == 2
    assert "b.png is a source" in capsys.readouterr().err


def test_detect_goes_on_after_a_picture_that_cannot_be_read(capsys):
    Path("empty.png").write_bytes(b"")
    assert main(["detect", "empty.png", "a.png", *TWO]) == 1
    out, err = capsys.readouterr()
    assert err.startswith("detailer: empty.png is empty")
    assert json.loads(out)["picture"] == "a.png"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--picture", "a.png"], "a.png is a source; give another target"),
        (["--picture", "drawn.tif"], "drawn.tif names no format"),
        (["-o", "a.png"], "a.png is a source"),
        (["--detector", "tow"], "did you mean two?"),
        (["--threshold", "2"], "threshold=2.0 is out of range"),
    ],
)
@pytest.mark.parametrize("command", ["detect", "plan"])
def test_wrong_use_is_told_before_anything_is_done(capsys, here, command, words, said):
    before = {path: path.read_bytes() for path in here.glob("*.*") if path.is_file()}
    code = main([command, "a.png", *(TWO if "--detector" not in words else []), *words])
    err = capsys.readouterr().err
    assert code == 2
    assert said in err or (command == "plan" and "-o" in words and "names no format" in err)
    assert {path: path.read_bytes() for path in here.glob("*.*") if path.is_file()} == before
