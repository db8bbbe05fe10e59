"""From what a detector's network gives to reshaped regions: the cost beyond the network's own run.

    python benchmarks/detectors.py [--json] [--runs 9] [--keep benchmarks/results/detectors.json]

32 things on a grid over the picture, found as boxes, as prototypes and weights of a YOLO network
(160 px for the whole frame), or as logits of SAM (256 px); then `select` and `reshape` with their
defaults. `peer` is the same for boxes in the way of the programs people use: a float mask of the
picture's size for each, grown as a whole. It is run with fewer boxes and reckoned up to 32, because
its time and memory grow with their number. The programs themselves were measured too (`PROGRAM`):
they are slower than this plain version of them.

Seconds are the median of interleaved runs. `arrays` is the peak that tracemalloc sees (numpy), and
`resident` how far the process's memory rises (OpenCV too, to the allocator's pages), both MiB.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import threading
import time
import tracemalloc
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from detailer import Box, Detect, Mask, Regions, Size
from detailer.engines.detectors.found import Found
from detailer.engines.detectors.yolo.decode import Reading, decoded
from detailer.engines.detectors.yolo.frame import Frame
from detailer.engines.detectors.yolo.layout import Layout
from detailer.engines.segmenters.stretch import stretched
from detailer.stages.detect import select
from detailer.stages.mask import reshape

SIDES = (4096, 8192)
SQUARES = (128, 512)
COUNT, COLUMNS = 32, 8
FRAME, PROTOTYPES, MASKS = 640, 160, 32
LOGITS = 256
CELLS = sum((FRAME // stride) ** 2 for stride in (8, 16, 32))
PEERS_BOXES = {4096: 4, 8192: 2}
PEERS_GROWTH = 10
PROGRAM = {"4096": {"seconds": 10.3, "gib": 4.7}, "8192": {"seconds": 40.8, "gib": 18.6}}
TARGET = {"seconds": 0.05, "mib": 20}

Task = Callable[[], object]


@dataclass(frozen=True)
class Scene:
    """Squares of some pixels on a grid over a square picture."""

    side: int
    square: int

    @property
    def size(self) -> Size:
        return Size(self.side, self.side)

    @property
    def boxes(self) -> list[Box]:
        """Off the grid of pixels, as networks give them."""
        found = []
        for index in range(COUNT):
            x = (index % COLUMNS + 0.5) * self.side / COLUMNS + 0.3
            y = (index // COLUMNS + 0.5) * self.side * COLUMNS / COUNT + 0.7
            found.append(Box(x, y, x, y).grown(self.square / 2))
        return found


def regions_of(find: Callable[[], Regions]) -> Task:
    detect, mask = Detect(), Mask()
    return lambda: reshape(select(find(), detect), mask)


def boxes(scene: Scene) -> Task:
    rows = np.array([tuple(box) for box in scene.boxes])
    scores = np.linspace(0.9, 0.6, COUNT)
    found = Found.of(rows, scores)
    return regions_of(lambda: found.distinct(0.45).regions(scene.size, ("face",)))


def yolo_masks(scene: Scene) -> Task:
    """One prototype for each thing: an ellipse in its box; weights choose it."""
    frame = Frame.fixed(scene.size, Size(FRAME, FRAME))
    small = scene.side / PROTOTYPES
    prototypes = np.stack([ellipse(box, small, PROTOTYPES) for box in scene.boxes])[None]
    table = np.zeros((1, 4 + 1 + MASKS, CELLS), np.float32)
    for number, box in enumerate(scene.boxes):
        inside = frame.in_frame(box)
        table[0, :4, number] = (*inside.centre, inside.width, inside.height)
        table[0, 4, number] = 0.9 - number / 100
        table[0, 5 + number, number] = 1
    reading = Reading(Layout("columns", 1, MASKS), ("person",))
    return regions_of(lambda: decoded([table, prototypes], frame, reading))


def sam_masks(scene: Scene) -> Task:
    """Logits of the whole picture for each thing; nothing is known of its box but that."""
    small = scene.side / LOGITS
    logits = [ellipse(box, small, LOGITS) for box in scene.boxes]
    rows = np.array([tuple(box) for box in scene.boxes])

    def find() -> Regions:
        found = Found.of(rows, np.full(COUNT, 0.9)).regions(scene.size, ("face",))
        pairs = zip(found, logits, strict=True)
        return found.holding([one.with_mask(stretched(each, scene.size)) for one, each in pairs])

    return regions_of(find)


def ellipse(box: Box, small: float, side: int) -> np.ndarray:
    """Logits, above 0 in the ellipse inside a box; `small` pixels of the picture are one."""
    (x, y), y_x = box.centre, np.mgrid[:side, :side].astype(np.float32) + 0.5
    right, down = (y_x[1] - x / small), (y_x[0] - y / small)
    inside = 1 - np.hypot(right / (box.width / small / 2), down / (box.height / small / 2))
    return (4 * inside).clip(-8, 8).astype(np.float32)


TASKS: dict[str, Callable[[Scene], Task]] = {
    "boxes": boxes,
    "yolo_masks": yolo_masks,
    "sam_masks": sam_masks,
}


def peer(side: int) -> Task:
    """A mask of the whole picture for each box, grown, then cut to a crop around the box."""
    scene = Scene(side, SQUARES[0])
    found = scene.boxes[:: COUNT // PEERS_BOXES[side]]
    kernel = np.ones((PEERS_GROWTH, PEERS_GROWTH), np.uint8)

    def task() -> object:
        masks = []
        for box in found:
            drawn = np.zeros((side, side), np.uint8)
            left, top, right, bottom = map(int, box)
            cv2.rectangle(drawn, (left, top), (right, bottom), 255, -1)
            masks.append(drawn.astype(np.float32) / 255)
        grown = [cv2.dilate(mask, kernel) for mask in masks]
        crops = [box.grown(box.width).whole().clipped(scene.size.box) for box in found]
        return [mask[crop.slices].copy() for mask, crop in zip(grown, crops, strict=True)]

    return task


def resident() -> float:
    """This process's memory, MiB."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def arrays_of(task: Task) -> float:
    """The peak of what numpy and Python allocate during a task, MiB."""
    tracemalloc.start()
    try:
        kept = task()
        peak = tracemalloc.get_traced_memory()[1]
        del kept
    finally:
        tracemalloc.stop()
    return peak / 2**20


