"""detailer run --dry-run: what would be done, and what it would cost."""

import json
import shutil
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


def test_an_engine_that_is_not_known_fails_as_the_run_does(capsys):
    for words in (("--painter", "yolo-painter"), ("--upscaler", "clasic")):
        said = []
        for dry in (("--dry-run",), ()):
            assert run("a.png", *TWO, *words, *dry) != 0
            said.append(capsys.readouterr().err)
        assert "is not known" in said[0]
        assert said[0] == said[1]


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


def lora_of(folder, name):
    from tests.engines.painters.diffusion.lora_files import FIRST, UNET, peft

    folder.mkdir(exist_ok=True)
    peft(folder / f"{name}.safetensors", {f"unet.{UNET}": FIRST})


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--prompt", "<lora:gone>", "--loras", "shelf"], "no 'gone' in"),
        (["--prompt", "<lora:broken>", "--loras", "shelf"], "broken.safetensors"),
        (["--prompt", "<lora:fine>"], "no folder is given: --loras"),
        (["--prompt", "embedding:gone", "--embeddings", "shelf"], "no 'gone' in"),
        (["--negative", "bad embedding:gone"], "no folder is given: --embeddings"),
        (["--control", "gone.safetensors"], "gone.safetensors"),
        (["--control", "gone.safetensors,kind=reference"], "gone.safetensors"),
        (["--control", "NET,image=gone.png"], "gone.png"),
        (["--control", "NET,preprocessor=cany"], "did you mean canny"),
        (["--refiner", "gone.safetensors"], "nothing is at"),
        (["--vae", "shelf"], "shelf"),
        (["--prompt", "[ASC] a [SEP] <lora:gone>", "--loras", "shelf"], "no 'gone' in"),
    ],
)
def test_what_is_missing_beside_a_model_fails(capsys, model, words, told):
    from tests.engines.painters.diffusion import tiny

    lora_of(Path("shelf"), "fine")
    Path("shelf/broken.safetensors").write_bytes(b"no tensors")
    words = [word.replace("NET", str(tiny.controlnet())) for word in words]
    assert run("a.png", "--dry-run", "--painter", model, *TWO, *words) != 0
    assert told in capsys.readouterr().err


def test_what_is_there_beside_a_model_passes(capsys, model):
    from tests.engines.painters.diffusion import tiny

    lora_of(Path("shelf"), "fine")
    words = ["--prompt", "a <lora:fine:0.5>", "--loras", "shelf",
             "--control", str(tiny.controlnet()), "--refiner", model.partition(":")[2]]  # fmt: skip
    assert run("a.png", "--dry-run", "--painter", model, *TWO, *words) == 0, capsys.readouterr().err


def test_a_model_that_lacks_weights_fails_even_where_nothing_is_found(capsys, model):
    Path("model").mkdir()
    shutil.copytree(model.partition(":")[2], "model", dirs_exist_ok=True)
    Path("model/unet/diffusion_pytorch_model.safetensors").unlink()
    assert run("a.png", "--dry-run", "--painter", "diffusion:model", *TWO) != 0
    assert "lacks safetensors weights" in capsys.readouterr().err
