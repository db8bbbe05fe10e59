"""Memory: what a fresh process takes to load a model and to paint with it.

    python -m benchmarks.painting.memory CACHE [--layout real] [--dtype fp32] [--waves 1] ...

Prints one JSON object. Linux only: peaks come from /proc/self/status, and are forgotten between
loading and painting through /proc/self/clear_refs.
"""

from __future__ import annotations

import argparse
import gc
import json
import subprocess
import sys
from itertools import pairwise
from pathlib import Path
from typing import Any

SELF = Path("/proc/self")


def held(process: str = "self") -> dict[str, float]:
    """MiB: resident now, of that not backed by a file, and the most so far."""
    lines = Path("/proc", process, "status").read_text(encoding="ascii").splitlines()
    fields = dict(line.split(":", 1) for line in lines)
    names = {"resident": "VmRSS", "anonymous": "RssAnon", "peak": "VmHWM"}
    return {name: round(int(fields[key].split()[0]) / 1024, 1) for name, key in names.items()}


def forget_peak() -> None:
    (SELF / "clear_refs").write_text("5", encoding="ascii")


def in_a_process(cache: Path, *arguments: str) -> dict[str, Any]:
    """What a fresh process measures."""
    module = "benchmarks.painting.memory"
    command = [sys.executable, "-m", module, str(cache), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        return {"failed": done.stderr.strip().splitlines()[-1:]}
    return dict(json.loads(done.stdout.splitlines()[-1]))


def measured(chosen: argparse.Namespace) -> dict[str, Any]:
    import torch
    from benchmarks.painting.models import checkpoint
    from benchmarks.painting.scene import Work

    torch.set_num_threads(chosen.threads)
    before = held()
    model = checkpoint(chosen.cache, chosen.layout)
    painter = model.painter(device=chosen.device, dtype=chosen.dtype, memory=chosen.memory)
    loaded = held()
    forget_peak()
    on_card = _card_peak(forget=True)
    work = Work(chosen.steps, chosen.side)
    waves = []
    for wave in range(chosen.waves):
        *_, answer = painter(work.cutouts())
        assert answer.pixels.shape[:2] == (chosen.side, chosen.side), answer
        del answer
        gc.collect()
        waves.append(held()["anonymous"])
        if wave == 0:
            first = held()
    report = {
        "libraries": before["resident"],
        "loading": loaded,
        "painting": first,
        "card": {"loading": on_card, "painting": _card_peak()},
    }
    if chosen.waves > 1:
        report["waves"] = waves
        # The first ones fill the allocator's caches; a leak would be many small steps after.
        later = waves[min(10, len(waves)) - 1 :]
        report["growth_after_ten"] = round(later[-1] - later[0], 1)
        report["steps_after_ten"] = sum(b - a >= 0.5 for a, b in pairwise(later))
    return report


def _card_peak(forget: bool = False) -> float:
    """MiB of the graphics card taken at most; 0 where there is none."""
    import torch

    if not torch.cuda.is_available():
        return 0.0
    peak = torch.cuda.max_memory_allocated() / 2**20
    if forget:
        torch.cuda.reset_peak_memory_stats()
    return round(peak, 1)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("cache", type=Path)
    parser.add_argument("--layout", default="real")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--dtype", default="fp32")
    parser.add_argument("--memory", default="none")
    parser.add_argument("--steps", type=int, default=2)
    parser.add_argument("--side", type=int, default=512)
    parser.add_argument("--waves", type=int, default=1)
    parser.add_argument("--threads", type=int, default=2)
    print(json.dumps(measured(parser.parse_args())))


if __name__ == "__main__":
    main()
