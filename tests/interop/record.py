"""How far two programs' latents lie apart, and the record of a whole table of it."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from tests.interop.cases import Case

TOLERANCE = 1e-3
MEASURE = "greatest difference of final latents, by the standard deviation of ComfyUI's"


def apart(ours: np.ndarray, theirs: np.ndarray) -> float:
    """MEASURE, of latents in any unit; more than 1e6 stands for what is not finite."""
    distance = float(np.abs(ours - theirs).max() / theirs.std())
    return distance if np.isfinite(distance) else 1e9


@dataclass
class Record:
    """What was compared, layout by layout."""

    comfyui: dict[str, Any] = field(default_factory=dict)
    rows: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    encoded: dict[str, dict[str, float]] = field(default_factory=dict)

    def add(self, layout: str, case: Case, row: dict[str, Any]) -> None:
        self.rows.setdefault(layout, []).append({"case": case.name, **row})

    def note(self, layout: str, what: str, distance: float) -> None:
        """Remembers the greatest distance of each kind."""
        noted = self.encoded.setdefault(layout, {})
        noted[what] = max(distance, noted.get(what, 0.0))

    def write(self, path: Path) -> None:
        """All of it as JSON, a line for each case."""
        import torch

        head = {
            "comfyui": self.comfyui,
            "torch": torch.__version__,
            "threads": torch.get_num_threads(),
            "measure": MEASURE,
            "tolerance": TOLERANCE,
            "encoded": self.encoded,
            "worst": {layout: worst(rows) for layout, rows in self.rows.items()},
        }
        lines = {
            layout: ",\n".join(f"  {json.dumps(row)}" for row in rows)
            for layout, rows in self.rows.items()
        }
        tables = ",\n".join(f' "{layout}": [\n{text}\n ]' for layout, text in lines.items())
        start = json.dumps(head, indent=1)[:-2]
        path.write_text(f"{start},\n{tables}\n}}\n", encoding="utf-8")


def worst(rows: list[dict[str, Any]]) -> dict[str, float]:
    """The greatest distance of each sampler, schedule, denoise and mask."""
    greatest: dict[str, float] = {}
    for row in rows:
        for part in row["case"].split("-"):
            greatest[part] = max(greatest.get(part, 0.0), row["apart"])
    return greatest


def commit(folder: Path) -> str:
    """Which commit a checkout is at; empty where git does not say."""
    command = ["git", "-C", str(folder), "rev-parse", "HEAD"]
    told = subprocess.run(command, capture_output=True, text=True, check=False)
    return told.stdout.strip()
