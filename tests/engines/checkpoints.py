"""Checkpoints for a stand-in of Ultralytics, and what it saw while it exported one."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import Any

import pytest

from tests.engines import yolo_graphs as graphs

_FAKE = Path(__file__).parent / "fake_ultralytics"
FACES = graphs.columns([[32, 32, 20, 20, 0.9]])


def install(monkeypatch: pytest.MonkeyPatch, *more: Path) -> None:
    """The stand-in is what is imported as ultralytics, here and in other processes."""
    monkeypatch.syspath_prepend(str(_FAKE))
    places = [str(_FAKE), *map(str, more), os.environ.get("PYTHONPATH", "")]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, places)))


def checkpoint(folder: Path, name: str = "face.pt", notes: Any = None, **says: Any) -> Path:
    """A .pt whose export is a file that finds one face."""
    aside = folder / "aside"
    aside.mkdir(exist_ok=True)
    onnx = graphs.answering(aside / f"{name}.onnx", 64, [FACES], notes or graphs.FACE)
    path = folder / name
    says = {"onnx": str(onnx), "witness": str(aside / "witness.json"), **says}
    path.write_text(json.dumps(says))
    return path


def witness(folder: Path) -> dict[str, Any]:
    """What the stand-in saw when it exported."""
    seen: dict[str, Any] = json.loads((folder / "aside" / "witness.json").read_text())
    return seen


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
