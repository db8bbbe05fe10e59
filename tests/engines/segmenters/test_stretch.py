"""Logits come to the picture's pixels exactly, and only where the mask is."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detailer.core.geometry import Box, Size
from detailer.engines.segmenters.stretch import stretched

PICTURES = [Size(1080, 1080), Size(1920, 1080), Size(1080, 1920), Size(3840, 2160), Size(999, 777)]


def planted(box: Box, picture: Size, side: int = 256) -> np.ndarray:
    """Logits (side, side) of the whole picture: how far inside a box a place is, in pixels."""
    x = (np.arange(side) + 0.5) * picture.width / side
    y = (np.arange(side)[:, None] + 0.5) * picture.height / side
    across = np.minimum(x - box.left, box.right - x)
    return np.minimum(across, np.minimum(y - box.top, box.bottom - y)).astype(np.float32)


@pytest.mark.parametrize("picture", PICTURES, ids=str)
def test_a_planted_box_comes_out_to_the_pixel(picture: Size) -> None:
    width, height = picture.width, picture.height
    box = Box(width // 5, height // 3, width - width // 7, height - height // 9)
    mask = stretched(planted(box, picture), picture)
    assert mask.box == box
    # Logits know nothing between their own places: corners may be rounded by one of them.
    rounded = 2 * max(width, height) / 256
    inner = box.grown(-rounded).whole()
    assert mask.within(inner).all()


@given(st.data())
def test_it_is_torchs_interpolation_compared_with_0(data: st.DataObject) -> None:
    torch = pytest.importorskip("torch", reason="needs detailer[transformers]")
    side = st.integers(1, 40)
    given_, wanted = ((data.draw(side), data.draw(side)) for _ in range(2))
    noise = np.random.default_rng(data.draw(st.integers(0, 999)))
    logits = (noise.normal(size=given_) - data.draw(st.floats(-1, 3))).astype(np.float32)
    whole = torch.nn.functional.interpolate(
        torch.from_numpy(logits)[None, None], wanted, mode="bilinear", align_corners=False
    )[0, 0].numpy()
    size = Size(wanted[1], wanted[0])
    ours = stretched(logits, size).within(size.box)
    sure = np.abs(whole) > 1e-5
    assert np.array_equal((ours > 0)[sure], (whole > 0)[sure])
    assert set(np.unique(ours)) <= {0, 1}


def test_a_small_mask_in_a_large_picture_costs_little() -> None:
    size = Size(3840, 2160)
    logits = planted(Box(1000, 900, 1300, 1150), size)
    tracemalloc.start()
    mask = stretched(logits, size)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert mask.box == Box(1000, 900, 1300, 1150)
    assert peak < 4 * mask.alpha.nbytes + (1 << 20)
    assert peak < size.area


def test_logits_that_are_nowhere_above_0_are_an_empty_mask() -> None:
    assert stretched(np.zeros((8, 8), np.float32), Size(50, 30)).empty
    assert stretched(np.full((8, 8), -1, np.float32), Size(1, 1)).alpha.size == 0
