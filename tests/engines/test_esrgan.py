"""Esrgan: every kind of picture enlarged, tile by tile, without a seam."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from PIL import Image

from detailer.core.colour import Colour
from detailer.core.geometry import Size
from detailer.core.pixels import LEVELS, Pixels, to_unit
from detailer.core.plan import Progress
from detailer.engines.realesrgan import Network
from detailer.engines.upscalers.esrgan import Esrgan, Upscaled
from detailer.errors import EngineError, InputError
from tests.engines.contract import shapes
from tests.engines.realesrgan_here import need_realesrgan

pytestmark = pytest.mark.slow

FAST = "realesr-animevideov3-x4"
PICTURE = shapes(Size(90, 70), 1)


@pytest.fixture(scope="module")
def esrgan() -> Esrgan:
    need_realesrgan()
    return Esrgan(network=FAST, tile=64)


def upscaled(esrgan: Esrgan, pixels, factor=2, colour=None):
    *steps, last = esrgan.upscale(pixels, factor, colour)
    assert all(isinstance(step, Progress) for step in steps)
    assert isinstance(last, Upscaled)
    return last.pixels


def kind(channels: int | None, dtype: type) -> np.ndarray:
    """A picture of that many channels, each with shapes of its own."""
    planes = np.concatenate([PICTURE, PICTURE[::-1]], axis=2)
    part = planes[..., 0] if channels is None else planes[..., :channels]
    return np.rint(part * LEVELS[np.dtype(dtype)]).astype(dtype) if dtype != np.float32 else part


@pytest.mark.parametrize("factor", [2, 3, 4])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
@pytest.mark.parametrize("channels", [None, 1, 2, 3, 4])
def test_a_picture_of_any_kind_stays_of_its_kind(esrgan, channels, dtype, factor) -> None:
    pixels = kind(channels, dtype)
    large = upscaled(esrgan, pixels, factor)
    assert large.dtype == dtype
    assert large.shape == (70 * factor, 90 * factor, *pixels.shape[2:])
    back = np.asarray(
        Image.fromarray(to_unit(large).reshape(70 * factor, -1, max(1, channels or 1))[..., 0])
        .resize((90, 70), Image.Resampling.BOX)
    )  # fmt: skip
    first = to_unit(pixels).reshape(70, 90, -1)[..., 0]
    assert np.abs(back - first).mean() < 0.02


def test_cmyk_keeps_four_inks_and_its_alpha(esrgan: Esrgan) -> None:
    pixels = kind(5, np.uint8)
    large = upscaled(esrgan, pixels, 2, Colour("cmyk"))
    assert large.shape == (140, 180, 5)
    assert np.abs(large[::2, ::2].astype(int) - pixels).mean() < 10


@pytest.mark.parametrize("factor", [2, 3, 4])
def test_tiled_equals_untiled_to_numerical_noise(factor: int) -> None:
    need_realesrgan()
    tiled = upscaled(Esrgan(network=FAST, tile=60), PICTURE, factor)
    whole = upscaled(Esrgan(network=FAST, tile=200), PICTURE, factor)
    np.testing.assert_allclose(tiled, whole, atol=1e-4)


def test_alpha_is_enlarged_with_lanczos(esrgan: Esrgan) -> None:
    pixels = kind(4, np.float32)
    alpha = upscaled(esrgan, pixels, 3)[..., 3]
    expected = Image.fromarray(pixels[..., 3]).resize((270, 210), Image.Resampling.LANCZOS)
    np.testing.assert_allclose(alpha, np.clip(expected, 0, 1), atol=1e-5)


def test_a_grey_picture_is_enlarged_as_the_same_picture_in_rgb(esrgan: Esrgan) -> None:
    grey = kind(1, np.float32)
    as_rgb = upscaled(esrgan, np.repeat(grey, 3, axis=2))
    np.testing.assert_allclose(upscaled(esrgan, grey)[..., 0], as_rgb.mean(axis=2), atol=0.01)


def test_memory_is_bounded_by_the_tile_not_by_the_picture(esrgan, monkeypatch) -> None:
    seen: list[int] = []

    def repeated(network: Network, pixels: Pixels) -> Pixels:
        seen.append(max(pixels.shape[:2]))
        return np.repeat(np.repeat(pixels, 4, axis=0), 4, axis=1)

    monkeypatch.setattr(Network, "__call__", repeated)
    extra = []
    for side in (128, 320):
        pixels = np.zeros((side, side, 4), np.uint8)
        tracemalloc.start()
        large = upscaled(esrgan, pixels, 2)
        extra.append(tracemalloc.get_traced_memory()[1] - large.nbytes)
        tracemalloc.stop()
    assert max(seen) <= 64
    assert extra[1] < 1.25 * extra[0]


def test_progress_counts_the_tiles_up_to_all_of_them(esrgan: Esrgan) -> None:
    *steps, _ = esrgan.upscale(PICTURE, 2)
    done = [step.done for step in steps]
    assert done == list(range(len(steps)))
    assert len(steps) > 4
    assert steps[-1].done == steps[-1].total


def test_work_is_done_only_as_far_as_it_is_asked_for(esrgan, monkeypatch) -> None:
    def fails(network: Network, pixels: Pixels) -> Pixels:
        raise EngineError("asked")

    monkeypatch.setattr(Network, "__call__", fails)
    steps = esrgan.upscale(PICTURE, 2)
    assert next(steps).done == 0
    with pytest.raises(EngineError, match="asked"):
        next(steps)


@pytest.mark.parametrize("size", [Size(180, 140), Size(91, 71), Size(500, 300), Size(90, 140)])
def test_a_cutout_comes_back_at_the_very_size(esrgan: Esrgan, size: Size) -> None:
    large = esrgan(PICTURE, size)
    assert large.dtype == np.float32
    assert large.shape == (*size.shape, 3)
    assert large.min() >= 0
    assert large.max() <= 1
    assert np.abs(large.mean(axis=(0, 1)) - PICTURE.mean(axis=(0, 1))).max() < 0.02


def test_what_is_to_shrink_the_network_does_not_see(esrgan, monkeypatch) -> None:
    monkeypatch.setattr(Network, "__call__", None)
    assert esrgan(PICTURE, Size(45, 70)).shape == (70, 45, 3)


def test_the_photo_network_is_what_is_made_without_a_word() -> None:
    need_realesrgan()
    large = Esrgan()(shapes(Size(12, 10)), Size(48, 40))
    assert large.shape == (40, 48, 3)


@pytest.mark.parametrize("factor", [1, 5, 2.5])
def test_another_factor_is_refused(esrgan: Esrgan, factor) -> None:
    with pytest.raises(InputError, match=rf"upscale={factor} is not possible.*2, 3, 4"):
        next(esrgan.upscale(PICTURE, factor))


@pytest.mark.parametrize("pixels", [np.zeros((4, 4, 3)), np.zeros((0, 4, 3), np.uint8)])
def test_what_is_no_picture_is_refused(esrgan: Esrgan, pixels) -> None:
    with pytest.raises(InputError, match="is not a picture"):
        next(esrgan.upscale(pixels, 2))


def test_a_tile_that_is_all_overlap_is_refused() -> None:
    need_realesrgan()
    with pytest.raises(InputError, match="tile=40 px is too small"):
        Esrgan(network=FAST, tile=40)


def test_an_unknown_style_is_refused_with_the_known_ones() -> None:
    with pytest.raises(InputError, match=r"style='oil'.*photo.*drawing"):
        Esrgan("oil")  # type: ignore[arg-type]
