"""Yolo beside Ultralytics itself, where that is installed: the same boxes, scores and masks.

The checkpoints are tiny and their weights are by chance; they are imported by the real command.
"""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from detailer.apps.cli import main
from detailer.core.pixels import Picture
from detailer.engines.detectors.yolo import Yolo
from tests.engines.checkpoints import sha256
from tests.engines.places import data_file

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not find_spec("ultralytics"), reason="needs detailer[ultralytics]"),
]
DRIVER = Path(__file__).with_name("ultralytics_driver.py")


def driven(folder: Path, *words: object) -> None:
    """Ultralytics does something; nothing is installed, fetched or told."""
    own = {"YOLO_CONFIG_DIR": str(folder), "YOLO_AUTOINSTALL": "false", "YOLO_OFFLINE": "true"}
    done = subprocess.run(
        [sys.executable, str(DRIVER), *map(str, words)],
        cwd=folder,
        env=os.environ | own,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]


@pytest.fixture(
    scope="module", params=["yolov8", "yolo11", "yolo26", "yolov8-seg", "yolo11-seg", "yolo26-seg"]
)
def checkpoint(request, tmp_path_factory) -> Path:
    """A checkpoint that was imported by the command."""
    folder = tmp_path_factory.mktemp(request.param)
    # The cache is the folder's: other tests have theirs.
    patch = pytest.MonkeyPatch()
    patch.setenv("DETAILER_CACHE", str(folder / "cache"))
    driven(folder, "make", request.param, folder, data_file("images/market_1024.jpg"))
    file = folder / f"{request.param}.pt"
    words = ["--allow", sha256(file), "--size", "320", "-o", str(file.with_suffix(".onnx"))]
    assert main(["engines", "import", str(file), *words]) == 0
    yield file
    patch.undo()


LABELS = ("hand", "foot")


@dataclass(frozen=True)
class Pair:
    """What both found at one place, and by how much it differs, px; masks of all the picture."""

    away: float
    score: float
    ours: NDArray[np.bool_]
    theirs: NDArray[np.bool_]


def pairs(checkpoint: Path, name: str) -> list[Pair]:
    """What both find in a picture, some dozens, each with the nearest of its class and score."""
    picture = data_file(f"images/{name}")
    pixels: Picture = np.ascontiguousarray(cv2.imread(str(picture))[..., ::-1])
    every = Yolo(checkpoint, threshold=0.05)(pixels)
    threshold = sorted(region.score for region in every)[-min(len(every), 60)]
    # Between two scores, so that none lies on it.
    threshold -= 1e-5
    result = checkpoint.with_name(f"{picture.stem}.npz")
    driven(checkpoint.parent, "find", checkpoint.with_suffix(".onnx"), picture, threshold, result)
    ours = Yolo(checkpoint, threshold=threshold)(pixels)
    theirs = np.load(result)
    # A box thinner than a pixel may have none in its mask with one rule and not with the other.
    sized = [region for region in ours if min(region.box.width, region.box.height) > 2]
    rows = np.array(
        [_row(*region.box, region.score, LABELS.index(region.label)) for region in sized]
    )
    found = []
    for i, (box, score, kind) in enumerate(
        zip(theirs["boxes"], theirs["scores"], theirs["kinds"], strict=True)
    ):
        if min(box[2:] - box[:2]) > 2:
            away = np.abs(rows - _row(*box, score, kind)).max(axis=1)
            region = sized[int(away.argmin())]
            mask = region.mask.within(ours.size.box) > 0
            other = theirs["masks"][i] if len(theirs["masks"]) else mask
            found.append(Pair(float(away.min()), region.score - score, mask, other))
    assert len(found) == len(sized)
    return found


def _row(left: float, top: float, right: float, bottom: float, *more: float) -> list[float]:
    """Numbers to be compared: a thousandth of the score is a pixel, another class is far away."""
    score, kind = more
    return [left, top, right, bottom, 1000 * score, 1e6 * kind]


PICTURES = ["group_apollo11.jpg", "dune_fullbody_3072.jpg", "child_1600.jpg"]


@pytest.mark.parametrize("name", PICTURES)
def test_boxes_scores_and_classes_are_theirs(checkpoint: Path, name: str) -> None:
    found = pairs(checkpoint, name)
    assert len(found) > 10
    assert max(pair.away for pair in found) < 0.01


@pytest.mark.parametrize("name", PICTURES)
def test_masks_are_theirs_but_for_a_pixel_at_the_edge(checkpoint: Path, name: str) -> None:
    if "-seg" not in checkpoint.name:
        pytest.skip("it makes no masks")
    for pair in pairs(checkpoint, name):
        wrong = pair.ours != pair.theirs
        edge = cv2.morphologyEx(pair.theirs.astype(np.uint8), cv2.MORPH_GRADIENT, np.ones((5, 5)))
        assert not (wrong & (edge == 0)).any()
