"""What the painters that need no download make of faces, in figures and to look at.

    python -m benchmarks.painters_builtin [--json] [--sheets FOLDER] [--painters restore,classic]

Every face of $DETAILER_DATA (default ../shared/data) that is neither difficult nor to be ignored,
each photograph once, is cut out with three times its size of context, and detailed from its box
with the recipe face and the painter's own defaults; three times over:

as they are (from 16 px): `skipped` of them, and the pixels that `changed` in those; of the
    painted ones `texture` (25th percentile of the local deviation of what is finer than 1 px),
    `edges` (98th percentile of the gradient) and `grain` (as texture, in the box's corners),
    after by before.
half (from 100 px, sharp ones): shrunk twice and enlarged again. `painted` of them, and `closer`: of
    those with more SSIM with the original than before.
quarter (from 64 px): shrunk four times and enlarged again, beside `bicubic`, which is that alone.
    ssim, gradient (mean, by the original's), score (YuNet's), tone (distance in CIE Lab, both
    blurred); the shares of faces with a gradient within 25 % (`gradient_within_25`), with a score
    more than 0.02 below bicubic's (`score_drop`), with more SSIM (`ssim_raised`); and where dlib is
    there, of faces from 60 px, the distance of face descriptors from the original (`identity`) and
    the share of faces no farther than with bicubic (`identity_kept`).

`cpu_seconds` are of all threads and for each painted face, `peak_mib` is the most that a face took
beyond what was there before (Linux).
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
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from benchmarks import identity
from benchmarks.restoring import figures
from benchmarks.restoring.faces import Face, faces_in
from PIL import Image

from detailer.core.pixels import Picture, size_of, to_unit
from detailer.core.sharpness import SHARPNESS, luma, sharpness
from detailer.engines.detectors.given import given_boxes
from detailer.engines.detectors.yunet import YuNet
from detailer.errors import DetailerError, MissingEngineError
from detailer.flow import Detailer
from detailer.loading import load
from detailer.recipes import find

BESIDE = Path(__file__).parents[2] / "shared" / "data"
LEAST, LARGE, QUARTERED, KNOWN = 16, 100, 64, 60


@dataclass(frozen=True)
class Made:
    """What became of a face: its pixels, whether it was painted, and what that cost."""

    face: Face
    pixels: Picture
    painted: bool
    seconds: float
    mib: float

    @property
    def changed(self) -> int:
        """How many pixels are not as they were."""
        return int((self.pixels != self.face.seen).any(axis=2).sum())


def main() -> int:
    arguments = _arguments()
    folder = Path(arguments.data)
    report: dict[str, Any] = {"machine": _machine()}
    try:
        for name in arguments.painters.split(","):
            recipe = find("face")
            detailer = load(recipe.but(paint={"painter": name}), without="detectors")
            report[name] = measured(detailer, folder, arguments.sheets and f"{name}-", arguments)
    except (DetailerError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    print(json.dumps(report, indent=1) if arguments.json else _lines(report))
    return 0


def measured(
    detailer: Detailer, folder: Path, sheets: str, arguments: argparse.Namespace
) -> dict[str, Any]:
    """The figures of one painter; before and after of each face onto sheets, if asked for."""
    found: dict[str, Any] = {}
    for name, least, shrunk in (
        ("as_they_are", LEAST, 1),
        ("half", LARGE, 2),
        ("quarter", QUARTERED, 4),
    ):
        faces = list(faces_in(folder, least, shrunk))
        if name == "half":
            faces = [face for face in faces if _is_sharp(face)]
        made = [detailed(face, detailer) for face in faces]
        found[name] = {"faces": len(made), **_KINDS[name](made, folder)} if made else {"faces": 0}
        if sheets:
            _sheets(made, Path(arguments.sheets), f"{sheets}{name}")
    return found


def detailed(face: Face, detailer: Detailer) -> Made:
    """A face detailed from its box by the real flow."""
    one = replace(detailer, detector=given_boxes([face.box], label="face"))
    start, resident = time.process_time(), _reset_peak()
    done = one(face.seen)
    seconds, mib = time.process_time() - start, _peak() - resident
    if done.failed:
        raise DetailerError(f"{face.name}: {done.failed[0].reason}")
    pixels = np.array(done.pixels)
    return Made(face, pixels, bool(done.painted), seconds, mib)


def _as_they_are(made: Sequence[Made], folder: Path) -> dict[str, Any]:
    skipped = [one for one in made if not one.painted]
    painted = [one for one in made if one.painted]
    ratios = {
        name: [
            measure(one.pixels, one.face.box) / max(measure(one.face.seen, one.face.box), 1e-6)
            for one in painted
        ]
        for name, measure in (
            ("texture", figures.texture), ("edges", figures.edges), ("grain", figures.grain)
        )
    }  # fmt: skip
    return {
        "skipped": len(skipped),
        "changed": max((one.changed for one in skipped), default=0),
        **{name: _spread(values) for name, values in ratios.items()},
        "large_painted": [
            {"name": one.face.name, "width": round(one.face.box.width)}
            | {name: round(values[place], 3) for name, values in ratios.items()}
            for place, one in enumerate(painted)
            if one.face.box.width >= LARGE
        ],
        **_costs(made),
    }


def _half(made: Sequence[Made], folder: Path) -> dict[str, Any]:
    painted = [one for one in made if one.painted]
    gains = [_likeness(one.pixels, one) - _likeness(one.face.seen, one) for one in painted]
    return {
        "painted": len(painted) / len(made),
        "closer": _share(gain > 0 for gain in gains),
        "ssim_gain": _spread(gains),
        "edges_by_the_originals": _spread(
            [figures.edges(one.pixels, one.face.box) / figures.edges(one.face.sharp, one.face.box)
             for one in painted]
        ),
        **_costs(made),
    }  # fmt: skip


def _quarter(made: Sequence[Made], folder: Path) -> dict[str, Any]:
    yunet = YuNet(folder / "models" / "yunet_n_dynamic.onnx", threshold=0.2)
    rows = {
        name: [_row(one, seen(one), yunet) for one in made]
        for name, seen in (("bicubic", lambda one: one.face.seen), ("made", lambda one: one.pixels))
    }
    pairs = list(zip(rows["made"], rows["bicubic"], strict=True))
    means = {
        name: {key: round(statistics.fmean(row[key] for row in of), 4) for key in of[0]}
        for name, of in rows.items()
    }
    return {
        "bicubic": means["bicubic"],
        **means["made"],
        "gradient_within_25": _share(abs(row["gradient"] - 1) <= 0.25 for row in rows["made"]),
        "score_drop": _share(mine["score"] < base["score"] - 0.02 for mine, base in pairs),
        "ssim_raised": _share(mine["ssim"] > base["ssim"] for mine, base in pairs),
        **_identity(made),
        **_costs(made),
    }


_SETS = {"as_they_are": (LEAST, 1), "half": (LARGE, 2), "quarter": (QUARTERED, 4)}
_KINDS = {"as_they_are": _as_they_are, "half": _half, "quarter": _quarter}


def _row(one: Made, pixels: Picture, yunet: YuNet) -> dict[str, float]:
    box, sharp = one.face.box, one.face.sharp
    return {
        "ssim": _likeness(pixels, one),
        "gradient": figures.mean_gradient(pixels, box) / figures.mean_gradient(sharp, box),
        "score": figures.score(pixels, box, yunet),
        "tone": figures.tone(pixels, sharp, box),
    }


def _identity(made: Sequence[Made]) -> dict[str, Any]:
    try:
        far = [
            identity.distances(one.face.sharp, [one.face.seen, one.pixels], one.face.box)
            for one in made
            if one.face.box.width >= KNOWN
        ]
    except MissingEngineError as error:
        return {"identity": f"not measured: {error}"}
    bicubic, restored = zip(*far, strict=True)
    return {
        "identity": {"bicubic": _spread(bicubic), "made": _spread(restored)},
        "identity_kept": _share(mine <= base for base, mine in far),
    }


def _likeness(pixels: Picture, one: Made) -> float:
    return figures.likeness(pixels, one.face.sharp, one.face.box)


def _is_sharp(face: Face) -> bool:
    gray = luma(to_unit(face.sharp))
    return sharpness(gray[figures.inside(face.sharp, face.box)]) >= SHARPNESS


def _costs(made: Sequence[Made]) -> dict[str, Any]:
    painted = [one for one in made if one.painted]
    return {
        "cpu_seconds": _spread([one.seconds for one in painted]),
        "peak_mib": _spread([one.mib for one in painted]),
    }


def _spread(values: Sequence[float]) -> dict[str, float]:
    if not values:
        return {}
    ends = {"least": min(values), "median": statistics.median(values), "most": max(values)}
    return {name: round(value, 3) for name, value in ends.items()}


def _share(true: Iterator[bool]) -> float:
    values = list(true)
    return round(sum(values) / len(values), 4) if values else 0.0


def _reset_peak() -> float:
    """The memory that this process has, MiB; what it has at most is measured from here on."""
    try:
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    except OSError:
        return 0.0
    return _peak()


def _peak() -> float:
    try:
        status = Path("/proc/self/status").read_text(encoding="ascii")
    except OSError:
        return 0.0
    (line,) = [line for line in status.splitlines() if line.startswith("VmHWM")]
    return int(line.split()[1]) / 1024


def _sheets(made: Sequence[Made], folder: Path, name: str, rows: int = 10) -> None:
    """Original, before and after of each face, ten to a sheet, the largest first."""
    folder.mkdir(parents=True, exist_ok=True)
    ordered = sorted(made, key=lambda one: -one.face.box.width)
    for start in range(0, len(ordered), rows):
        part = ordered[start : start + rows]
        sheet = Image.new("RGB", (3 * 304, 304 * len(part)))
        for row, one in enumerate(part):
            box = one.face.box
            around = box.grown(0.35 * box.width).whole().clipped(size_of(one.face.sharp).box)
            for column, picture in enumerate((one.face.sharp, one.face.seen, one.pixels)):
                shown = Image.fromarray(np.ascontiguousarray(picture[around.slices]))
                share = 300 / max(shown.size)
                size = (round(shown.width * share), round(shown.height * share))
                sheet.paste(shown.resize(size, Image.Resampling.LANCZOS), (304 * column, 304 * row))
        sheet.save(folder / f"{name}-{start // rows:02}.png")


def _lines(report: dict[str, Any], indent: str = "") -> str:
    lines = []
    for name, value in report.items():
        nested = isinstance(value, dict) and any(isinstance(one, dict) for one in value.values())
        lines.append(
            f"{indent}{name}" + (f"\n{_lines(value, indent + '  ')}" if nested else f": {value}")
        )
    return "\n".join(lines)


def _machine() -> dict[str, Any]:
    return {
        "processor": platform.processor() or platform.machine(),
        "cores": os.cpu_count(),
        "system": platform.system(),
        "python": platform.python_version(),
    }


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--painters", default="restore,classic", help="names, comma between them")
    parser.add_argument("--data", default=os.environ.get("DETAILER_DATA", BESIDE))
    parser.add_argument("--sheets", default="", metavar="FOLDER", help="write sheets to look at")
    parser.add_argument("--json", action="store_true", help="one JSON object")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
