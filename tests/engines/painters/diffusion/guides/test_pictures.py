"""Control images that are kept between regions."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from detailer.core.geometry import Size
from detailer.engines.painters.diffusion.guides.pictures import Pictures
from tests.engines.painters.diffusion.steered import picture, saved_picture

SIZE = Size(32, 24)


def test_a_picture_is_read_once_and_again_when_its_file_has_changed(tmp_path: Path) -> None:
    path, pictures = tmp_path / "pose.png", Pictures()
    saved_picture(picture(SIZE, 1), path)
    first = pictures.laid(str(path), SIZE)
    assert pictures.laid(str(path), SIZE) is first
    saved_picture(picture(SIZE, 2), path)
    os.utime(path, ns=(1, 1))
    assert not np.array_equal(pictures.laid(str(path), SIZE).pixels, first.pixels)
