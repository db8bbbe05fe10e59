"""What the painters that need no download make of blurred faces, in figures and to look at.

    python benchmarks/painters_builtin.py [--json] [--sheet FILE] [--painters classic,restore]

Every face of $DETAILER_DATA (default ../shared/data) that is at least 64 px wide and neither
difficult nor to be ignored, each photograph once, is cut out with three times its size of
context, shrunk four times and enlarged again with Pillow's bicubic filter: `bicubic`, the
baseline. A Detailer with the recipe face and the face's box repaints that. Measured over the box:

    ssim      structural similarity of brightness with the original, Gaussian of 1.5 px
    gradient  mean magnitude of the gradient of brightness (Sobel), by the original's
    score     what YuNet gives the face, 0 where it does not find it
    tone      mean distance in CIE Lab from the original, both blurred by an eighth of the box

and the shares of faces with a gradient within 25 % of the original's (`gradient_within_25`), with
a score more than 0.02 below the baseline's (`score_drop`), and with more SSIM (`ssim_raised`).
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from detailer.apps.files.read import read
from detailer.core.canvas import Canvas
from detailer.core.context import crop_region
from detailer.core.geometry import Box, Size
from detailer.core.pixels import Picture, size_of, to_unit
from detailer.core.sharpness import gradient, luma, soft
from detailer.engines.catalog import open_painter
from detailer.engines.detectors.given import given_boxes
from detailer.engines.detectors.yunet import YuNet
from detailer.errors import DetailerError
from detailer.flow import Detailer
from detailer.recipes import find
from detailer.stages.detect import Detector
from detailer.stages.paint import Painter

BESIDE = Path(__file__).parents[2] / "shared" / "data"
LEAST_WIDTH = 64
CONTEXT = 3.0
SHRUNK = 4
BASELINE = "bicubic"
FIGURES = ("ssim", "gradient", "score", "tone")
SHARES = ("gradient_within_25", "score_drop", "ssim_raised")


@dataclass(frozen=True)
class Face:
    """A face with what is around it, sharp and blurred, (h, w, 3) uint8; the box is in both."""

    name: str
    sharp: Picture
    blurred: Picture
    box: Box


@dataclass(frozen=True)
class Figures:
    """What one picture of a face measures; `seconds` is what it took to paint."""

    ssim: float
    gradient: float
    score: float
    tone: float
    seconds: float = 0.0


def main() -> int:
    arguments = _arguments()
    folder = Path(arguments.data)
    try:
        names = arguments.painters.split(",")
        painters = {name: open_painter(name) for name in names}
        yunet = YuNet(folder / "models" / "yunet_n_dynamic.onnx", threshold=0.2)
        faces = list(faces_in(folder))
        pictures, figures = painted_all(faces, painters, yunet)
    except (DetailerError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    if arguments.sheet:
        contact_sheet(faces, pictures).save(arguments.sheet)
    report = {"faces": len(faces), **{name: summary(figures, name) for name in figures}}
    print(json.dumps(report) if arguments.json else _table(report))
    return 0


def faces_in(folder: Path) -> Iterator[Face]:
    """Every face that is measured, with the baseline made of it."""
    listed = json.loads((folder / "faces.json").read_text(encoding="utf-8"))["images"]
    for name in without_variants(folder, list(listed)):
        boxes = [
            Box(*face["box"])
            for face in listed[name]["faces"]
            if not (face.get("difficult") or face.get("ignore"))
        ]
        large = [box for box in boxes if box.width >= LEAST_WIDTH]
        if not large:
            continue
        photo = read(folder / name)
        picture = Canvas(photo.pixels, photo.colour).picture()
        for box in large:
            window = crop_region(box, size_of(picture), CONTEXT)
            sharp = picture[window.slices]
            inside = box.shifted(-window.left, -window.top).clipped(size_of(sharp).box)
            yield Face(name, sharp, shrunk_and_enlarged(sharp), inside)


def without_variants(folder: Path, names: list[str]) -> list[str]:
    """The pictures, of each photograph only the first that is not a variant."""
    manifest = folder / "manifest.json"
    entries = json.loads(manifest.read_text(encoding="utf-8")) if manifest.exists() else []
    sources = {entry["file"]: entry.get("source_sha256", entry["file"]) for entry in entries}
    chosen: dict[str, str] = {}
    for name in sorted(names, key=lambda name: (Path(name).name.startswith("variant_"), name)):
        chosen.setdefault(sources.get(name, name), name)
    return [name for name in names if name in chosen.values()]


def shrunk_and_enlarged(sharp: Picture) -> Picture:
    """The baseline: what is left of a picture at a quarter of its size."""
    picture, size = Image.fromarray(sharp), size_of(sharp)
    small = (max(1, round(size.width / SHRUNK)), max(1, round(size.height / SHRUNK)))
    bicubic = Image.Resampling.BICUBIC
    return np.asarray(picture.resize(small, bicubic).resize(picture.size, bicubic))


def painted_all(
    faces: list[Face], painters: dict[str, Painter], yunet: Detector
) -> tuple[dict[str, list[Picture]], dict[str, list[Figures]]]:
    """Every face as each painter makes it, and what that measures; the baseline first."""
    pictures: dict[str, list[Picture]] = {BASELINE: [face.blurred for face in faces]}
    figures = {BASELINE: [measured(face, face.blurred, yunet) for face in faces]}
    for name, painter in painters.items():
        pictures[name], figures[name] = [], []
        for face in faces:
            start = time.perf_counter()
            painted = detailed(face, painter)
            seconds = time.perf_counter() - start
            pictures[name].append(painted)
            figures[name].append(measured(face, painted, yunet, seconds))
    return pictures, figures


def detailed(face: Face, painter: Painter) -> Picture:
    """The blurred face repainted by the real flow."""
    detailer = Detailer(given_boxes([face.box], label="face"), painter, find("face"))
    done = detailer(face.blurred)
    if done.failed:
        raise DetailerError(f"{face.name}: {done.failed[0].reason}")
    return np.asarray(done.pixels)


def measured(face: Face, picture: Picture, yunet: Detector, seconds: float = 0.0) -> Figures:
    """The figures of one picture of a face."""
    inside = face.box.whole().clipped(size_of(picture).box).slices
    sharp, seen = to_unit(face.sharp), to_unit(picture)
    slopes = [float(gradient(luma(pixels))[inside].mean()) for pixels in (seen, sharp)]
    scores = [region.score for region in yunet(picture) if region.box.overlap(face.box) >= 0.4]
    width = face.box.width / 8
    tones = [cv2.cvtColor(soft(pixels, width), cv2.COLOR_RGB2Lab) for pixels in (seen, sharp)]
    return Figures(
        ssim=float(similarity(luma(seen), luma(sharp))[inside].mean()),
        gradient=slopes[0] / slopes[1],
        score=max(scores, default=0.0),
        tone=float(np.linalg.norm(tones[0] - tones[1], axis=2)[inside].mean()),
        seconds=seconds,
    )


def similarity(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Wang et al., Image quality assessment: from error visibility to structural similarity."""
    mean_a, mean_b = soft(a, 1.5), soft(b, 1.5)
    spread_a, spread_b = soft(a * a, 1.5) - mean_a**2, soft(b * b, 1.5) - mean_b**2
    shared = soft(a * b, 1.5) - mean_a * mean_b
    light = (2 * mean_a * mean_b + 1e-4) / (mean_a**2 + mean_b**2 + 1e-4)
    return light * (2 * shared + 9e-4) / (spread_a + spread_b + 9e-4)


