"""Which channel of a picture is the mask, in every mode and format that a mask comes in."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from detailer.core.geometry import Box
from detailer.core.regions.from_mask import Trace
from detailer.engines.detectors.given import mask_file
from detailer.engines.detectors.mask_picture import read_mask
from detailer.errors import InputError
from tests.engines.graphs import black

SIZE = (64, 96)
BOX = (slice(8, 40), slice(16, 56))


def marked(level: float = 255, dtype: type = np.uint8) -> np.ndarray:
    mask = np.zeros(SIZE, dtype)
    mask[BOX] = level
    return mask


def photograph() -> np.ndarray:
    y, x = np.mgrid[: SIZE[0], : SIZE[1]]
    return np.stack([x * 2, x * y % 256, y * 3], axis=2).astype(np.uint8)


@pytest.fixture
def saved(tmp_path: Path):
    """Saves pixels, or a picture, and gives the file."""

    def save(pixels: np.ndarray | Image.Image, name: str = "mask.png", **options) -> Path:
        picture = pixels if isinstance(pixels, Image.Image) else Image.fromarray(pixels)
        picture.save(tmp_path / name, **options)
        return tmp_path / name

    return save


@pytest.mark.parametrize("mode", ["1", "L", "P", "LA", "RGB", "RGBA"])
def test_a_mask_of_every_mode_is_read(saved, mode: str) -> None:
    path = saved(Image.fromarray(marked()).convert(mode))
    assert np.array_equal(read_mask(path), marked())


def test_a_mask_in_four_inks_is_read(saved) -> None:
    path = saved(Image.fromarray(marked()).convert("CMYK"), "mask.jpg", quality=100)
    (region,) = mask_file(path)(black(96, 64))
    assert tuple(region.box) == pytest.approx((16, 8, 56, 40), abs=2)


@pytest.mark.parametrize(
    ("pixels", "name"),
    [
        (marked(40000, np.uint16), "mask.png"),
        (marked(0.6, np.float32), "mask.tif"),
        (marked(40000, np.int32), "mask.tif"),
    ],
)
def test_deep_masks_keep_their_levels(saved, pixels: np.ndarray, name: str) -> None:
    read = read_mask(saved(pixels, name))
    assert read.dtype == (np.float32 if pixels.dtype == np.float32 else np.uint16)
    assert np.array_equal(read, pixels)


def test_levels_beyond_16_bits_are_refused(saved) -> None:
    with pytest.raises(InputError, match="levels from 0 to 70000"):
        read_mask(saved(marked(70000, np.int32), "mask.tif"))


@pytest.mark.parametrize("quality", [10, 30, 50, 75])
def test_an_ellipse_in_a_jpeg_is_one_region(saved, quality: int) -> None:
    mask = np.zeros((512, 512), np.uint8)
    cv2.ellipse(mask, (256, 256), (90, 120), 20, 0, 360, 255, -1)
    crumbs, _ = cv2.connectedComponents(
        (read_mask(saved(mask, "mask.jpg", quality=quality)) > 0).astype(np.uint8)
    )
    assert quality > 30 or crumbs > 3
    found = mask_file(saved(mask, "mask.jpg", quality=quality), Trace(drop_size=0))(black(512, 512))
    assert len(found) == 1
    (expected,) = mask_file(saved(mask), Trace(drop_size=0))(black(512, 512))
    assert tuple(found[0].box) == pytest.approx(tuple(expected.box), abs=10)


def test_a_soft_part_keeps_its_soft_values_and_noise_beside_it_goes(saved) -> None:
    mask = np.zeros(SIZE, np.uint8)
    mask[10:40, 10:74] = np.minimum(np.arange(1, 65) * 4, 255)
    mask[60, 90] = 90
    (region,) = mask_file(saved(mask))(black(96, 64))
    assert region.box == Box(10, 10, 74, 40)
    assert np.array_equal(np.rint(region.mask.alpha * 255), mask[10:40, 10:74])


def test_what_video_and_jpeg_leave_of_black_is_black(saved) -> None:
    path = saved(np.maximum(marked(), 16), "mask.jpg", quality=95)
    (region,) = mask_file(path)(black(96, 64))
    assert tuple(region.box) == pytest.approx((16, 8, 56, 40), abs=1)


@pytest.mark.parametrize("ink", [(255, 0, 0), (0, 200, 0), (40, 40, 255)])
def test_of_a_colored_mask_the_brightest_channel_counts_and_that_is_said(saved, ink, caplog):
    colored = np.zeros((*SIZE, 3), np.uint8)
    colored[BOX] = ink
    assert np.array_equal(read_mask(saved(colored)), marked(max(ink)))
    assert "mask.png is colored" in caplog.text


def test_of_a_gray_mask_nothing_is_said(saved, caplog) -> None:
    read_mask(saved(Image.fromarray(marked(200)).convert("RGB")))
    assert not caplog.messages


@pytest.mark.parametrize("channel", ["red", "green", "blue"])
def test_a_single_channel_may_be_asked_for(saved, channel: str) -> None:
    picture = photograph()
    number = ("red", "green", "blue").index(channel)
    assert np.array_equal(read_mask(saved(picture), channel), picture[..., number])


def test_white_is_masked_and_black_and_transparent_are_not(saved) -> None:
    rgba = np.zeros((*SIZE, 4), np.uint8)
    rgba[BOX] = 255
    rgba[8:40, 60:70] = (255, 255, 255, 0)
    rgba[45:55, 16:56] = (0, 0, 0, 255)
    assert np.array_equal(read_mask(saved(rgba)), marked())


@pytest.mark.parametrize("ink", [(255, 255, 255), (255, 0, 0)])
def test_a_layer_with_bright_strokes_is_masked_where_it_is_opaque(saved, ink) -> None:
    layer = np.zeros((*SIZE, 4), np.uint8)
    layer[..., :3], layer[..., 3] = ink, marked(200)
    assert np.array_equal(read_mask(saved(layer)), marked(200))


def test_the_transparent_color_of_a_palette_is_not_masked(saved) -> None:
    path = saved(Image.fromarray(marked()).convert("P"), "mask.gif", transparency=0)
    assert np.array_equal(read_mask(path), marked())


def test_transparent_parts_of_a_photograph_are_masked_as_in_comfyui(saved, caplog) -> None:
    path = saved(np.dstack([photograph(), 255 - marked(180)]))
    assert np.array_equal(read_mask(path), marked(180))
    assert "transparent parts: these are masked" in caplog.text


@pytest.mark.parametrize("gray", [np.zeros(SIZE, np.uint8), photograph()[..., 0]])
def test_what_may_be_meant_by_color_or_by_transparency_is_asked(saved, gray: np.ndarray) -> None:
    path = saved(Image.merge("LA", [Image.fromarray(band) for band in (gray, marked())]))
    with pytest.raises(InputError, match=r"colors or in its transparency.*--mask-channel"):
        read_mask(path)
    assert np.array_equal(read_mask(path, "opacity"), marked())
    assert np.array_equal(read_mask(path, "alpha"), 255 - marked())
    assert (read_mask(path, "color") <= np.minimum(gray, marked())).all()


def test_strokes_in_a_lossy_file_look_like_a_photograph_and_are_asked_about(saved) -> None:
    pixels = np.dstack([photograph(), marked()])
    with pytest.raises(InputError, match="--mask-channel"):
        read_mask(saved(pixels, "mask.webp", quality=50))


def test_an_alpha_channel_that_is_the_same_everywhere_says_nothing(saved) -> None:
    for level in (0, 128, 255):
        rgba = np.dstack([marked()] * 3 + [np.full(SIZE, level, np.uint8)])
        assert np.array_equal(read_mask(saved(rgba)), marked())


@pytest.mark.parametrize("channel", ["alpha", "opacity"])
@pytest.mark.parametrize("pixels", [marked(), marked(40000, np.uint16)])
def test_an_alpha_channel_that_is_not_there_is_refused(saved, channel: str, pixels) -> None:
    with pytest.raises(InputError, match=r"mask\.png has no alpha channel"):
        read_mask(saved(pixels), channel)


@pytest.mark.parametrize(("name", "dtype"), [("mask.png", np.uint8), ("deep.png", np.uint16)])
def test_a_mask_is_turned_as_its_exif_says(saved, name: str, dtype: type) -> None:
    mask = marked(255, dtype)
    turned = Image.Exif()
    turned[0x0112] = 6
    path = saved(np.ascontiguousarray(np.rot90(mask)), name, exif=turned)
    assert np.array_equal(read_mask(path), mask)


def test_a_file_that_is_no_picture_is_refused_with_its_name(tmp_path: Path) -> None:
    path = tmp_path / "mask.png"
    path.write_bytes(b"nothing")
    with pytest.raises(InputError, match=r"mask .*mask\.png cannot be read"):
        mask_file(path)
