"""How well a detector finds the faces of $DETAILER_DATA, in whole pictures and in close-ups.

    python benchmarks/faces.py [--detector face] [--tile auto] [--json] [--save results/faces.json]

The folder (default ../shared/data) has a faces.json: for each picture its faces as boxes left,
top, right, bottom of the upright picture, each perhaps difficult (finding it is right, missing it
costs nothing) or to be ignored (neither). What a detector finds is matched most certain first,
each with the free face that it overlaps most, from an intersection over union of 0.4 up.
Pictures under ai/ are generated, all others are photographs.

Close-ups are squares cut around the face of every portrait, a picture of one face, so that the
face fills a share of their side; right is exactly one box, that of the face. Each is judged as it
is and enlarged to 1280 px.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from detailer.apps.files.read import read
from detailer.core.canvas import Canvas
from detailer.core.geometry import Box
from detailer.core.pixels import Picture, size_of
from detailer.core.regions import Regions
from detailer.engines.opened import Engines
from detailer.errors import DetailerError
from detailer.stages.detect import Detect, Detector

BESIDE = Path(__file__).parents[2] / "shared" / "data"
OVERLAP = 0.4
REPEATS = 3
KINDS = ("photos", "generated")
SHARES = (0.67, 0.77, 0.83, 0.91)
ENLARGED = 1280


@dataclass(frozen=True)
class Face:
    """A face that a person has marked."""

    box: Box
    difficult: bool = False
    ignore: bool = False


@dataclass(frozen=True)
class Sample:
    """A picture and the faces in it."""

    name: str
    picture: Picture
    faces: tuple[Face, ...]

    @property
    def kind(self) -> str:
        """Which of KINDS it is."""
        return "generated" if self.name.startswith("ai/") else "photos"


@dataclass(frozen=True)
class Count:
    """How many of what was found are faces, and how many of the faces were found."""

    right: int = 0
    wrong: int = 0
    found: int = 0
    wanted: int = 0
    pictures: int = 0

    def __add__(self, other: Count) -> Count:
        mine, theirs = vars(self), vars(other)
        return Count(**{name: mine[name] + theirs[name] for name in mine})

    @property
    def precision(self) -> float:
        """Share of what was found that is right, 0..1."""
        total = self.right + self.wrong
        return self.right / total if total else 1.0

    @property
    def recall(self) -> float:
        """Share of the faces, difficult ones apart, that were found, 0..1."""
        return self.found / self.wanted if self.wanted else 1.0


def main() -> int:
    arguments = _arguments()
    folder = Path(arguments.data)
    try:
        asked = Detect(detector=arguments.detector, tile=arguments.tile)
        detector = Engines().detector(asked)
        samples = list(samples_in(folder))
        counts, pace = measured(detector, samples)
        close = {share: close_ups(detector, samples, share) for share in SHARES}
    except (DetailerError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    report = {
        "machine": machine(),
        "detector": arguments.detector,
        "tile": asked.tile,
        **{kind: _figures(counts[kind]) for kind in KINDS},
        "close_ups": {
            f"{share:.0%}": {"right": right, "of": of} for share, (right, of) in close.items()
        },
        "ms_per_megapixel": round(pace, 1),
    }
    if arguments.save:
        Path(arguments.save).write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(report) if arguments.json else _table(report))
    return 0


def machine() -> dict[str, str | int]:
    """Where it was measured."""
    return {"cores": os.cpu_count() or 1, "processor": _processor(), "system": platform.system()}


def _processor() -> str:
    try:
        told = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return platform.processor()
    models = [line.partition(":")[2] for line in told.splitlines() if "model name" in line]
    return models[0].strip() if models else platform.processor()


def close_ups(detector: Detector, samples: Sequence[Sample], share: float) -> tuple[int, int]:
    """How many close-ups of portraits give exactly the one box of their face, and of how many."""
    right = total = 0
    for sample in samples:
        if len(sample.faces) != 1 or sample.faces[0].ignore or sample.faces[0].difficult:
            continue
        close = close_up(sample.picture, sample.faces[0].box, share)
        if close is None:
            continue
        picture, box = close
        factor = ENLARGED / picture.shape[0]
        large = cv2.resize(picture, (ENLARGED, ENLARGED), interpolation=cv2.INTER_CUBIC)
        for seen, face in ((picture, box), (large, Box(*(edge * factor for edge in box)))):
            found = detector(np.ascontiguousarray(seen))
            right += len(found) == 1 and found[0].box.overlap(face) >= OVERLAP
            total += 1
    return right, total


def close_up(picture: Picture, face: Box, share: float) -> tuple[Picture, Box] | None:
    """A square in which the face fills a share of the side, and its box there; None: no room."""
    size = size_of(picture)
    side = round(max(face.width, face.height) / share)
    if side > min(size.width, size.height):
        return None
    x, y = face.centre
    left = round(min(max(x - side / 2, 0), size.width - side))
    top = round(min(max(y - side / 2, 0), size.height - side))
    return picture[top : top + side, left : left + side], face.shifted(-left, -top)


def samples_in(folder: Path) -> Iterator[Sample]:
    """Every picture that faces.json names, upright, as a detector sees it."""
    listed = json.loads((folder / "faces.json").read_text(encoding="utf-8"))["images"]
    for name, entry in listed.items():
        photo = read(folder / name)
        faces = (
            Face(Box(*face["box"]), face.get("difficult", False), face.get("ignore", False))
            for face in entry["faces"]
        )
        yield Sample(name, Canvas(photo.pixels, photo.colour).picture(), tuple(faces))


def measured(detector: Detector, samples: list[Sample]) -> tuple[dict[str, Count], float]:
    """What was found, by kind of picture, and the milliseconds per megapixel."""
    counts = dict.fromkeys(KINDS, Count())
    seconds = 0.0
    for sample in samples:
        times = []
        for _ in range(REPEATS):
            start = time.perf_counter()
            regions = detector(sample.picture)
            times.append(time.perf_counter() - start)
        seconds += statistics.median(times)
        counts[sample.kind] += judged(regions, sample.faces)
    megapixels = sum(size_of(sample.picture).area for sample in samples) / 1e6
    return counts, seconds * 1000 / megapixels


def judged(regions: Regions, faces: tuple[Face, ...]) -> Count:
    """One picture's count."""
    free = list(faces)
    right = wrong = found = 0
    for region in sorted(regions, key=lambda region: -region.score):
        face = max(free, key=lambda face: region.box.overlap(face.box), default=None)
        if face is None or region.box.overlap(face.box) < OVERLAP:
            wrong += 1
            continue
        free.remove(face)
        right += not face.ignore
        found += not (face.ignore or face.difficult)
    wanted = sum(not (face.ignore or face.difficult) for face in faces)
    return Count(right, wrong, found, wanted, 1)


def _figures(count: Count) -> dict[str, float]:
    ratios = {"precision": round(count.precision, 4), "recall": round(count.recall, 4)}
    return {**ratios, **vars(count)}


def _table(report: dict[str, Any]) -> str:
    head = ["", "precision", "recall", "right", "wrong", "found", "wanted", "pictures"]
    rows = [[kind, *(report[kind][name] for name in head[1:])] for kind in KINDS]
    lines = ["".join(f"{cell:>11}" for cell in row) for row in (head, *rows)]
    close = [
        f"close-ups of {share}: {count['right']} of {count['of']} give the one box of their face"
        for share, count in report["close_ups"].items()
    ]
    pace = f"{report['ms_per_megapixel']} ms per megapixel, detector {report['detector']}"
    return "\n".join([*lines, *close, pace])


def _tile(text: str) -> int | str:
    return text if text == "auto" else int(text)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--detector", default="face", help="name, or name:path of its model")
    parser.add_argument("--data", default=os.environ.get("DETAILER_DATA", BESIDE))
    parser.add_argument("--tile", type=_tile, default="auto", help="side of tiles, px; 0: off")
    parser.add_argument("--save", help="a file for the same JSON")
    parser.add_argument("--json", action="store_true", help="one JSON object, not a table")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
