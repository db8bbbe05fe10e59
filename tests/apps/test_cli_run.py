"""detailer run, with engines that need no model."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from detailer.apps.cli import main
from detailer.apps.files import read, read_record
from tests.published import publish

FAKES = ["--detector", "two", "--painter", "inverting"]


@pytest.fixture(autouse=True)
def here(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "packages").mkdir()
    publish(monkeypatch, tmp_path / "packages")
    slope = np.linspace(20, 100, 96, dtype=np.uint8)[None, :, None]
    for level, name in enumerate(("a.png", "b.png")):
        Image.fromarray(np.tile(slope + level, (64, 1, 3))).save(name)
    return tmp_path


def run(*words):
    return main(["run", *words])


def pixels(name):
    with Image.open(name) as image:
        return np.asarray(image).astype(int)


def mode(name):
    with Image.open(name) as image:
        return image.mode


def steps(out):
    return [json.loads(line) for line in out.splitlines()]


def test_a_picture_is_detailed_beside_its_source_and_nothing_else_changes(capsys):
    assert run("a.png", *FAKES) == 0
    before, after = pixels("a.png"), pixels("a-detailed.png")
    changed = (before != after).any(axis=2)
    assert changed[10:30, 10:26].mean() > 0.9
    assert not changed[54:].any()
    assert "a.png -> a-detailed.png (2 painted)" in capsys.readouterr().out


def test_a_log_has_one_line_for_each_thing_that_happens(capsys):
    run("a.png", "b.png", *FAKES)
    out, err = capsys.readouterr()
    assert err == ""
    lines = out.splitlines()
    assert lines[0] == "a.png: 2 found, 2 to paint"
    assert lines[1].startswith("a.png: region 0 painted at ")
    assert lines[-1] == "2 of 2 pictures done"
    assert len(lines) == 9


def test_quiet_is_silent(capsys):
    assert run("a.png", "--quiet", *FAKES) == 0
    assert capsys.readouterr() == ("", "")


def test_json_tells_every_step_in_a_line(capsys):
    assert run("a.png", "--json", "--preview", "--painter", "first-only", "--detector", "two") == 1
    out, err = capsys.readouterr()
    told = steps(out)
    assert [step["step"] for step in told if step["step"] != "progress"] == [
        "planned",
        "painted",
        "failed",
        "finished",
        "done",
    ]
    painted = next(step for step in told if step["step"] == "painted")
    assert painted["index"] == 0
    assert painted["box"] == [8, 8, 32, 32]
    failed = next(step for step in told if step["step"] == "failed")
    assert failed["reason"] == "out of paint"
    finished = told[-2]
    assert finished["files"] == ["a-detailed.png", "a-detailed-preview.png"]
    assert finished["regions"] == {"painted": 1, "skipped": 0, "failed": 1}
    assert told[-1] == {"step": "done", "pictures": 1, "failures": 1}
    assert "region 1 stays as it was: out of paint" in err


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


def test_stopping_leaves_no_half_file_and_keeps_what_was_there(capsys, here):
    Path("a-detailed.png").write_bytes(b"before")
    before = sorted(path.name for path in here.iterdir())
    assert run("a.png", "--detector", "two", "--painter", "interrupted") == 130
    assert sorted(path.name for path in here.iterdir()) == before
    assert Path("a-detailed.png").read_bytes() == b"before"
    assert "stopped" in capsys.readouterr().err


def test_a_fault_in_an_engine_keeps_its_traceback():
    with pytest.raises(ZeroDivisionError, match="a fault"):
        run("a.png", "--detector", "two", "--painter", "crashing")


def test_nothing_is_done_when_a_target_is_wrong(capsys, here):
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
        (["a.png", "--painter", "inverted"], "inverting"),
        (["a.png", "--crop-factor", "0.5"], "crop_factor=0.5 is out of range"),
        (["a.png", "--recipe", "hand"], "--detector yolox:HANDS.onnx"),
        (["a.png", "--recipe", "person"], "--detector yolox:PERSON.onnx"),
        (["a.png", "--recipe", "mask"], "--mask FILE"),
        (["a.png", "--mask", "nowhere.png"], "mask nowhere.png is not a file"),
        (["a.png", "--mask", "b.png", "--detector", "two"], "give one of them"),
        (["a.png", "--plan", "nowhere.json"], "plan nowhere.json cannot be read"),
        (["a.png", "b.png", "--plan", "p.json"], "--plan is for one picture"),
        (["a.png", "--quality", "101"], "quality=101 is out of range"),
    ],
)
def test_wrong_use_is_told_before_anything_is_done(capsys, here, words, said):
    before = sorted(here.iterdir())
    assert run("--quiet", *words) == 2
    assert said in capsys.readouterr().err
    assert sorted(here.iterdir()) == before


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


def test_pictures_in_which_nothing_is_found_may_be_left_out(capsys):
    words = ["--detector", "none", "--painter", "inverting", "--skip-empty"]
    assert run("a.png", *words) == 0
    assert "not written (nothing found)" in capsys.readouterr().out
    assert not Path("a-detailed.png").exists()


def test_an_all_black_mask_is_a_skip_with_the_reason(capsys):
    Image.new("L", (96, 64)).save("black.png")
    assert run("a.png", "--mask", "black.png", "--painter", "inverting", "--json") == 0
    told = steps(capsys.readouterr().out)
    skipped = next(step for step in told if step["step"] == "skipped")
    assert skipped["reason"] == "nothing to paint: black.png marks nothing"
    assert (pixels("a.png") == pixels("a-detailed.png")).all()


def test_a_mask_says_where_to_work():
    mask = np.zeros((64, 96), np.uint8)
    mask[30:50, 40:44] = 255
    Image.fromarray(mask).save("mask.png")
    assert run("a.png", "--mask", "mask.png", "--painter", "inverting", "-q") == 0
    changed = (pixels("a.png") != pixels("a-detailed.png")).any(axis=2)
    assert changed[32:48, 40:44].mean() > 0.9
    assert not changed[:, :36].any()


def test_a_mask_of_another_size_is_refused_unless_it_may_be_fitted(capsys):
    Image.fromarray(np.full((32, 48), 255, np.uint8)).save("mask.png")
    assert run("a.png", "--mask", "mask.png", "--painter", "inverting", "-q") == 1
    assert "48×32" in capsys.readouterr().err
    assert run("a.png", "--mask", "mask.png", "--fit-mask", "--painter", "inverting", "-q") == 0


def test_single_regions_are_done_again_with_another_seed(capsys):
    run("a.png", "--json", *FAKES)
    first = {
        s["index"]: s["seed"] for s in steps(capsys.readouterr().out) if s["step"] == "painted"
    }
    assert run("a.png", "--json", "--only", "1", "--seed", "7", *FAKES) == 0
    again = steps(capsys.readouterr().out)
    assert [s["index"] for s in again if s["step"] == "painted"] == [1]
    assert [s["reason"] for s in again if s["step"] == "skipped"] == ["left out"]
    assert next(s["seed"] for s in again if s["step"] == "painted") != first[1]


def test_a_region_that_is_not_there_is_told_with_those_that_are(capsys):
    assert run("a.png", "--only", "0,7", *FAKES) == 1
    assert "--only 7: no such region; there are 0 to 1" in capsys.readouterr().err
    assert run("a.png", "--only", "0", "--detector", "none", "--painter", "inverting") == 1
    assert "nothing was found" in capsys.readouterr().err


def test_a_plan_that_was_written_is_carried_out(capsys):
    assert main(["plan", "a.png", "-o", "plan.json", *FAKES]) == 0
    assert run("a.png", "-q", *FAKES) == 0
    assert run("a.png", "-q", "--plan", "plan.json", "-o", "planned.png") == 0
    assert (pixels("planned.png") == pixels("a-detailed.png")).all()


def test_a_plan_that_was_edited_is_carried_out_as_edited():
    main(["plan", "a.png", "-o", "plan.json", *FAKES])
    plan = json.loads(Path("plan.json").read_text())
    del plan["patches"][1]
    Path("plan.json").write_text(json.dumps(plan))
    assert run("a.png", "-q", "--plan", "plan.json") == 0
    changed = (pixels("a.png") != pixels("a-detailed.png")).any(axis=2)
    assert changed[10:30, 10:26].any()
    assert not changed[22:42, 62:82].any()


def test_paint_flags_change_a_plan_and_seeds_follow(capsys):
    main(["plan", "a.png", "-o", "plan.json", *FAKES])
    run("a.png", "--json", "--plan", "plan.json", "--seed", "5", "--painter", "first-only")
    seeds = [s["seed"] for s in steps(capsys.readouterr().out) if s["step"] == "painted"]
    run("a.png", "--json", "--seed", "5", *FAKES)
    expected = [s["seed"] for s in steps(capsys.readouterr().out) if s["step"] == "painted"]
    assert seeds == expected[:1]


def test_a_setting_that_a_plan_has_decided_is_refused_beside_it(capsys):
    main(["plan", "a.png", "-o", "plan.json", *FAKES])
    assert run("a.png", "--plan", "plan.json", "--crop-factor", "2") == 2
    assert "--crop-factor is decided in the plan" in capsys.readouterr().err


def test_a_plan_for_another_picture_is_refused(capsys):
    main(["plan", "a.png", "-o", "plan.json", *FAKES])
    assert run("b.png", "--plan", "plan.json") == 1
    assert "b.png" in capsys.readouterr().err
    assert not Path("b-detailed.png").exists()


def test_the_record_in_the_file_tells_what_was_done():
    assert (
        run("a.png", "-q", "--denoise", "0.3", "--detector", "two", "--painter", "first-only") == 1
    )
    record = json.loads(read_record(read("a-detailed.png")))
    assert record["recipe"]["detect"]["detector"] == "two"
    assert record["recipe"]["paint"] == {"painter": "first-only", "denoise": 0.3}
    assert record["picture"]["size"] == [96, 64]
    first, second = record["passes"][0]["regions"]
    assert first["state"] == "painted"
    assert first["painter"] == "first-only"
    assert first["box"] == [8, 8, 32, 32]
    assert first["notes"] == {"colour": "red"}
    assert first["size"][0] % 8 == 0
    assert second["state"] == "failed"
    assert second["reason"] == "out of paint"


def test_the_record_holds_the_engine_that_auto_meant():
    assert run("a.png", "-q", "--detector", "boxes:8,8,40,40", "--painter", "auto") == 0
    record = json.loads(read_record(read("a-detailed.png")))
    assert record["recipe"]["paint"]["painter"] in ("restore", "classic")


def test_the_same_work_gives_the_same_file():
    run("a.png", "-q", "-o", "one.png", *FAKES)
    run("a.png", "-q", "-o", "two.png", *FAKES)
    assert Path("one.png").read_bytes() == Path("two.png").read_bytes()


def test_a_picture_that_carries_a_record_is_detailed_and_its_record_replaced():
    run("a.png", "-q", "-o", "one.png", *FAKES)
    assert (
        run("one.png", "-q", "-o", "two.png", "--detector", "none", "--painter", "inverting") == 0
    )
    record = json.loads(read_record(read("two.png")))
    assert record["passes"] == [{"regions": []}]
    assert record["remark"] == "nothing found"
    assert main(["detect", "one.png", "--detector", "two", "-o", "found.json"]) == 0


def test_an_animation_is_refused_unless_each_frame_is_asked_for(capsys):
    frames = [Image.fromarray(np.full((64, 96, 3), level, np.uint8)) for level in (50, 90)]
    frames[0].save("film.webp", save_all=True, append_images=frames[1:], lossless=True)
    assert run("film.webp", *FAKES) == 1
    assert "2 frames" in capsys.readouterr().err
    assert run("film.webp", "--frames", "each", "-q", "--preview", *FAKES) == 0
    for number, level in ((1, 205), (2, 165)):
        assert pixels(f"film-detailed-00{number}.webp")[20, 18, 0] == level
        assert Path(f"film-detailed-preview-00{number}.png").exists()


def test_a_picture_above_the_limit_is_refused_until_the_limit_is_raised(capsys):
    assert run("a.png", "--max-pixels", "1000", *FAKES) == 1
    assert "max_pixels=1,000" in capsys.readouterr().err
    assert run("a.png", "--max-pixels", "6144", "-q", *FAKES) == 0


def test_one_pixel_is_a_picture():
    Image.new("RGB", (1, 1)).save("one.png")
    words = ["--detector", "none", "--painter", "inverting", "--preview", "-q"]
    assert run("one.png", *words) == 0
    assert Path("one-detailed-preview.png").exists()
    assert run("one.png", "--mask", "one.png", "--painter", "inverting", "-q") == 0


def test_a_palette_is_kept_if_that_is_asked_for():
    with Image.open("a.png") as image:
        image.quantize(16).save("palette.png")
    run("palette.png", "-q", *FAKES)
    assert mode("palette-detailed.png") == "RGB"
    run("palette.png", "-q", "--keep-palette", *FAKES)
    assert mode("palette-detailed.png") == "P"


def test_several_passes_run_in_order_on_the_running_picture(capsys):
    Path("twice.toml").write_text(
        '[detect]\ndetector = "two"\n[paint]\npainter = "inverting"\n'
        '[[then]]\n[then.detect]\ndetector = "picky"\n[then.paint]\npainter = "inverting"\n'
    )
    assert run("a.png", "--recipe", "twice.toml", "--json") == 0
    told = steps(capsys.readouterr().out)
    assert [s["pass"] for s in told if s["step"] == "painted"] == [1, 1, 2]
    before, after = pixels("a.png"), pixels("a-detailed.png")
    assert abs(before - after)[14:26, 12:24].max() <= 2
    assert abs(before - after)[24:40, 64:80].min() > 50
    record = json.loads(read_record(read("a-detailed.png")))
    assert [len(one["regions"]) for one in record["passes"]] == [2, 1]


def test_an_upscaler_enlarges_what_is_cut(capsys):
    assert run("a.png", "-q", "--upscaler", "flat", *FAKES) == 0
    assert abs(pixels("a-detailed.png")[20, 18] - 128).max() <= 1


def test_a_terminal_sees_a_bar_and_a_line_for_each_picture(monkeypatch, capsys):
    pytest.importorskip("rich")
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    assert run("a.png", "b.png", *FAKES) == 0
    out = capsys.readouterr().out
    assert "a.png -> a-detailed.png (2 painted)" in out
    assert "b.png -> b-detailed.png (2 painted)" in out


def test_a_terminal_is_told_what_failed(monkeypatch, capsys):
    pytest.importorskip("rich")
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    Path("empty.png").write_bytes(b"")
    assert run("empty.png", "a.png", "--detector", "two", "--painter", "first-only") == 1
    out = capsys.readouterr().out
    assert "empty.png is empty" in out
    assert "region 1 stays: out of paint" in out
    assert "0 of 2 pictures done" in out
