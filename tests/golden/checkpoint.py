"""The small checkpoint of golden 20: made once by the script beside the sets, and kept."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.golden.loader import folder

if TYPE_CHECKING:
    from torch import Tensor

SCRIPT = "make_checkpoint.py"


@cache
def golden_checkpoint() -> Path:
    """The checkpoint's file, 487 MB; skips the test where it cannot be made.

    Kept in DETAILER_TEST_CACHE, or else in a folder of the user's cache. It is written beside
    its place and moved there when it is whole, so that tests may run side by side.
    """
    pytest.importorskip("torch", reason="needs detailer[diffusion]")
    pytest.importorskip("safetensors", reason="needs detailer[diffusion]")
    model = folder() / "20_model.json"
    if not (folder() / SCRIPT).is_file() or not model.is_file():
        pytest.skip(f"no {SCRIPT} in {folder()}; set DETAILER_GOLDEN to its folder")
    expected = json.loads(model.read_text(encoding="utf-8"))["tensor_digest_sha256"]
    made = _cache() / f"golden-20-{expected[:16]}.safetensors"
    if not made.is_file():
        made.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=made.parent) as beside:
            fresh = Path(beside) / made.name
            command = [sys.executable, str(folder() / SCRIPT), str(fresh)]
            subprocess.run(command, check=True, capture_output=True)
            assert digest(fresh) == expected, f"{SCRIPT} made another checkpoint than was recorded"
            fresh.replace(made)
    return made


def part(prefix: str) -> dict[str, Tensor]:
    """The checkpoint's tensors under a prefix, without it, in float32."""
    from safetensors import safe_open

    with safe_open(golden_checkpoint(), "pt") as file:
        names = [name for name in file.keys() if name.startswith(prefix)]  # noqa: SIM118
        return {name.removeprefix(prefix): file.get_tensor(name).float() for name in names}


def digest(path: Path) -> str:
    """Sha256 over name and bytes of every tensor, in the names' order."""
    from safetensors.torch import load_file

    return _digest(load_file(path))


def _digest(tensors: Mapping[str, Tensor]) -> str:
    import torch

    sha = hashlib.sha256()
    for name in sorted(tensors):
        sha.update(name.encode())
        sha.update(tensors[name].contiguous().view(torch.uint8).numpy().tobytes())
    return sha.hexdigest()


def _cache() -> Path:
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(os.environ.get("DETAILER_TEST_CACHE") or Path(home) / "detailer-tests")
