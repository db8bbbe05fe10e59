"""A ComfyUI in a process of its own, asked for one thing after another."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np

DRIVER = Path(__file__).with_name("comfy_driver.py")
FP32 = ("--cpu", "--force-fp32")
"""ComfyUI's flags for the CPU with everything in fp32."""

Arrays = Mapping[str, np.ndarray]


def checkout() -> Path | None:
    """The folder that COMFYUI_DIR names, if there is a ComfyUI in it."""
    named = os.environ.get("COMFYUI_DIR", "")
    folder = Path(named)
    return folder if named and (folder / "comfy" / "samplers.py").is_file() else None


@dataclass(frozen=True)
class Made:
    """What ComfyUI answered: figures, and arrays where there are any."""

    figures: dict[str, Any]
    arrays: dict[str, np.ndarray]


class Comfy:
    """ComfyUI as a context: `with Comfy(folder, checkpoint) as comfy: comfy.sample(...)`.

    Its Python is $COMFYUI_PYTHON, or this one. `log` is a file in its own temporary folder.
    """

    def __init__(
        self, folder: Path, checkpoint: Path, flags: Iterable[str] = FP32, threads: int = 0
    ) -> None:
        self._place = tempfile.TemporaryDirectory(prefix="comfy")
        self.log = Path(self._place.name, "log.txt")
        python = os.environ.get("COMFYUI_PYTHON", sys.executable)
        own = ["--threads", str(threads)] if threads else []
        command = [python, str(DRIVER), str(folder), *own, "--", *flags]
        with self.log.open("w") as log:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                cwd=folder,
            )
        self.loaded = self._ask({"do": "load", "checkpoint": str(checkpoint.resolve())})

    def __enter__(self) -> Comfy:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        pipes = self._process.stdin, self._process.stdout
        for pipe in pipes:
            if pipe:
                pipe.close()
        self._process.wait(timeout=60)
        self._place.cleanup()

    @property
    def process(self) -> int:
        """The process's number."""
        return self._process.pid

    def encode(self, texts: list[str]) -> list[np.ndarray]:
        """Each text's conditioning, (1, 77 n, 768)."""
        made = self._with_arrays({"do": "encode", "texts": texts})
        return [made.arrays[f"cond_{index}"] for index in range(len(texts))]

    def sample(self, case: Mapping[str, Any], arrays: Arrays) -> Made:
        """The final raw latents of one run, seconds, and the timesteps of its calls."""
        return self._with_arrays({"do": "sample", "case": dict(case)}, arrays)

    def paint(self, case: Mapping[str, Any], arrays: Arrays) -> Made:
        """An image (1, H, W, 3) 0..1 repainted, with the seconds of each part."""
        return self._with_arrays({"do": "paint", "case": dict(case)}, arrays)

    def round_trip(self, image: np.ndarray) -> Made:
        """An image (1, H, W, 3) 0..1 through the VAE and back."""
        return self._with_arrays({"do": "round_trip"}, {"image": image})

    def _with_arrays(self, request: dict[str, Any], arrays: Arrays | None = None) -> Made:
        given, out = (Path(self._place.name, name) for name in ("given.npz", "made.npz"))
        if arrays is not None:
            np.savez(given, **arrays)
        figures = self._ask({**request, "arrays": str(given), "out": str(out)})
        with np.load(out) as made:
            return Made(figures, dict(made))

    def _ask(self, request: dict[str, Any]) -> dict[str, Any]:
        assert self._process.stdin
        assert self._process.stdout
        try:
            self._process.stdin.write(json.dumps(request) + "\n")
            self._process.stdin.flush()
            answer = self._process.stdout.readline()
        except BrokenPipeError:
            answer = ""
        if not answer:
            self._process.wait(timeout=60)
            raise RuntimeError(f"ComfyUI ended:\n{self.log.read_text()[-4000:]}")
        return dict(json.loads(answer))
