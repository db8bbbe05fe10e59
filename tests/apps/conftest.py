"""Photos and folders that several tests of programs begin with."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from detailer.apps.files import Photo, read
from tests.apps.files_made import full_jpeg, saved
from tests.published import publish


@pytest.fixture
def jpeg(tmp_path: Path) -> Photo:
    """A JPEG that carries all that a JPEG can."""
    return read(saved(tmp_path, "a.jpg", full_jpeg()))


@pytest.fixture
def pictures(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A folder to work in, with a.png and b.png of 96×64 px, and the published engines."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "packages").mkdir()
    publish(monkeypatch, tmp_path / "packages")
    slope = np.linspace(20, 100, 96, dtype=np.uint8)[None, :, None]
    for level, name in enumerate(("a.png", "b.png")):
        Image.fromarray(np.tile(slope + level, (64, 1, 3))).save(name)
    return tmp_path
