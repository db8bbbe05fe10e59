"""What the diffusion painter costs beside its networks, and beside ComfyUI and diffusers.

    python -m benchmarks.painter [--overhead] [--against] [--memory] [--waves] [--card]
        [--contestants NAMES] [--steps 20] [--side 512] [--runs 5] [--cache FOLDER] [--out FILE]

From the repository's root; without a part, all but those that lack ComfyUI or a graphics card.
Weights are random, of Stable Diffusion 1.5's sizes, and made once into the cache (2.6 GB).

    overhead  one whole run, picture to picture: the share of its time outside the networks
    against   the same crop in as many steps in turns, A B C A B C …: seconds, and the median over
              the turns of each one's time by the first's; ComfyUI: COMFYUI_DIR, COMFYUI_PYTHON
    memory    MiB that a fresh process takes to load and to paint, in each precision and mode
    waves     MiB after each of 50 waves of a narrower model
    card      eight faces at 512 and 1024 px, batch and one by one, where there is a CUDA card
"""

from __future__ import annotations

import argparse
import json
import platform
import statistics
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from benchmarks.painting import memory
from benchmarks.painting.clock import timed
from benchmarks.painting.contestants import NAMES, Ring
from benchmarks.painting.models import checkpoint
from benchmarks.painting.scene import Work
from tests.interop.comfyui import checkout

DEFAULT = ("comfyui_fp32", "ours_fp32", "ours_bf16", "inpaint_fp32")
WAVES = 50

Figures = dict[str, dict[str, Any]]


def main() -> None:
    chosen = _arguments()
    torch.set_num_threads(chosen.threads)
    parts = [name for name in PARTS if getattr(chosen, name)] or _possible()
    report: dict[str, Any] = {"machine": machine(), "steps": chosen.steps, "side": chosen.side}
    for name in parts:
        report[name] = PARTS[name](chosen)
        if chosen.out:
            chosen.out.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(report, indent=1))


def overhead(chosen: argparse.Namespace) -> dict[str, Any]:
    """A whole run of each precision: detect, cut, encode, sample, decode, paste."""
    figures = {}
    for dtype in chosen.dtypes:
        painter = checkpoint(chosen.cache, chosen.layout).painter(device="cpu", dtype=dtype)
        # Another prompt, so that what is measured has its texts to encode.
        small = Work(1, 64, prompt="warm")
        small.detailer(painter)(small.picture())
        work = Work(chosen.steps, chosen.side)
        with timed() as clock:
            done = work.detailer(painter)(work.picture())
        assert not done.failed, done.failed
        figures[dtype] = clock.report()
    return figures


def against(chosen: argparse.Namespace) -> dict[str, Any]:
    """Every contestant in each turn; the first is what the others are measured by."""
    work = Work(chosen.steps, chosen.side)
    with ExitStack() as stack:
        ring = Ring(checkpoint(chosen.cache, chosen.layout), work, stack)
        racers = dict(ring.enter(chosen.contestants))
        # Allocators and caches fill in the first turn, which is not counted.
        turns = [
            {name: run.once() for name, run in racers.items()} for _ in range(chosen.runs + 1)
        ][1:]
    first = chosen.contestants[0]
    return {
        name: {
            "median": _medians([turn[name] for turn in turns]),
            f"by_{first}": _by(turns, (name, first), "seconds"),
            f"cpu_by_{first}": _by(turns, (name, first), "cpu_seconds"),
            "seconds": [round(turn[name]["seconds"], 3) for turn in turns],
            **run.told,
        }
        for name, run in racers.items()
    }


def _medians(figures: list[dict[str, Any]]) -> dict[str, float]:
    """Of every part that is a number."""
    parts = [part for part, value in figures[0].items() if isinstance(value, float)]
    return {part: round(statistics.median(one[part] for one in figures), 4) for part in parts}


def _by(turns: list[Figures], names: tuple[str, str], part: str) -> float:
    """The median over the turns, so that a neighbour's work between two turns does not count."""
    ratios = [turn[names[0]][part] / turn[names[1]][part] for turn in turns]
    return round(statistics.median(ratios), 4)


def in_memory(chosen: argparse.Namespace) -> dict[str, Any]:
    """Each precision and way to keep weights, in a process of its own."""
    common = ("--layout", chosen.layout, "--side", str(chosen.side), "--threads", _threads(chosen))
    modes = [("cpu", dtype, "none") for dtype in chosen.dtypes]
    if torch.cuda.is_available():
        modes += [("cuda", "fp16", mode) for mode in ("none", "model", "group")]
    return {
        "-".join(mode): memory.in_a_process(
            chosen.cache, *common, "--device", mode[0], "--dtype", mode[1], "--memory", mode[2]
        )
        for mode in modes
    }


def waves(chosen: argparse.Namespace) -> dict[str, Any]:
    """Fifty waves of one small crop each."""
    common = ("--layout", "narrow", "--side", "64", "--threads", _threads(chosen))
    return memory.in_a_process(chosen.cache, *common, "--waves", str(WAVES))


def card(chosen: argparse.Namespace) -> dict[str, Any]:
    if not torch.cuda.is_available():
        return {"skipped": "no CUDA card"}
    from benchmarks.painting.card import measured

    return measured(chosen.cache, Work(chosen.steps), chosen.runs)


PARTS: dict[str, Callable[[argparse.Namespace], dict[str, Any]]] = {
    "overhead": overhead,
    "against": against,
    "memory": in_memory,
    "waves": waves,
    "card": card,
}


def _possible() -> list[str]:
    lacking = set() if checkout() else {"against"}
    lacking |= set() if torch.cuda.is_available() else {"card"}
    return [name for name in PARTS if name not in lacking]


def machine() -> dict[str, Any]:
    """What the figures were measured on."""
    libraries = ("torch", "diffusers", "transformers")
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    processor = next((line for line in lines if line.startswith("model name")), "")
    return {
        "processor": processor.partition(":")[2].strip() or platform.processor(),
        "threads": torch.get_num_threads(),
        "capability": torch.backends.cpu.get_cpu_capability(),
        "card": torch.cuda.get_device_name() if torch.cuda.is_available() else "",
        "python": platform.python_version(),
        **{name: version(name) for name in libraries},
    }


def _threads(chosen: argparse.Namespace) -> str:
    return str(chosen.threads)


def _names(text: str) -> list[str]:
    names = text.split(",")
    unknown = sorted(set(names) - set(NAMES))
    if unknown:
        raise argparse.ArgumentTypeError(f"{', '.join(unknown)}; known: {', '.join(NAMES)}")
    return names


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    for name in PARTS:
        parser.add_argument(f"--{name}", action="store_true", help="this part")
    parser.add_argument("--contestants", type=_names, default=list(DEFAULT), metavar="NAMES")
    parser.add_argument("--dtypes", type=lambda text: text.split(","), default=["fp32", "bf16"])
    parser.add_argument("--layout", default="real", help="real or narrow sizes")
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--side", type=int, default=512, help="painted size, px")
    parser.add_argument("--runs", type=int, default=5, help="timed turns")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    default = Path(tempfile.gettempdir(), "detailer-interop")
    parser.add_argument("--cache", type=Path, default=default, help="where checkpoints are kept")
    parser.add_argument("--out", type=Path, help="JSON file, written after every part")
    return parser.parse_args()


if __name__ == "__main__":
    main()
