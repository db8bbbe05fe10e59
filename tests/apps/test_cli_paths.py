"""Whatever is given as a path or a text: what the system refuses is a sentence, never a trace."""

import json
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from detailer.apps.cli import main
from detailer.apps.cli.flags import stage_flags
from detailer.apps.cli.options import diffusion_flags
from detailer.apps.cli.values import kind_of
from detailer.apps.files import read, write
from detailer.core.paths import is_there, local_path, refusal, too_long
from detailer.errors import DetailerError, InputError
from detailer.prompts.folder import Folder
from detailer.recipe import Recipe
from tests.apps.cli_run import FAKES, run

BAD = {
    "a name too long": "x" * 300 + ".png",
    "a path too long": "d/" * 3000 + "x.png",
    "words": "a face, a hand; " * 40,
    "a null character": "a\0b.png",
    "half a character": "\ud800.png",
    "a file as a folder": "a.png/b.png",
    "nobody's home": "~nobody-of-this-name/b.png",
    "a link to itself": "loop.png",
}
PLACES = {
    "a command": ["{}"],
    "a picture": ["run", "{}", *FAKES],
    "a pattern": ["run", "{}*", *FAKES],
    "a picture to look at": ["detect", "{}", "--detector", "two"],
    "a picture to plan": ["plan", "{}", "--detector", "two"],
    "an output": ["run", "a.png", *FAKES, "-o", "{}"],
    "an output folder": ["run", "a.png", *FAKES, "-o", "{}/"],
    "an output in a new folder": ["run", "a.png", *FAKES, "-o", "new/{}"],
    "regions": ["detect", "a.png", "--detector", "two", "-o", "{}"],
    "a drawing": ["detect", "a.png", "--detector", "two", "--picture", "{}"],
    "a plan's file": ["plan", "a.png", "--detector", "two", "-o", "{}"],
    "a plan's drawing": ["plan", "a.png", "--detector", "two", "--picture", "{}"],
    "a plan": ["run", "a.png", *FAKES, "--plan", "{}"],
    "a mask": ["run", "a.png", "--painter", "inverting", "--mask", "{}"],
    "a recipe": ["run", "a.png", "--recipe", "{}"],
    "a recipe to print": ["recipe", "print", "{}"],
    "a recipe's file": ["recipe", "print", "face", "-o", "{}"],
    "a recipe to check": ["recipe", "check", "{}"],
    "ADetailer's arguments": ["recipe", "from-adetailer", "{}"],
    "a checkpoint": ["engines", "import", "{}.pt"],
    "boxes": ["run", "a.png", "--painter", "inverting", "--detector", "boxes:{}"],
    "more boxes": ["run", "a.png", *FAKES, "--also", "boxes:{}"],
    "a mask as detector": ["run", "a.png", "--painter", "inverting", "--detector", "mask:{}"],
    "a network": ["run", "a.png", "--painter", "inverting", "--detector", "yolo:{}"],
    "another network": ["run", "a.png", "--painter", "inverting", "--detector", "yolox:{}.onnx"],
    "a checkpoint as network": ["run", "a.png", *FAKES, "--detector", "yolo:{}.pt"],
    "a pair": ["run", "a.png", *FAKES, "--detector", "bbox+segm:two+yolo:{}"],
    "a segmenter": ["run", "a.png", *FAKES, "--refine", "sam:{}"],
    "an upscaler": ["run", "a.png", *FAKES, "--upscaler", "esrgan:{}"],
    "a model": ["run", "a.png", "--detector", "two", "--painter", "diffusion:{}"],
    "a model to foresee": ["run", "a.png", "--detector", "two", "--painter", "diffusion:{}",
                           "--dry-run"],
    "wildcards of a prompt": ["run", "a.png", *FAKES, "--prompt", "__x__", "--wildcards", "{}"],
}  # fmt: skip
TEXTS = [
    flag.option
    for flag in [*stage_flags(), *diffusion_flags()]
    if kind_of(flag.schema) in ("string", "array of string", "array of groups") and not flag.choices
]
# What is no fault there.
RIGHT = {
    "an output in a new folder": ("a file as a folder", "nobody's home", "a link to itself"),
    # A name on the Hub has such a form.
    "a model": ("a file as a folder",),
    "a segmenter": ("a file as a folder",),
}


@pytest.fixture
def here(pictures, monkeypatch):
    """a.png and b.png, a link in a circle, and no network."""
    monkeypatch.setenv("DETAILER_OFFLINE", "1")
    Path("loop.png").symlink_to("loop.png")
    return pictures


@pytest.mark.parametrize("bad", BAD)
@pytest.mark.parametrize("place", PLACES)
def test_a_path_that_the_system_refuses_is_a_sentence(place, bad, here, capsys):
    if bad in RIGHT.get(place, ()):
        return
    code = main([word.format(BAD[bad]) for word in PLACES[place]])
    said = capsys.readouterr().err
    assert code in (1, 2)
    assert said.startswith("detailer: ")
    assert "Traceback" not in said
    assert "Errno" not in said.partition("cannot be read")[0]


