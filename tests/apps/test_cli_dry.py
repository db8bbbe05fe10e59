"""detailer run --dry-run: what would be done, and what it would cost."""

import json
from pathlib import Path

import pytest

from detailer.apps.cli import main
from tests.apps.cli_run import FAKES, run, steps

pytestmark = pytest.mark.usefixtures("pictures")
TWO = ["--detector", "two"]


@pytest.fixture
def model():
    pytest.importorskip("torch", reason="needs detailer[diffusion]")
    tiny = pytest.importorskip("tests.engines.painters.diffusion.tiny")
    return f"diffusion:{tiny.folder('sd15')}"


def test_nothing_is_painted_or_written(capsys):
    before = sorted(Path().iterdir())
    assert run("a.png", "-o", "out/new.png", "--dry-run", *FAKES) == 0
    assert sorted(Path().iterdir()) == before
    head, *regions = capsys.readouterr().out.splitlines()
    assert head == f"a.png: 2 found, 2 to paint -> {Path('out/new.png')}"
    assert regions[0].startswith("  region 0 face: 72×64 px painted at ")
    assert regions[0].endswith(" by inverting, wave 0")


def test_what_is_there_is_not_in_the_way_and_stays(capsys):
    Path("a-detailed.png").write_bytes(b"mine")
    assert run("a.png", "--dry-run", *FAKES) == 0
    assert Path("a-detailed.png").read_bytes() == b"mine"


def test_painters_are_not_even_opened(capsys):
    assert run("a.png", "--dry-run", "--painter", "diffusion:gone", *TWO, "--only", "1") != 0
    assert "gone" in capsys.readouterr().err
    assert run("a.png", "--dry-run", "--painter", "yolo-painter", *TWO) == 0


def test_sizes_are_those_of_the_plan(capsys):
    assert run("a.png", "b.png", "--dry-run", "--json", *FAKES) == 0
    foreseen = steps(capsys.readouterr().out)
    assert [one["picture"] for one in foreseen] == ["a.png", "b.png"]
    assert main(["plan", "a.png", *FAKES]) == 0
    plan = json.loads(capsys.readouterr().out)
    sizes = [patch["window"]["size"] for patch in plan["patches"]]
    assert [patch["size"] for patch in foreseen[0]["patches"]] == sizes
    assert foreseen[0]["costs"] == {}


def test_a_plan_and_single_regions_are_foreseen_too(capsys):
    assert main(["plan", "a.png", "-o", "plan.json", *FAKES]) == 0
    assert run("a.png", "--dry-run", "--plan", "plan.json", "--only", "1") == 0
    out = capsys.readouterr().out
    assert "region 1 face" in out
    assert "region 0 skipped: left out" in out


def test_further_passes_are_named(capsys):
    Path("two.toml").write_text('[detect]\ndetector = "two"\n[[then]]\n[[then]]\n')
    assert run("a.png", "--dry-run", "--recipe", "two.toml", "--painter", "classic") == 0
    assert capsys.readouterr().out.endswith("then 2 further passes, on what this one leaves\n")


def test_an_enlarged_picture_is_not_foreseen(capsys):
    assert run("a.png", "--dry-run", "--upscale", "2", *FAKES) == 2
    assert "leave --upscale out" in capsys.readouterr().err


def test_a_picture_that_cannot_be_read_fails_and_the_others_are_told(capsys):
    Path("empty.png").write_bytes(b"")
    assert run("empty.png", "a.png", "--dry-run", *FAKES) == 1
    out, err = capsys.readouterr()
    assert "empty.png" in err
    assert "a.png: 2 found" in out


def test_a_diffusion_model_tells_its_calls_and_its_memory(capsys, model):
    words = ["a.png", "--dry-run", "--painter", model, *TWO, "--device", "cuda", "--steps", "12"]
    assert run(*words) == 0
    out = capsys.readouterr().out
    assert "12 network calls" in out
    assert "of weights on cuda in 16 bit" in out
    assert run(*words, "--json") == 0
    (foreseen,) = steps(capsys.readouterr().out)
    cost = foreseen["costs"][model]
    assert cost["family"] == "sd15"
    assert cost["network_calls"] % 12 == 0
    assert set(cost["memory"]["parts"]) == {"unet", "vae", "text_encoder"}