def summary(figures: dict[str, list[Figures]], name: str) -> dict[str, float]:
    """Means and shares of one painter over all faces."""
    mine = figures[name]
    pairs = list(zip(mine, figures[BASELINE], strict=True))
    shares = {
        "gradient_within_25": [abs(one.gradient - 1) <= 0.25 for one in mine],
        "score_drop": [one.score < base.score - 0.02 for one, base in pairs],
        "ssim_raised": [one.ssim > base.ssim for one, base in pairs],
    }
    means = {key: [getattr(one, key) for one in mine] for key in (*FIGURES, "seconds")}
    return {
        key: round(statistics.fmean(values), 4) if values else 0.0
        for key, values in {**means, **shares}.items()
    }


def contact_sheet(faces: list[Face], pictures: dict[str, list[Picture]]) -> Image.Image:
    """A row for each face: the original, the baseline, and what each painter made of it."""
    cell = Size(220, 260)
    sheet = Image.new("RGB", (cell.width * (len(pictures) + 1), cell.height * len(faces)))
    for row, face in enumerate(faces):
        around = face.box.grown(0.35 * face.box.width).whole().clipped(size_of(face.sharp).box)
        for column, picture in enumerate([face.sharp, *(made[row] for made in pictures.values())]):
            shown = Image.fromarray(np.ascontiguousarray(picture[around.slices]))
            share = min((cell.width - 4) / shown.width, (cell.height - 4) / shown.height)
            size = (round(shown.width * share), round(shown.height * share))
            place = (column * cell.width, row * cell.height)
            sheet.paste(shown.resize(size, Image.Resampling.LANCZOS), place)
    return sheet


def _table(report: dict[str, object]) -> str:
    head = ["", *FIGURES, *SHARES, "seconds"]
    rows = [
        [name, *(row[key] for key in head[1:])] for name, row in report.items() if name != "faces"
    ]  # type: ignore[index]
    lines = ["".join(f"{cell:>20}" for cell in row) for row in (head, *rows)]
    return "\n".join([*lines, f"{report['faces']} faces"])


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--painters", default="classic,restore", help="names, comma between them")
    parser.add_argument("--data", default=os.environ.get("DETAILER_DATA", BESIDE))
    parser.add_argument("--sheet", metavar="FILE", help="write a contact sheet to look at")
    parser.add_argument("--json", action="store_true", help="one JSON object, not a table")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
