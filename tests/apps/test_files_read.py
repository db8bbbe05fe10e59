import struct
import zlib

import cv2
import numpy as np
import pytest
from PIL import Image

from detailer.apps.files import read
from tests.apps.files_made import (
    KINDS,
    chunk,
    full_png,
    noise,
    pillow,
    png16,
    saved,
    smooth,
    tiff,
    with_chunks,
)


@pytest.mark.parametrize("kind", KINDS)
def test_a_png_of_every_kind_gives_the_very_pixels(kind, tmp_path):
    pixels = noise(kind)
    content = png16(pixels) if pixels.dtype == np.uint16 else pillow(pixels, "PNG")
    photo = read(saved(tmp_path, "a.png", content))
    assert photo.pixels.dtype == pixels.dtype
    np.testing.assert_array_equal(photo.pixels, pixels)
    assert photo.colour.model == ("grey" if kind.startswith("grey") else "rgb")
    assert photo.has_alpha == (pixels.ndim == 3 and pixels.shape[2] in (2, 4))


@pytest.mark.parametrize("compression", [None, "lzw", "deflate", "packbits"])
@pytest.mark.parametrize("kind", [*KINDS, "float", "rgb-float"])
def test_a_tiff_of_every_kind_gives_the_very_pixels(kind, compression, tmp_path):
    if "float" in kind:
        pixels = np.random.default_rng(0).random((23, 37, 3), np.float32) * 2 - 0.5
        pixels = pixels if kind == "rgb-float" else pixels[..., 0].copy()
    else:
        pixels = noise(kind)
    options = {} if pixels.ndim == 2 else {"planarconfig": "contig"}
    if "alpha" in kind or "rgba" in kind:
        options["extrasamples"] = ["unassalpha"]
    photometric = "rgb" if "rgb" in kind else "minisblack"
    content = tiff(pixels, photometric=photometric, compression=compression, **options)
    photo = read(saved(tmp_path, "a.tif", content))
    assert photo.pixels.dtype == pixels.dtype
    np.testing.assert_array_equal(photo.pixels, pixels)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_a_cmyk_tiff_stays_cmyk(dtype, tmp_path):
    pixels = np.random.default_rng(0).integers(0, np.iinfo(dtype).max, (9, 7, 4), dtype)
    photo = read(saved(tmp_path, "a.tif", tiff(pixels, photometric="separated")))
    assert photo.colour.model == "cmyk"
    assert not photo.has_alpha
    np.testing.assert_array_equal(photo.pixels, pixels)


def test_planes_apart_and_white_as_nothing_are_put_right(tmp_path):
    rgb, grey = noise("rgb16"), noise("grey8")
    planes = np.ascontiguousarray(np.moveaxis(rgb, -1, 0))
    apart = saved(
        tmp_path, "a.tif", tiff(planes, photometric="rgb", planarconfig="separate", tile=(16, 16))
    )
    white = saved(tmp_path, "b.tif", tiff(255 - grey, photometric="miniswhite"))
    np.testing.assert_array_equal(read(apart).pixels, rgb)
    np.testing.assert_array_equal(read(white).pixels, grey)


def test_single_bits_become_black_and_white(tmp_path):
    bits = noise("grey8") > 128
    one = Image.fromarray(bits)
    for name, options in (("a.png", {}), ("b.tif", {"compression": "group4"})):
        one.save(tmp_path / name, **options)
        np.testing.assert_array_equal(read(tmp_path / name).pixels, bits * np.uint8(255))


@pytest.mark.parametrize("bits", [8, 10, 12])
def test_an_avif_without_loss_gives_the_very_pixels(bits, tmp_path):
    values = noise("rgb16") >> (16 - bits)
    values = values.astype(np.uint8) if bits == 8 else values
    options = [cv2.IMWRITE_AVIF_DEPTH, bits, cv2.IMWRITE_AVIF_QUALITY, 100]
    content = cv2.imencode(".avif", values[..., ::-1], options)[1].tobytes()
    pixels = read(saved(tmp_path, "a.avif", content)).pixels
    assert pixels.dtype == (np.uint8 if bits == 8 else np.uint16)
    top = np.iinfo(pixels.dtype).max / (2**bits - 1)
    np.testing.assert_array_equal(pixels, np.rint(values * top))


@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
def test_a_lossless_webp_gives_the_very_pixels(mode, tmp_path):
    pixels = noise("rgb8" if mode == "RGB" else "rgba8")
    content = pillow(pixels, "WEBP", lossless=True, exact=True)
    np.testing.assert_array_equal(read(saved(tmp_path, "a.webp", content)).pixels, pixels)


def test_a_cmyk_jpeg_counts_ink_upward(tmp_path):
    inks = np.zeros((16, 16, 4), np.uint8)
    inks[:8, :, 0], inks[8:, :, 3] = 255, 255
    Image.frombytes("CMYK", (16, 16), inks.tobytes()).save(tmp_path / "a.jpg", quality=100)
    photo = read(tmp_path / "a.jpg")
    assert photo.colour.model == "cmyk"
    assert np.abs(photo.pixels.astype(int) - inks).max() <= 3