@pytest.mark.slow
@pytest.mark.parametrize("bad", ["a name too long", "a null character", "half a character"])
@pytest.mark.parametrize("option", TEXTS)
def test_no_text_of_an_option_upsets_the_program(option, bad, here):
    words = ["run", "a.png", *FAKES, "--overwrite"]
    assert main([*words, option, BAD[bad]]) in (0, 1, 2)


@pytest.mark.parametrize("bad", BAD)
def test_the_library_refuses_such_paths_too(bad, here):
    photo = read("a.png")
    for work in (
        lambda: read(BAD[bad]),
        lambda: write(photo, photo.pixels, BAD[bad]),
        lambda: Recipe.read(BAD[bad]),
        lambda: Folder(BAD[bad]),
    ):
        with pytest.raises(DetailerError):
            work()


@pytest.mark.parametrize("bad", BAD)
def test_nothing_is_at_such_a_place(bad, here):
    assert not is_there(BAD[bad])


def test_a_place_that_may_be_written_to_is_not_refused(here):
    assert refusal("new/b.png") == ""
    assert refusal("a.png/b.png") == ""
    assert local_path("~/b.png") == Path.home() / "b.png"
    assert not too_long(Path("new/" + "x" * 251 + ".png"))
    assert too_long(Path("new/" + "x" * 252 + ".png")) == "x" * 252 + ".png"


@pytest.mark.parametrize("fault", [PermissionError(13, "Permission denied"), OSError(5, "Broken")])
def test_what_may_not_be_looked_at_is_refused_with_the_systems_words(fault, here, monkeypatch):
    def refuse(path, **_):
        raise fault

    monkeypatch.setattr(Path, "stat", refuse)
    assert refusal("a.png") == fault.strerror
    assert not is_there("a.png")
    with pytest.raises(InputError, match=fault.strerror):
        local_path("a.png")


def test_a_refused_path_is_named_with_its_reason(here):
    with pytest.raises(
        InputError, match=r"^recipe x{80}…x{26}\.png \(304 characters\) .*: File name too"
    ):
        local_path(BAD["a name too long"], "recipe")


def test_boxes_are_boxes_however_many_they_are(here, capsys):
    boxes = "; ".join(f"{i},{i + 1},{i + 20},{i + 30}" for i in range(17)) + ";" + " " * 250
    assert run("a.png", "--painter", "inverting", "--detector", f"boxes:{boxes}") == 0
    assert "17 painted" in capsys.readouterr().out


def test_boxes_are_boxes_even_where_a_file_is_called_so(here, capsys):
    Path("1,2,30,40").write_text("no boxes")
    assert run("a.png", "--painter", "inverting", "--detector", "boxes:1,2,30,40") == 0


def test_a_file_of_boxes_may_have_a_name_of_four_words(here):
    Path("a,b,c,d.json").write_text(json.dumps([[1, 2, 30, 40]]))
    assert run("a.png", "--painter", "inverting", "--detector", "boxes:a,b,c,d.json") == 0


def test_a_target_too_long_for_the_file_system_is_refused_before_work(here, capsys):
    name = "x" * 250 + ".png"
    Path("a.png").rename(name)
    assert run(name, *FAKES) == 2
    said = capsys.readouterr().err
    assert "-detailed.png" in said or "too long for a file's name" in said
    assert not list(here.glob("*-detailed*"))


def test_a_sheet_too_long_for_the_file_system_is_refused_before_work(here, capsys):
    name = "x" * 238 + ".png"
    Path("a.png").rename(name)
    assert run(name, *FAKES, "--preview") == 2
    assert "too long for a file's name" in capsys.readouterr().err
    assert not list(here.glob("*-detailed*"))


def test_a_numbered_frame_too_long_for_the_file_system_is_refused_before_work(here, capsys):
    name = "x" * 240 + ".tif"
    frames = [Image.fromarray(np.full((8, 8, 3), level, np.uint8)) for level in (10, 90)]
    frames[0].save("two.tif", save_all=True, append_images=frames[1:])
    Path("two.tif").rename(name)
    assert run(name, *FAKES, "--frames", "each") == 1
    assert "too long for a file's name" in capsys.readouterr().err
    assert not list(here.glob("*-detailed*"))


@pytest.mark.skipif(os.name == "nt", reason="there names are characters")
def test_a_picture_whose_name_is_no_text_is_done_told_and_recorded(here, capsys):
    name = os.fsdecode(b"\xff.png")
    Path("a.png").rename(name)
    assert run(name, *FAKES, "--json") == 0
    assert main(["detect", name, "--detector", "two", "-o", "found.json"]) == 0
    assert main(["plan", name, "--detector", "two", "-o", "plan.json"]) == 0
    assert "\\udcff.png" in Path("found.json").read_text(encoding="utf-8")
    capsys.readouterr()
