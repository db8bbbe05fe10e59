"""What detailer costs beside the model: plan, cut and paste; a mask to regions; crop and stitch.

    python benchmarks/overhead.py [--json] [--runs 5]

The painter does nothing. Seconds are the median of interleaved runs; MiB are the peak of the
process's memory beyond the input and the output picture. Two threads.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import threading
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np

from detailer import Box, Canvas, Crop, Detailer, Mask, Recipe, Region, Regions, each
from detailer.core.regions.from_mask import Trace

SIDES = (1024, 4096, 8192)
FACES = 32
FACE = 128
DISC = 64

Task = Callable[[], object]

nothing = each(lambda cutout: cutout.pixels)


def faces(side: int) -> list[Box]:
    """32 boxes of 128 px on a grid over the whole picture."""
    columns, rows = 8, 4
    boxes = []
    for index in range(FACES):
        x = (index % columns + 0.5) * side / columns - FACE / 2
        y = (index // columns + 0.5) * side / rows - FACE / 2
        boxes.append(Box(int(x), int(y), int(x) + FACE, int(y) + FACE))
    return boxes


def picture(side: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (side, side, 3), np.uint8)


def discs(side: int, count: int) -> np.ndarray:
    """A float32 mask with discs of radius 64."""
    mask = np.zeros((side, side), np.float32)
    boxes = faces(side)
    middle = [Box(side // 2, side // 2, side // 2, side // 2)]
    for box in boxes if count > 1 else middle:
        x, y = box.centre
        cv2.circle(mask, (int(x), int(y)), DISC if count == 1 else DISC - 8, 1.0, -1)
    return mask


def floats(side: int) -> np.ndarray:
    return np.random.default_rng(0).random((side, side, 3), np.float32)


def plan_cut_paste(side: int) -> Task:
    return planned_cut_pasted(Canvas(picture(side)), side)


def plan_cut_paste_float(side: int) -> Task:
    return planned_cut_pasted(Canvas(floats(side)), side)


def planned_cut_pasted(canvas: Canvas, side: int) -> Task:
    regions = Regions(canvas.size, tuple(Region.from_box(box) for box in faces(side)))
    recipe = Recipe(paint={"batch_size": 4})
    run = Detailer(lambda _: regions, nothing, recipe)

    def task() -> object:
        for step in run.steps(canvas):
            del step
        return None

    return task


def mask_to_regions(side: int) -> Task:
    mask = discs(side, FACES)
    return lambda: Regions.from_mask(mask)


def crop_stitch(side: int) -> Task:
    canvas, mask = Canvas(picture(side)), discs(side, 1)
    crop = Crop(crop_factor=1.2, guide_size=512, guide_size_for="crop_region", max_size=512)
    recipe = Recipe(crop=crop, mask=Mask(dilation=0))
    run = Detailer(lambda _: Regions.from_mask(mask, Trace(combined=True)), nothing, recipe)

    def task() -> object:
        for step in run.steps(canvas):
            del step
        return None

    return task


TASKS = {
    "plan_cut_paste": plan_cut_paste,
    "plan_cut_paste_float": plan_cut_paste_float,
    "mask_to_regions": mask_to_regions,
    "crop_stitch": crop_stitch,
}


def resident() -> float:
    """This process's memory, MiB."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def peak_of(task: Task) -> float:
    """How far memory rises during a task, MiB, sampled every half millisecond."""
    before, highest, running = resident(), 0.0, True

    def watch() -> None:
        nonlocal highest
        while running:
            highest = max(highest, resident())
            time.sleep(0.0005)

    watcher = threading.Thread(target=watch)
    watcher.start()
    task()
    running = False
    watcher.join()
    return max(0.0, highest - before)


def seconds_of(task: Task) -> float:
    start = time.perf_counter()
    task()
    return time.perf_counter() - start


def measured(runs: int) -> dict[str, dict[str, dict[str, float]]]:
    """Task to side to seconds and MiB."""
    result: dict[str, dict[str, dict[str, float]]] = {}
    for name, make in TASKS.items():
        tasks = {side: make(side) for side in SIDES}
        # Memory first: later runs find what earlier ones left with the allocator.
        memory = {side: peak_of(task) for side, task in tasks.items()}
        times: dict[int, list[float]] = {side: [] for side in SIDES}
        for _ in range(runs):
            for side, task in tasks.items():
                times[side].append(seconds_of(task))
        result[name] = {
            str(side): {
                "seconds": round(statistics.median(times[side]), 4),
                "mib": round(memory[side], 1),
            }
            for side in SIDES
        }
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--runs", type=int, default=5, help="timed runs of each task")
    chosen = parser.parse_args()
    cv2.setNumThreads(2)
    figures = measured(chosen.runs)
    if chosen.json:
        print(json.dumps(figures))
        return
    print(f"{'task':<22}{'side':>6}{'seconds':>10}{'MiB':>8}")
    for name, sides in figures.items():
        for side, values in sides.items():
            print(f"{name:<22}{side:>6}{values['seconds']:>10.3f}{values['mib']:>8.1f}")


if __name__ == "__main__":
    main()
