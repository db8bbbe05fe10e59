import io
import struct
import sys
import zlib

import cv2
import numpy as np
import pytest
from PIL import Image

from detailer.apps.files import Limits, read, read_frames
from detailer.core.geometry import Size
from detailer.errors import InputError
from tests.apps.files_made import (
    KINDS,
    chunk,
    exif,
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


def test_a_wrong_suffix_is_named_and_the_content_counts(tmp_path, caplog):
    photo = read(saved(tmp_path, "a.png", pillow(smooth(), "JPEG")))
    assert photo.format == "JPEG"
    assert "a.png is a JPEG in truth" in caplog.text


def test_a_missing_file_is_refused_with_its_name(tmp_path):
    with pytest.raises(InputError, match=r"none\.png does not exist"):
        read(tmp_path / "none.png")


def test_a_folder_is_refused(tmp_path):
    with pytest.raises(InputError, match="is not a file"):
        read(tmp_path)


def test_an_empty_file_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"a\.png is empty"):
        read(saved(tmp_path, "a.png", b""))


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"just some words", "is not a picture; give one of PNG, JPEG"),
        (b"GIF89a" + bytes(20), "is a GIF, which cannot be read"),
        (b"\0\0\0\x18ftypheic" + bytes(20), "is HEIC"),
        (b"%PDF-1.7", "is a PDF"),
        (b"BM" + bytes(60), "is a BMP"),
    ],
)
def test_what_is_no_picture_of_ours_is_called_by_its_name(content, words, tmp_path):
    with pytest.raises(InputError, match=words):
        read(saved(tmp_path, "a.png", content))


def files() -> dict[str, bytes]:
    """One file of each format and way of packing."""
    pixels = smooth()
    return {
        "png": pillow(pixels, "PNG"),
        "png16": png16(noise("rgb16")),
        "palette": pillow(pixels, "PNG", mode="P"),
        "jpeg": pillow(pixels, "JPEG"),
        "progressive": pillow(pixels, "JPEG", progressive=True),
        "webp": pillow(pixels, "WEBP"),
        "lossless": pillow(pixels, "WEBP", lossless=True),
        "tiff": pillow(pixels, "TIFF"),
        "lzw": tiff(noise("rgb16"), compression="lzw"),
        "avif": pillow(pixels, "AVIF"),
    }


@pytest.mark.parametrize("name", files())
@pytest.mark.parametrize("part", [0.2, 0.5, 0.9])
def test_a_truncated_file_is_refused_with_its_name(name, part, tmp_path):
    content = files()[name]
    path = saved(tmp_path, "cut.bin", content[: int(len(content) * part)])
    with pytest.raises(InputError, match=r"cut\.bin"):
        read(path)


@pytest.mark.parametrize("name", files())
def test_a_damaged_file_never_raises_anything_but_an_input_error(name, tmp_path):
    noise = np.random.default_rng(1)
    content = files()[name]
    refused = 0
    for _ in range(25):
        damaged = bytearray(content)
        for at in noise.integers(0, len(damaged), 3):
            damaged[at] = noise.integers(0, 256)
        try:
            read(saved(tmp_path, "a", bytes(damaged)), Limits(max_pixels=10_000_000))
        except InputError:
            refused += 1
    assert refused > 0 or name in ("jpeg", "tiff")


def test_a_checksum_of_a_chunk_that_matters_is_checked(tmp_path):
    content = bytearray(full_png())
    content[content.index(b"IDAT") + 10] ^= 1
    with pytest.raises(InputError, match="wrong checksum"):
        read(saved(tmp_path, "a.png", bytes(content)))


def test_a_damaged_text_does_not_cost_the_picture(tmp_path, caplog):
    content = bytearray(full_png())
    content[content.index(b"parameters") + 12] ^= 1
    photo = read(saved(tmp_path, "a.png", bytes(content)))
    assert photo.metadata.text("parameters") is None
    assert photo.metadata.text("workflow") is not None
    assert "wrong checksum" in caplog.text


