"""Cut and laid back through the same window, a picture stays what it was."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from detailer.core.geometry import Box, Size
from detailer.core.pixels import resize, sample
from detailer.core.view import to_painted, to_picture
from detailer.core.window import Window


def smooth(size: Size) -> np.ndarray:
    """A picture without detail finer than eight pixels."""
    y, x = np.mgrid[: size.height, : size.width].astype(np.float32)
    waves = [0.5 + 0.4 * np.sin(x / a + y / b) for a, b in ((7, 11), (13, 5), (9, 8))]
    return np.stack(waves, axis=-1).astype(np.float32)


def through(window: Window, picture: np.ndarray, box: Box) -> np.ndarray:
    footprint = window.footprint
    pad = 64
    wide = np.pad(picture, ((pad, pad), (pad, pad), (0, 0)), mode="edge")
    part = wide[footprint.shifted(pad, pad).slices]
    return to_picture(to_painted(part, window), window, box)


@pytest.mark.parametrize("angle", [0, 7, 30, 90, -135, 180])
@pytest.mark.parametrize("scale", [0.5, 1, 1.7, 4])
def test_a_smooth_picture_comes_back_at_every_angle_and_scale(angle: float, scale: float) -> None:
    picture = smooth(Size(160, 140))
    size = Size(round(64 * scale), round(48 * scale))
    window = Window(40, 40, size, scale, angle)
    x, y = (round(middle) for middle in window.box.centre)
    box = Box(x - 12, y - 12, x + 12, y + 12)
    assert np.abs(through(window, picture, box) - picture[box.slices]).max() < 0.04


def test_at_scale_one_the_round_trip_is_exact() -> None:
    picture = np.random.default_rng(0).random((40, 50, 3), np.float32)
    window = Window(3, 5, Size(16, 24), 1.0)
    box = Box(3, 5, 19, 29)
    assert np.array_equal(through(window, picture, box), picture[box.slices])


def test_a_turned_window_shows_what_a_turned_picture_would() -> None:
    picture = smooth(Size(80, 80))
    window = Window(20, 20, Size(40, 40), 1.0, angle=90)
    footprint = window.footprint
    turned = to_painted(picture[footprint.slices], window)
    # Turned clockwise by 90°, the window's top left corner is at the picture's top right.
    assert np.allclose(turned, np.rot90(picture[20:60, 20:60], 1), atol=1e-4)


@given(st.integers(8, 40), st.integers(8, 40), st.floats(0, 5), st.floats(1.05, 4))
def test_shrinking_is_pillows_lanczos(width: int, height: int, start: float, step: float) -> None:
    pixels = np.random.default_rng(width).random((200, 180, 3), np.float32)
    box = Box(start, start, start + width * step, start + height * step)
    theirs = [
        np.asarray(
            Image.fromarray(pixels[..., channel].copy()).resize(
                (width, height), Image.Resampling.LANCZOS, box=tuple(box)
            )
        )
        for channel in range(3)
    ]
    ours = sample(pixels, box, Size(width, height))
    assert np.allclose(ours, np.stack(theirs, axis=-1), atol=1e-5)


@given(st.integers(3, 40), st.floats(1, 6))
def test_enlarging_keeps_the_exact_factor(side: int, factor: float) -> None:
    # A ramp stays the same ramp only if each pixel lies where the factor says.
    ramp = np.repeat(np.arange(60, dtype=np.float32)[None], 60, axis=0)
    length = side * factor
    size = Size(max(1, int(length)), max(1, int(length)))
    box = Box(5, 5, 5 + size.width / factor, 5 + size.height / factor)
    out = sample(ramp, box, size)
    places = 5 + (np.arange(size.width) + 0.5) / factor - 0.5
    inner = slice(3 * int(factor) + 3, -3 * int(factor) - 3)
    # OpenCV's cubic ripples by up to 0.05 of the slope; a wrong factor would drift by more.
    assert np.allclose(out[0][inner], places[inner], atol=0.06)


@pytest.mark.parametrize("period", [2.1, 3.0, 3.7])
def test_a_grating_finer_than_the_picture_can_hold_leaves_no_moire(period: float) -> None:
    x = np.arange(1024)
    row = 0.5 + 100 / 255 * np.sin(2 * np.pi * x / period)
    painted = np.broadcast_to(row[None, :, None], (1024, 1024, 3)).astype(np.float32)
    window = Window(0, 0, Size(1024, 1024), 1024 / 384)
    back = to_picture(painted, window, Box(100, 100, 280, 280))
    assert back.std() * 255 <= 2


def test_the_round_trip_is_about_as_good_as_lanczos_both_ways() -> None:
    noise = np.random.default_rng(3).random((384, 384, 3), np.float32)
    # Photographs have detail at every size, the less the finer it is.
    picture = sum(resize(resize(noise, Size(n, n)), Size(384, 384)) / 4 for n in (24, 96, 192, 384))
    window = Window(0, 0, Size(1024, 1024), 1024 / 384)
    box = Box(128, 128, 256, 256)
    ours = through(window, picture, box)

    def lanczos(plane: np.ndarray, side: int) -> np.ndarray:
        image = Image.fromarray(np.ascontiguousarray(plane))
        return np.asarray(image.resize((side, side), Image.Resampling.LANCZOS))

    theirs = np.stack([lanczos(lanczos(picture[..., c], 1024), 384) for c in range(3)], axis=-1)[
        box.slices
    ]
    truth = picture[box.slices]

    def psnr(pixels: np.ndarray) -> float:
        return float(-10 * np.log10(np.mean((pixels - truth) ** 2)))

    assert psnr(ours) >= psnr(theirs) - 1.5


def test_masks_pass_through_windows_too() -> None:
    alpha = np.zeros((50, 50), np.float32)
    alpha[20:30, 20:30] = 1
    window = Window(10, 10, Size(120, 120), 4.0)
    large = to_painted(alpha[10:40, 10:40], window)
    assert large.shape == (120, 120)
    assert large[60, 60] == pytest.approx(1, abs=1e-6)
    assert large[5, 5] == 0
