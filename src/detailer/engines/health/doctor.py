"""Doctor: what on this machine keeps engines from running, and the remedy."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterable
from pathlib import Path

from detailer.engines.catalog import installed
from detailer.engines.files.models import cache_directory
from detailer.engines.health.builds import look_at_torch
from detailer.engines.health.finding import Finding, version_of
from detailer.engines.health.room import look_at_model

_LEAST_DISK = 10 << 30
_GIB = 1 << 30
# One is imported as cv2 and shadows the others, whichever was installed last.
_OPENCV = (
    "opencv-python", "opencv-python-headless", "opencv-contrib-python",
    "opencv-contrib-python-headless",
)  # fmt: skip
_ONNX = ("onnxruntime", "onnxruntime-gpu", "onnxruntime-directml", "onnxruntime-openvino")


def checkup(model: str = "") -> list[Finding]:
    """What was looked at on this machine, in order; torch is imported if it is installed.

    Args:
        model: A diffusion model that should fit this machine's memory, as the painter takes it:
            `diffusion:PATH`, or the path alone. Its weights are not loaded.

    Raises:
        InputError, MissingEngineError, EngineError: If the model is not there or is broken.
    """
    return [
        _python(),
        *_extras(),
        _one_of("OpenCV", _OPENCV, "opencv-python"),
        _one_of("ONNX Runtime", _ONNX, "onnxruntime"),
        *look_at_torch(),
        *(look_at_model(model) if model else ()),
        _disk(cache_directory()),
    ]


def _python() -> Finding:
    name = f"Python {sys.version.split()[0]}, {64 if sys.maxsize > 2**32 else 32} bits"
    if sys.maxsize > 2**32:
        return Finding("Python", True, name)
    return Finding("Python", False, name, "install a 64-bit Python: model libraries need it")


def _extras() -> Iterable[Finding]:
    for card in installed():
        if card.reason and not card.optional:
            yield Finding(f"{card.kind} {card.name}", False, card.reason, card.remedy)


def _one_of(name: str, packages: Iterable[str], kept: str) -> Finding:
    there = {package: found for package in packages if (found := version_of(package))}
    found = ", ".join(f"{package} {each}" for package, each in there.items()) or "none"
    if len(there) < 2:
        return Finding(name, True, found)
    rest = " ".join(there)
    return Finding(
        name,
        False,
        f"{found}: they overwrite each other's files",
        f"pip uninstall -y {rest} && pip install {kept if kept in there else next(iter(there))}",
    )


def _disk(place: Path) -> Finding:
    there = next((each for each in (place, *place.parents) if each.exists()), Path())
    free = shutil.disk_usage(there).free
    found = f"{free / _GIB:.0f} GiB free at {place}"
    if free >= _LEAST_DISK:
        return Finding("disk", True, found)
    return Finding("disk", False, found, "free some space, or set DETAILER_CACHE and HF_HOME")