def test_a_text_that_unpacks_to_gigabytes_is_left_out(tmp_path, monkeypatch):
    monkeypatch.setattr("detailer.apps.files.texts._LARGEST", 10)
    photo = read(saved(tmp_path, "a.png", full_png()))
    assert photo.metadata.text("prompt") is None


def test_a_bomb_is_refused_before_it_goes_off_and_the_limit_can_be_raised(tmp_path):
    header = struct.pack(">LLBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
    content = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header)
    content += chunk(b"IDAT", b"x") + chunk(b"IEND", b"")
    with pytest.raises(InputError, match=r"3,600,000,000 pixels.*max_pixels=200,000,000.*raise"):
        read(saved(tmp_path, "bomb.png", content))
    small = saved(tmp_path, "a.jpg", pillow(smooth(), "JPEG"))
    with pytest.raises(InputError, match="max_pixels=1,000"):
        read(small, Limits(max_pixels=1000))
    assert read(small, Limits(max_pixels=48 * 32)).size.area == 48 * 32


@pytest.mark.parametrize("name", files())
def test_every_format_is_measured_against_the_limit(name, tmp_path):
    with pytest.raises(InputError, match="max_pixels=100"):
        read(saved(tmp_path, "a", files()[name]), Limits(max_pixels=100))


def test_a_picture_without_pixels_is_refused(tmp_path):
    header = struct.pack(">LLBBBBB", 0, 0, 8, 2, 0, 0, 0)
    content = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IEND", b"")
    with pytest.raises(InputError, match="0×0, which has no pixels"):
        read(saved(tmp_path, "a.png", content))


@pytest.mark.parametrize("form", ["PNG", "WEBP", "AVIF", "TIFF"])
def test_several_frames_are_refused_unless_each_is_asked_for(form, tmp_path):
    frames = [smooth(), smooth()[::-1].copy(), smooth()[:, ::-1].copy()]
    more = [Image.fromarray(frame) for frame in frames[1:]]
    options = {"lossless": True} if form == "WEBP" else {}
    content = pillow(frames[0], form, save_all=True, append_images=more, **options)
    path = saved(tmp_path, "a", content)
    with pytest.raises(InputError, match="3 frames; ask for each"):
        read(path)
    photos = read_frames(path)
    assert [photo.frame for photo in photos] == [0, 1, 2]
    for photo, frame in zip(photos, frames, strict=True):
        assert np.abs(photo.pixels.astype(int) - frame).max() <= (12 if form == "AVIF" else 0)
    with pytest.raises(InputError, match="3 frames of 48×32"):
        read_frames(path, Limits(max_pixels=2 * 48 * 32))


def test_a_still_picture_is_its_only_frame(tmp_path):
    (photo,) = read_frames(saved(tmp_path, "a.png", full_png()))
    np.testing.assert_array_equal(photo.pixels, smooth())


def test_a_smaller_copy_inside_a_tiff_is_no_frame(tmp_path):
    import tifffile

    with tifffile.TiffWriter(tmp_path / "a.tif") as file:
        file.write(noise("rgb8"), photometric="rgb")
        file.write(noise("rgb8", 9, 6), photometric="rgb", subfiletype=1)
    np.testing.assert_array_equal(read(tmp_path / "a.tif").pixels, noise("rgb8"))


@pytest.mark.parametrize(
    ("pixels", "options", "words"),
    [
        (np.zeros((4, 4, 3), np.uint8), {"photometric": "cielab"}, "CIELAB colours; save it as"),
        (np.zeros((4, 4), np.int32), {}, "int32 values; save it with 8, 16 or float 32"),
        (np.zeros((4, 4), np.float64), {}, "float64 values"),
        (np.zeros((4, 4, 5), np.uint8), {"photometric": "separated"}, "5 channels of SEPARATED"),
        (np.zeros((4, 4), np.uint16), {"photometric": "cfa"}, "CFA colours"),
    ],
)
def test_a_tiff_that_is_not_understood_is_refused_with_the_remedy(pixels, options, words, tmp_path):
    if options.get("photometric") == "separated":
        options = options | {"extrasamples": ["unassalpha"], "planarconfig": "contig"}
    with pytest.raises(InputError, match=words):
        read(saved(tmp_path, "a.tif", tiff(pixels, **options)))


