"""Every block of code in README and docs runs as written."""

from __future__ import annotations

import contextlib
import io
import shlex
import shutil
from pathlib import Path

import pytest
from PIL import Image
from sybil import Document, Example, Sybil
from sybil.parsers.markdown import CodeBlockParser, PythonCodeBlockParser, SkipParser

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[1]
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").glob("*.md")])
SETS_UP = "python3 -m venv"


def run_commands(example: Example) -> None:
    """A block of shell: each line is a call of `detailer`, run in this process."""
    from detailer.apps.cli import main

    if example.parsed.startswith(SETS_UP):
        return  # .ci/run does these two, in a fresh environment
    for line in example.parsed.replace("\\\n", " ").splitlines():
        command, *arguments = shlex.split(line, comments=True)
        assert command == "detailer", f"{line!r} in {example.path} is not run by anything"
        with contextlib.redirect_stdout(io.StringIO()):
            assert main(arguments) == 0, line


def document(path: Path) -> Document:
    parsers = [
        PythonCodeBlockParser(),
        CodeBlockParser(language="sh", evaluator=run_commands),
        SkipParser(),
    ]
    return Sybil(parsers).parse(path)


def lay_out_models(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Tiny models under the names that the pages give to real ones; a folder does for a file.

    They paint at 128 px where nothing else is said, which is enough to see that they do.
    """
    tiny = pytest.importorskip(
        "tests.engines.painters.diffusion.tiny", reason="needs detailer[diffusion]"
    )
    # Threads of networks as small as these wait for each other more than they work.
    pytest.importorskip("torch").set_num_threads(1)
    made = pytest.importorskip("tests.engines.painters.diffusion.lora_files")
    for name in ("sd15", "sdxl"):
        shutil.copytree(tiny.folder(name), folder / f"{name}.safetensors")
    shutil.copytree(tiny.controlnet(), folder / "canny-sd15")
    (folder / "loras").mkdir()
    layer = f"lora_unet_{made.UNET.replace('.', '_')}"
    made.kohya(folder / "loras" / "smile.safetensors", {layer: made.Change.of(32, 16, 0)})
    small = {"crop": {"guide_size": 64, "max_size": 128}}
    monkeypatch.setattr(
        "detailer.engines.painters.diffusion.foresight.suited.defaults_of", lambda path: small
    )


def lay_out_detectors(folder: Path) -> None:
    """Tiny models under the names that the pages give to real ones: they find what is red."""
    graphs = pytest.importorskip("tests.engines.yolo_graphs", reason="needs detailer[onnx]")
    words = pytest.importorskip(
        "tests.engines.transformers.tiny", reason="needs detailer[transformers]"
    )
    segmenters = pytest.importorskip("tests.engines.segmenters.tiny")
    pytest.importorskip("torch").set_num_threads(1)
    for name in ("face", "hand", "person"):
        notes = {"names": f"{{0: '{name}'}}", "task": "detect", "stride": "32"}
        graphs.seeing(folder / f"{name}.onnx", graphs.FREE, notes)
    sees = graphs.Sight(masks=True)
    notes = {**graphs.FACE, "task": "segment"}
    graphs.seeing(folder / "person-seg.onnx", graphs.FREE, notes, sees)
    shutil.copytree(words.folder("clipseg"), folder / "clipseg")
    segmenters.sam(folder / "sam-vit-base")
    segmenters.sam(folder / "facebook" / "sam-vit-base")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_block_of_code_on_a_page_runs(
    page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    skimage = pytest.importorskip("skimage", reason="the pages' photograph is scikit-image's")
    photograph = Path(skimage.__file__).parent / "data" / "astronaut.png"
    with Image.open(photograph) as picture:
        small = picture.reduce(3)  # soft, so that there is something to restore
        small.resize((256, 256)).save(tmp_path / "photo.png")
        (tmp_path / "out").mkdir()
        small.resize(picture.size).save(tmp_path / "out" / "soft.png")
    if "diffusion:" in page.read_text(encoding="utf-8"):
        lay_out_models(tmp_path, monkeypatch)
    if "yolo:hand" in page.read_text(encoding="utf-8"):
        lay_out_detectors(tmp_path)
    monkeypatch.chdir(tmp_path)
    for example in document(page).examples():
        example.evaluate()


def test_the_two_commands_of_the_readme_are_what_ci_runs() -> None:
    runner = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    for mark in ("run", "test"):
        assert f"<!-- {mark} -->\n```sh\n{SETS_UP}" in readme
        assert f"readme {mark}" in runner
