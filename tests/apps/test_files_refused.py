import io
import struct
import sys

import numpy as np
import pytest
from PIL import Image

from detailer.apps.files import Limits, Write, check_target, read
from detailer.core.geometry import Size
from detailer.errors import InputError, OutputError
from tests.apps.files_made import (
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


def test_a_wrong_suffix_is_named_and_the_content_counts(tmp_path, caplog):
    photo = read(saved(tmp_path, "a.png", pillow(smooth(), "JPEG")))
    assert photo.format == "JPEG"
    assert "a.png is a JPEG in truth" in caplog.text


def test_a_missing_file_is_refused_with_its_name(tmp_path):
    with pytest.raises(InputError, match=r"none\.png does not exist"):
        read(tmp_path / "none.png")


def test_a_name_too_long_for_the_disk_is_refused_in_reading_and_in_writing(tmp_path):
    name = "a" * 300 + ".png"
    with pytest.raises(InputError, match=r"a{20}\.png .* cannot be read: File name too long"):
        read(tmp_path / name)
    photo = read(saved(tmp_path, "a.png", full_png()))
    with pytest.raises(OutputError, match=r"a{20}\.png .* cannot be written: File name too long"):
        check_target(photo, tmp_path / name, Write())


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