def test_exif_that_is_nonsense_does_not_cost_the_picture(tmp_path):
    for block in (b"", b"II", b"II*\0\xff\xff\xff\xff", exif(6)[:20], exif(99)):
        content = with_chunks(pillow(smooth(), "PNG"), chunk(b"eXIf", block))
        np.testing.assert_array_equal(read(saved(tmp_path, "a.png", content)).pixels, smooth())


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


def test_a_strip_that_lies_beyond_the_file_is_not_taken_for_black(tmp_path):
    content = bytearray(tiff(noise("rgb8"), photometric="rgb", rowsperstrip=4, compression="lzw"))
    with Image.open(io.BytesIO(content)) as image:
        last = image.tag_v2[273][-1]
    at = content.index(struct.pack("<L", last))
    content[at : at + 4] = struct.pack("<L", len(content) + 10)
    with pytest.raises(InputError, match="damaged or cut short"):
        read(saved(tmp_path, "a.tif", bytes(content)))


@pytest.mark.parametrize("missing", ["tifffile", "imagecodecs"])
def test_what_tiff_needs_is_named_where_it_is_missing(missing, tmp_path, monkeypatch):
    path = saved(tmp_path, "a.tif", pillow(smooth(), "TIFF"))
    monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(InputError, match=rf"TIFF needs {missing}: pip install"):
        read(path)


def test_a_cameras_raw_file_is_refused_with_the_remedy(tmp_path):
    content = bytearray(pillow(smooth(), "TIFF"))
    dng = tiff(smooth(), photometric="rgb", extratags=[(50706, 1, 4, b"\1\4\0\0", True)])
    for raw in (dng, bytes(content[:8]) + b"CR" + bytes(content[10:])):
        with pytest.raises(InputError, match=r"a\.tif"):
            read(saved(tmp_path, "a.tif", raw))
    with pytest.raises(InputError, match="raw file; develop it"):
        read(saved(tmp_path, "a.tif", dng))


def test_a_file_that_cannot_be_opened_is_refused_with_the_reason(tmp_path, monkeypatch):
    def locked(*_, **__):
        raise PermissionError(13, "Permission denied")

    path = saved(tmp_path, "a.png", full_png())
    monkeypatch.setattr(type(path), "open", locked)
    with pytest.raises(InputError, match="cannot be read: Permission denied"):
        read(path)


def test_a_file_far_larger_than_its_pixels_may_be_is_not_read_to_its_end(tmp_path, monkeypatch):
    # By its name, for `detailer.apps.files.read` is the function.
    module = sys.modules["detailer.apps.files.read"]
    monkeypatch.setattr(module, "_BYTES_BESIDE", 0)
    with pytest.raises(InputError, match="larger than max_pixels=1 can need"):
        read(saved(tmp_path, "a.png", full_png()), Limits(max_pixels=1))


def test_stray_bytes_between_the_segments_of_a_jpeg_are_passed_over(tmp_path):
    content = pillow(smooth(), "JPEG", quality=95)
    at = content.index(b"\xff\xdb")
    plain = read(saved(tmp_path, "a.jpg", content)).pixels
    stray = content[:at] + b"\xff\xff\0" + content[at:]
    np.testing.assert_array_equal(read(saved(tmp_path, "b.jpg", stray)).pixels, plain)


def test_what_follows_a_jpeg_is_not_counted(tmp_path):
    first, second = pillow(smooth(), "JPEG"), pillow(smooth(96, 64), "JPEG")
    assert read(saved(tmp_path, "a.jpg", first + second)).size == Size(48, 32)
