"""detailer run with pictures, masks and recipes of every kind."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from detailer.apps.files import read, read_record
from tests.apps.cli_run import FAKES, mode, pixels, run, steps

pytestmark = pytest.mark.usefixtures("pictures")


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
    assert Path("one-detailed.png").exists()
    words = ["--mask", "one.png", "--painter", "inverting", "-q", "--overwrite"]
    assert run("one.png", *words) == 0


def test_a_palette_is_kept_if_that_is_asked_for():
    with Image.open("a.png") as image:
        image.quantize(16).save("palette.png")
    run("palette.png", "-q", *FAKES)
    assert mode("palette-detailed.png") == "RGB"
    run("palette.png", "-q", "--keep-palette", "--overwrite", *FAKES)
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


@pytest.mark.parametrize("name", ["turned.jpg", "a.png"])
def test_a_picture_in_which_nothing_is_found_is_written_byte_for_byte(name: str) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (40, 60, 3), np.uint8)
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(noise).save("turned.jpg", exif=exif, quality=80)
    assert run(name, "-q", "-o", f"out-{name}", "--detector", "none", "--painter", "inverting") == 0
    assert Path(f"out-{name}").read_bytes() == Path(name).read_bytes()


def test_a_file_that_is_there_is_replaced_only_with_leave(capsys) -> None:
    Path("mine.png").write_bytes(b"precious")
    assert run("a.png", "-o", "mine.png", *FAKES) == 2
    assert "mine.png is there already; give another target, or --overwrite" in (
        capsys.readouterr().err
    )
    assert Path("mine.png").read_bytes() == b"precious"
    assert run("a.png", "-o", "mine.png", "-q", "--overwrite", *FAKES) == 0
    assert Path("mine.png").read_bytes() != b"precious"
