"""detailer recipe and detailer engines: what there is, and what it means."""

import json
from pathlib import Path

import pytest

from detailer.apps.cli import main
from detailer.apps.cli.flags import stage_flags
from detailer.engines import listing
from detailer.recipe import Recipe
from detailer.recipes import find, names
from tests.published import publish


@pytest.fixture(autouse=True)
def here(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)


def test_the_recipes_are_listed_with_what_they_are_for(capsys):
    assert main(["recipe"]) == 0
    out = capsys.readouterr().out
    for name in names():
        assert f"{name} " in out
        assert find(name).about in out


def test_a_recipe_is_printed_as_it_is(capsys):
    assert main(["recipe", "print", "face-eyes"]) == 0
    assert Recipe.parse(capsys.readouterr().out) == find("face-eyes")


def test_a_recipe_is_printed_with_every_setting(capsys):
    assert main(["recipe", "print", "face", "--all"]) == 0
    out = capsys.readouterr().out
    tables = ("detector_options", "refine_options")
    for flag in stage_flags():
        head = f"[{flag.place}.{flag.setting}]" if flag.setting in tables else f"{flag.setting} = "
        assert f"\n{head}" in out


@pytest.mark.parametrize("ending", ["toml", "json", "yaml"])
def test_a_changed_recipe_is_written_and_can_be_used(capsys, ending):
    assert main(["recipe", "print", "--crop-factor", "2", "-o", f"mine.{ending}"]) == 0
    assert find(f"mine.{ending}").crop.crop_factor == 2
    assert main(["recipe", "check", f"mine.{ending}", "face-eyes"]) == 0
    assert capsys.readouterr().out == f"mine.{ending}: right, 1 pass\nface-eyes: right, 2 passes\n"


def test_what_is_wrong_in_recipes_is_told_for_each(capsys):
    Path("one.toml").write_text("[crop]\ncrop_facter = 1\n")
    Path("two.toml").write_text("[paint]\nseed = -1\n")
    assert main(["recipe", "check", "one.toml", "face", "two.toml"]) == 1
    out, err = capsys.readouterr()
    assert out == "face: right, 1 pass\n"
    assert "one.toml" in err.splitlines()[0]
    assert "did you mean crop_factor?" in err.splitlines()[0]
    assert "seed=-1" in err.splitlines()[1]


def test_a_prompt_that_cannot_be_shared_out_is_wrong_in_a_recipe(capsys):
    Path("one.toml").write_text('[paint]\nprompt = "[ASCX] a [SEP] b"\n')
    assert main(["recipe", "check", "one.toml"]) == 1
    assert "[ASCX] is no tag" in capsys.readouterr().err


def test_a_recipe_of_an_unknown_kind_is_not_written(capsys):
    assert main(["recipe", "print", "-o", "mine.ini"]) == 2
    assert "toml, json or yaml" in capsys.readouterr().err


def test_every_setting_is_explained_with_default_range_unit_and_help(capsys):
    assert main(["recipe", "explain"]) == 0
    lines = capsys.readouterr().out.splitlines()
    heads = [i for i, line in enumerate(lines) if "  default " in line]
    for flag, place in zip(stage_flags(), heads, strict=True):
        assert lines[place].startswith(f"  {flag.setting} ")
        assert f"default {flag.default}" in lines[place]
        assert lines[place + 1].strip() == flag.schema["description"]
    assert "  guide_size                  default 512 px; 8 to 16384" in lines
    assert "  guide_size_for              default bbox; bbox | crop_region" in lines


def test_single_stages_and_settings_are_explained(capsys):
    assert main(["recipe", "explain", "blend"]) == 0
    assert "feather_ratio" in capsys.readouterr().out
    assert main(["recipe", "explain", "crop-factor"]) == 0
    out = capsys.readouterr().out
    assert "[crop]" in out
    assert out.count("default") == 1


def test_an_unknown_setting_is_answered_with_the_nearest(capsys):
    assert main(["recipe", "explain", "crop_facter"]) == 2
    assert "did you mean crop_factor?" in capsys.readouterr().err


def test_engines_are_listed_with_what_they_need(capsys, monkeypatch, tmp_path):
    publish(monkeypatch, tmp_path)
    assert main(["engines"]) == 0
    out = capsys.readouterr().out
    for kind in ("Detectors\n", "Painters\n", "Upscalers\n"):
        assert out.count(kind) == 1
    for name in ("centerface", "yunet", "restore", "classic", "esrgan", "inverting", "two"):
        assert f"  {name}" in out
    assert "From published 1.0." in out


def test_an_engine_that_is_not_here_says_what_to_install(capsys, monkeypatch):
    monkeypatch.setattr(listing.Listed, "lack", lambda self, **_: f"{self.name} is gone")
    assert main(["engines"]) == 0
    out = capsys.readouterr().out
    assert "NOT HERE: centerface is gone; pip install 'detailer[faces]'" in out


def test_engines_are_listed_for_programs(capsys):
    assert main(["engines", "--json"]) == 0
    cards = json.loads(capsys.readouterr().out)
    assert {"name", "kind", "about", "needs", "available"} <= set(cards[0])
