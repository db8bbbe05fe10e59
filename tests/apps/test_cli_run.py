"""detailer run, with engines that need no model."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.apps.cli_run import FAKES, pixels, run

pytestmark = pytest.mark.usefixtures("pictures")


def test_a_picture_is_detailed_beside_its_source_and_nothing_else_changes(capsys):
    assert run("a.png", *FAKES) == 0
    before, after = pixels("a.png"), pixels("a-detailed.png")
    changed = (before != after).any(axis=2)
    assert changed[10:30, 10:26].mean() > 0.9
    assert not changed[54:].any()
    assert "a.png -> a-detailed.png (2 painted)" in capsys.readouterr().out


def test_a_region_that_fails_leaves_the_picture_written_and_tells_the_code():
    assert run("a.png", "--detector", "two", "--painter", "first-only", "-q") == 1
    changed = (pixels("a.png") != pixels("a-detailed.png")).any(axis=2)
    assert changed[10:30, 10:26].any()
    assert not changed[22:42, 62:82].any()


def test_a_picture_that_fails_is_named_with_the_reason_and_the_others_are_done(capsys):
    Path("broken.png").write_bytes(Path("a.png").read_bytes()[:-40])
    Path("empty.png").write_bytes(b"")
    assert run("broken.png", "empty.png", "a.png", *FAKES) == 1
    out, err = capsys.readouterr()
    assert [line.split()[1] for line in err.splitlines()] == ["broken.png", "empty.png"]
    assert "a.png -> a-detailed.png" in out
    assert out.splitlines()[-1] == "1 of 3 pictures done"
    assert not Path("broken-detailed.png").exists()


def test_a_painter_that_cannot_work_fails_the_picture_and_writes_nothing(capsys):
    assert run("a.png", "--detector", "two", "--painter", "refusing") == 1
    assert capsys.readouterr().err == "detailer: a.png: the canvas is wet\n"
    assert not Path("a-detailed.png").exists()


def test_stopping_leaves_no_half_file_and_keeps_what_was_there(capsys, pictures):
    Path("a-detailed.png").write_bytes(b"before")
    before = sorted(path.name for path in pictures.iterdir())
    assert run("a.png", "--detector", "two", "--painter", "interrupted", "--overwrite") == 130
    assert sorted(path.name for path in pictures.iterdir()) == before
    assert Path("a-detailed.png").read_bytes() == b"before"
    assert "stopped" in capsys.readouterr().err


def test_a_fault_in_an_engine_keeps_its_traceback():
    with pytest.raises(ZeroDivisionError, match="a fault"):
        run("a.png", "--detector", "two", "--painter", "crashing")


def test_nothing_is_done_when_a_target_is_wrong(capsys, pictures):
    Path("b-detailed.png").mkdir()
    assert run("a.png", "b.png", *FAKES) == 2
    assert not Path("a-detailed.png").exists()
    assert capsys.readouterr().err == (
        "detailer: b-detailed.png is a folder; give the name of a file\n"
    )


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["nowhere.png"], "nowhere.png does not exist"),
        (["a.png", "--recipe", "fase"], "did you mean face"),
        (["a.png", "--detector", "too"], "did you mean two"),
        (["a.png", "--painter", "invertin"], "did you mean inverting"),
        (["a.png", "--crop-factor", "0.5"], "crop_factor=0.5 is out of range"),
        (["a.png", "--recipe", "hand"], "--detector yolo:hand_yolov8n.pt"),
        (["a.png", "--recipe", "person"], "--detector yolo:person_yolov8n-seg.pt"),
        (["a.png", "--recipe", "mask"], "--mask FILE"),
        (["a.png", "--mask", "nowhere.png"], "mask nowhere.png is not a file"),
        (["a.png", "--mask", "b.png", "--detector", "two"], "give one of them"),
        (["a.png", "--plan", "nowhere.json"], "plan nowhere.json cannot be read"),
        (["a.png", "b.png", "--plan", "p.json"], "--plan is for one picture"),
        (["a.png", "--quality", "101"], "quality=101 is out of range"),
    ],
)
def test_wrong_use_is_told_before_anything_is_done(capsys, pictures, words, said):
    before = sorted(pictures.iterdir())
    assert run("--quiet", *words) == 2
    assert said in capsys.readouterr().err
    assert sorted(pictures.iterdir()) == before


def test_folders_for_results_are_made(capsys):
    assert run("a.png", "b.png", "-o", "out/deep", *FAKES) == 0
    assert sorted(path.name for path in Path("out/deep").iterdir()) == ["a.png", "b.png"]


def test_a_source_is_replaced_only_with_leave():
    before = Path("a.png").read_bytes()
    assert run("a.png", "-o", "a.png", "-q", *FAKES) == 2
    assert Path("a.png").read_bytes() == before
    assert run("a.png", "-o", "a.png", "--overwrite", "-q", *FAKES) == 0
    assert Path("a.png").read_bytes() != before


def test_a_picture_in_which_nothing_is_found_is_written_as_it_is_and_said(capsys):
    assert run("a.png", "--detector", "none", "--painter", "inverting") == 0
    assert "(nothing found)" in capsys.readouterr().out
    assert (pixels("a.png") == pixels("a-detailed.png")).all()


def test_a_jpeg_in_which_all_is_sharp_is_written_as_the_very_file(capsys):
    blocks = np.random.default_rng(0).integers(0, 256, (8, 12, 3), np.uint8)
    sharp = Image.fromarray(blocks).resize((96, 64), Image.Resampling.NEAREST)
    sharp.save("sharp.jpg", quality=95)
    assert run("sharp.jpg", *FAKES, "--skip-sharp", "0.66") == 0
    assert "2 skipped, nothing painted; what is drawn wrong needs" in capsys.readouterr().out
    assert Path("sharp-detailed.jpg").read_bytes() == Path("sharp.jpg").read_bytes()


def test_pictures_in_which_nothing_is_found_may_be_left_out(capsys):
    words = ["--detector", "none", "--painter", "inverting", "--skip-empty"]
    assert run("a.png", *words) == 0
    assert "not written (nothing found)" in capsys.readouterr().out
    assert not Path("a-detailed.png").exists()