def resident_of(task: Task) -> float:
    """How far memory rises during a task, MiB, sampled every half millisecond."""
    before, highest, running = resident(), 0.0, True

    def watch() -> None:
        nonlocal highest
        while running:
            highest = max(highest, resident())
            time.sleep(0.0005)

    watcher = threading.Thread(target=watch)
    watcher.start()
    kept = task()
    running = False
    watcher.join()
    highest = max(highest, resident())
    del kept
    return max(0.0, highest - before)


def seconds_of(task: Task) -> float:
    start = time.perf_counter()
    task()
    return time.perf_counter() - start


def measured(tasks: Sequence[Task], runs: int) -> list[dict[str, float]]:
    """Seconds and MiB of each; memory first, before the allocator has any to spare."""
    memory = [{"resident": resident_of(task), "arrays": arrays_of(task)} for task in tasks]
    times: list[list[float]] = [[] for _ in tasks]
    for _ in range(runs):
        for one, task in zip(times, tasks, strict=True):
            one.append(seconds_of(task))
    return [
        {"seconds": round(statistics.median(one), 4)} | {k: round(v, 2) for k, v in each.items()}
        for one, each in zip(times, memory, strict=True)
    ]


def ours(runs: int) -> dict[str, dict[str, dict[str, float]]]:
    """Task to `side/square` to figures."""
    scenes = [Scene(side, square) for side in SIDES for square in SQUARES]
    names = [f"{scene.side}/{scene.square}" for scene in scenes]
    return {
        task: dict(zip(names, measured([make(scene) for scene in scenes], runs), strict=True))
        for task, make in TASKS.items()
    }


def theirs(runs: int) -> dict[str, dict[str, float]]:
    """Side to what was measured, and what that makes for 32 boxes."""
    result = {}
    for side, figures in zip(SIDES, measured([peer(side) for side in SIDES], runs), strict=True):
        share = COUNT / PEERS_BOXES[side]
        reckoned = {
            f"{name}_for_{COUNT}": round(value * share, 2) for name, value in figures.items()
        }
        result[str(side)] = {"boxes": PEERS_BOXES[side], **figures, **reckoned}
    return result


def machine() -> dict[str, object]:
    lines = Path("/proc/cpuinfo").read_text(encoding="ascii").splitlines()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return {
        "processor": names[0] if names else platform.processor(),
        "cores": os.cpu_count(),
        "threads": cv2.getNumThreads(),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "numpy": np.__version__,
        "opencv": cv2.__version__,
    }


def report(runs: int) -> dict[str, object]:
    mine, peers = ours(runs), theirs(min(runs, 3))
    ratios = {}
    for side in map(str, SIDES):
        one, other = mine["boxes"][f"{side}/{SQUARES[0]}"], peers[side]
        ratios[side] = {
            "seconds": round(other[f"seconds_for_{COUNT}"] / one["seconds"]),
            "arrays": round(other[f"arrays_for_{COUNT}"] / max(one["arrays"], 0.01)),
        }
    return {
        "machine": machine(),
        "things": COUNT,
        "target": TARGET,
        "ours": mine,
        "peer": peers,
        "peer_program": PROGRAM,
        "peer_by_ours": ratios,
    }


def table(figures: dict[str, object]) -> str:
    lines = [f"{'task':<12}{'side/square':>13}{'ms':>9}{'arrays':>9}{'resident':>10}   MiB"]
    for task, rows in figures["ours"].items():  # type: ignore[attr-defined]
        for name, row in rows.items():
            cells = (f"{row['seconds'] * 1000:9.1f}", f"{row['arrays']:9.1f}")
            lines.append(f"{task:<12}{name:>13}{cells[0]}{cells[1]}{row['resident']:10.1f}")
    for side, row in figures["peer"].items():  # type: ignore[attr-defined]
        ms, mib = row[f"seconds_for_{COUNT}"] * 1000, row[f"arrays_for_{COUNT}"]
        lines.append(
            f"{'peer':<12}{side:>13}{ms:9.0f}{mib:9.0f}   reckoned from {row['boxes']} boxes"
        )
    return "\n".join([*lines, f"peer by ours, boxes: {figures['peer_by_ours']}"])


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--runs", type=int, default=9, help="timed runs of each task")
    parser.add_argument("--keep", type=Path, help="write the JSON object to this file too")
    chosen = parser.parse_args()
    cv2.setNumThreads(2)
    figures = report(chosen.runs)
    if chosen.keep:
        chosen.keep.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(figures) if chosen.json else table(figures))


if __name__ == "__main__":
    main()
