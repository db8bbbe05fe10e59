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
from detailer.core.pixels import Picture, size_of
from detailer.core.region import Region
from detailer.engines.detectors.found import distinct
from detailer.engines.detectors.yolo.detector import Yolo
from detailer.engines.detectors.yolo.layout import Proposals
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
    """What both found at one place, and by how much it differs.

    `away` in px; of the `pixels` of the box so many are in one mask alone, and so many of these
    more than two pixels from the other's edge.
    """

    away: float
    pixels: int
    alone: int = 0
    beyond: int = 0


def pairs(checkpoint: Path, name: str) -> list[Pair]:
    """What both find in a picture, some dozens, each with the nearest of its class and score."""
    picture = data_file(f"images/{name}")
    pixels: Picture = np.ascontiguousarray(cv2.imread(str(picture))[..., ::-1])
    threshold = _threshold(Yolo(checkpoint), pixels)
    result = checkpoint.with_name(f"{picture.stem}.npz")
    driven(checkpoint.parent, "find", checkpoint.with_suffix(".onnx"), picture, threshold, result)
    ours = Yolo(checkpoint, threshold=threshold)(pixels)
    theirs = dict(np.load(result))
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
            counts = _compared(region, theirs["masks"][i]) if len(theirs["masks"]) else (0, 0)
            found.append(Pair(float(away.min()), int(region.box.area), *counts))
    # A mask of a few pixels may be empty, and its box dropped, with one of the two.
    assert len(sized) * (0.85 if len(theirs["masks"]) else 1) <= len(found) <= len(sized)
    return found


def _threshold(detector: Yolo, pixels: Picture, boxes: int = 60) -> float:
    """Between two scores, with some dozens above it."""
    frame = detector._frame(size_of(pixels))
    table, _ = detector._reading.layout.split(detector._network(frame.planes(pixels)))
    found = Proposals.read(table, detector._reading.layout, 0.05)
    found = found[(found.boxes[:, 2:] - found.boxes[:, :2]).min(axis=1) > 2]
    best = distinct(found.boxes, found.scores, detector.overlap, found.kinds)
    return float(found.scores[best[: boxes + 1]][-2:].mean())


def _compared(region: Region, theirs: NDArray[np.bool_]) -> tuple[int, int]:
    around = region.box.grown(4).whole().clipped(size_of(theirs).box)
    mine, other = region.mask.within(around) > 0, theirs[around.slices]
    edge = cv2.morphologyEx(other.astype(np.uint8), cv2.MORPH_GRADIENT, np.ones((5, 5), np.uint8))
    alone = mine != other
    return int(alone.sum()), int((alone & (edge == 0)).sum())


def _row(left: float, top: float, right: float, bottom: float, *more: float) -> list[float]:
    """Numbers to be compared: a thousandth of the score is a pixel, another class is far away."""
    score, kind = more
    return [left, top, right, bottom, 1000 * score, 1e6 * kind]


@pytest.mark.parametrize("name", ["group_apollo11.jpg", "child_1600.jpg"])
def test_boxes_scores_classes_and_masks_are_theirs(checkpoint: Path, name: str) -> None:
    found = pairs(checkpoint, name)
    assert len(found) > 10
    assert max(pair.away for pair in found) < 0.01
    # Masks by chance are speckled; Ultralytics enlarges them twice, in steps of whole pixels.
    pixels = sum(pair.pixels for pair in found)
    assert sum(pair.alone for pair in found) < 0.02 * pixels
    assert sum(pair.beyond for pair in found) < 0.005 * pixels
