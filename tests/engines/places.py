"""Where pictures and models for checks lie: $DETAILER_DATA, or shared/data beside the project."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

_BESIDE = Path(__file__).parents[3] / "shared" / "data"
DATA = Path(os.environ.get("DETAILER_DATA", _BESIDE))


def data_file(name: str) -> Path:
    """A file of the shared data; the test is skipped where it is absent."""
    path = DATA / name
    if not path.exists():
        pytest.skip(f"{path} is not here; set DETAILER_DATA")
    return path