@pytest.mark.parametrize("alpha", [False, True])
def test_a_palette_becomes_its_colours(alpha, tmp_path):
    image = Image.fromarray(smooth()).quantize(40)
    options = {"transparency": bytes(range(40))} if alpha else {}
    image.save(tmp_path / "a.png", **options)
    with Image.open(tmp_path / "a.png") as opened:
        expected = np.asarray(opened.convert("RGBA" if alpha else "RGB"))
    photo = read(tmp_path / "a.png")
    np.testing.assert_array_equal(photo.pixels, expected)
    assert photo.has_alpha == alpha


def test_a_palette_tiff_becomes_its_colours(tmp_path):
    image = Image.fromarray(smooth()).quantize(40)
    image.save(tmp_path / "a.tif")
    np.testing.assert_array_equal(read(tmp_path / "a.tif").pixels, np.asarray(image.convert("RGB")))


@pytest.mark.parametrize("kind", ["grey8", "rgb8", "grey16", "rgb16"])
def test_the_colour_that_is_named_transparent_becomes_alpha(kind, tmp_path):
    pixels = noise(kind)
    key = np.atleast_1d(pixels[2, 3])
    content = png16(pixels) if "16" in kind else pillow(pixels, "PNG")
    named = chunk(b"tRNS", struct.pack(f">{len(key)}H", *key.tolist()))
    photo = read(saved(tmp_path, "a.png", with_chunks(content, named)))
    planes = pixels[..., None] if pixels.ndim == 2 else pixels
    np.testing.assert_array_equal(photo.pixels[..., :-1], planes)
    clear = (planes == key).all(axis=2)
    np.testing.assert_array_equal(photo.pixels[..., -1] == 0, clear)


@pytest.mark.parametrize("form", ["PNG", "JPEG", "WEBP", "AVIF", "TIFF"])
@pytest.mark.parametrize("turn", range(1, 9))
def test_a_turned_picture_is_read_upright(form, turn, tmp_path):
    pixels = cv2.resize(smooth(3, 2), (48, 32), interpolation=cv2.INTER_NEAREST)
    block = Image.Exif()
    block[0x0112] = turn
    path = saved(tmp_path, "a", pillow(pixels, form, exif=block.tobytes()))
    expected = {
        1: pixels,
        2: pixels[:, ::-1],
        3: pixels[::-1, ::-1],
        4: pixels[::-1],
        5: pixels.swapaxes(0, 1),
        6: np.rot90(pixels, -1),
        7: np.rot90(pixels, 2).swapaxes(0, 1),
        8: np.rot90(pixels),
    }[turn]
    photo = read(path)
    assert photo.pixels.shape == expected.shape
    centres = np.s_[8::16, 8::16]
    assert np.abs(photo.pixels[centres].astype(int) - expected[centres]).max() < 12


def test_the_profile_the_texts_and_the_resolution_are_read(tmp_path):
    photo = read(saved(tmp_path, "a.png", full_png()))
    assert photo.metadata.text("parameters") == "a photo of Ada\nSteps: 20, Seed: 7"
    assert photo.metadata.text("prompt") == '{"3": {"class_type": "KSampler"}}'
    assert photo.metadata.text("workflow") == '{"title": "Größe"}'
    assert photo.metadata.dpi == pytest.approx((300, 300), abs=0.01)
    assert photo.colour.icc == photo.metadata.icc
    assert not photo.colour.plain


def test_pixels_are_read_only(tmp_path):
    photo = read(saved(tmp_path, "a.png", full_png()))
    with pytest.raises(ValueError, match="read-only"):
        photo.pixels[0, 0] = 0


def test_a_picture_of_one_pixel_is_read(tmp_path):
    pixels = noise("rgb8", 1, 1)
    for form in ("PNG", "TIFF"):
        photo = read(saved(tmp_path, "a", pillow(pixels, form)))
        np.testing.assert_array_equal(photo.pixels, pixels)


@pytest.mark.parametrize("bits", [1, 2, 4])
def test_few_bits_of_grey_are_spread_over_eight_with_their_transparent_one(bits, tmp_path):
    top = 2**bits - 1
    samples = np.random.default_rng(0).integers(0, top + 1, (6, 8))
    rows = "".join("0" * 8 + "".join(f"{value:0{bits}b}" for value in row) for row in samples)
    packed = int(rows, 2).to_bytes(len(rows) // 8, "big")
    header = struct.pack(">LLBBBBB", 8, 6, bits, 0, 0, 0, 0)
    content = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"tRNS", b"\0\1")
    content += chunk(b"IDAT", zlib.compress(packed)) + chunk(b"IEND", b"")
    photo = read(saved(tmp_path, "a.png", content))
    np.testing.assert_array_equal(photo.pixels[..., 0], samples * 255 // top)
    np.testing.assert_array_equal(photo.pixels[..., 1] == 0, samples == 1)


def test_half_floats_become_floats_without_loss(tmp_path):
    pixels = np.random.default_rng(0).normal(0, 1, (5, 6, 3)).astype(np.float16)
    photo = read(saved(tmp_path, "a.tif", tiff(pixels, photometric="rgb")))
    assert photo.pixels.dtype == np.float32
    np.testing.assert_array_equal(photo.pixels, pixels.astype(np.float32))


def test_twelve_bits_are_spread_over_sixteen(tmp_path):
    pixels = noise("grey16") >> 4
    content = tiff(pixels, bitspersample=12, photometric="minisblack")
    photo = read(saved(tmp_path, "a.tif", content))
    np.testing.assert_array_equal(photo.pixels, np.rint(pixels * (65535 / 4095)))
