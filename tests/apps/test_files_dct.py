"""JPEGs of which a part is painted: what is promised of the rest."""

import io

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from detailer.apps.files import Write, dct, exif, read, read_record, write
from detailer.core.geometry import Size
from tests.apps.files_made import exif as exif_block
from tests.apps.files_made import pillow, saved
from tests.engines.places import data_file

jpegio = pytest.importorskip("jpegio")

SAMPLINGS = {"4:4:4": 0, "4:2:2": 1, "4:2:0": 2}
REAL = (
    "child_1600.jpg",
    "city_crosswalk.jpg",
    "cyclists_adobergb.jpg",
    "group_apollo11.jpg",
    "group_solvay1927_gray.jpg",
    "hardhat_side.jpg",
    "person_behind_exif6.jpg",
    "portrait_obama.jpg",
    "variant_apollo11_cmyk.jpg",
    "variant_obama_exif6.jpg",
)


def scene(width: int = 203, height: int = 131, seed: int = 0) -> np.ndarray:
    """RGB whose colors change slowly and whose light does not, some of it beyond the limits."""
    rng = np.random.default_rng(seed)
    light = cv2.GaussianBlur(rng.normal(0, 200, (height, width)), (0, 0), 1.5)
    colors = cv2.resize(rng.uniform(0, 255, (3, 4, 3)), (width, height))
    return np.clip(colors + light[..., None], 0, 255).astype(np.uint8)


def made(mode: str = "RGB", orientation: int = 1, **options: object) -> bytes:
    options = {"quality": 83, **options}
    return pillow(scene(), "JPEG", mode, exif=b"Exif\0\0" + exif_block(orientation), **options)


def painted(photo, box: tuple[int, int, int, int]) -> np.ndarray:
    """The photo's pixels with a box (left, top, right, bottom) made paler."""
    left, top, right, bottom = box
    pixels = photo.pixels.copy()
    inside = pixels[top:bottom, left:right]
    pixels[top:bottom, left:right] = inside // 2 + 100
    return pixels


def decoded(path) -> np.ndarray:
    """The pixels as they are stored, by a decoder that does not turn them."""
    with Image.open(path) as image:
        return np.asarray(image)


def outside(shape: tuple[int, ...], box: tuple[int, int, int, int], sampling: str) -> np.ndarray:
    """True where no block that holds a pixel of the box reaches, nor its smoothed color."""
    across = {"4:4:4": 8, "4:2:2": 16, "4:2:0": 16}[sampling]
    down = {"4:4:4": 8, "4:2:2": 8, "4:2:0": 16}[sampling]
    rim = sampling != "4:4:4"
    left, top, right, bottom = box
    left, top = left // across * across - rim, top // down * down - rim
    right, bottom = -(-right // across) * across + rim, -(-bottom // down) * down + rim
    out = np.ones(shape[:2], bool)
    out[max(top, 0) : bottom, max(left, 0) : right] = False
    return out


@pytest.mark.parametrize("rows", [0, 1])
@pytest.mark.parametrize("progressive", [False, True])
@pytest.mark.parametrize(
    ("mode", "sampling"),
    [("L", "4:4:4"), ("CMYK", "4:4:4"), *(("RGB", sampling) for sampling in SAMPLINGS)],
)
def test_outside_of_painted_blocks_every_decoded_pixel_stays(
    mode, sampling, progressive, rows, tmp_path
):
    options = {"progressive": progressive, "restart_marker_rows": rows}
    options |= {"subsampling": SAMPLINGS[sampling]} if mode == "RGB" else {}
    path = saved(tmp_path, "a.jpg", made(mode, **options))
    photo, box = read(path), (37, 22, 90, 71)
    wanted = painted(photo, box)
    write(photo, wanted, tmp_path / "b.jpg", '{"a": 1}')
    before, after = decoded(path), decoded(tmp_path / "b.jpg")
    kept = outside(before.shape, box, sampling)
    np.testing.assert_array_equal(after[kept], before[kept])
    inside = np.s_[box[1] + 2 : box[3] - 2, box[0] + 2 : box[2] - 2]
    assert np.abs(after[inside].astype(int) - wanted[inside]).mean() < 5
    old, new = jpegio.read(path), jpegio.read(tmp_path / "b.jpg")
    for name in ("restart_interval", "progressive_mode", "jpeg_color_space"):
        assert getattr(new, name) == getattr(old, name)
    for one, other in zip(old.quant_tables, new.quant_tables, strict=True):
        np.testing.assert_array_equal(one, other)
    for one, other in zip(old.comp_info, new.comp_info, strict=True):
        names = ("component_id", "h_samp_factor", "v_samp_factor", "quant_tbl_no")
        assert [getattr(one, n) for n in names] == [getattr(other, n) for n in names]
    assert read_record(read(tmp_path / "b.jpg")) == '{"a": 1}'


@pytest.mark.parametrize("kind", ["L", "CMYK", "RGB", "stored as RGB"])
def test_painted_blocks_are_what_an_encoder_makes_of_them(kind, tmp_path):
    mode = "RGB" if kind == "stored as RGB" else kind
    options = {"keep_rgb": kind == "stored as RGB", "subsampling": 0}
    photo = read(saved(tmp_path, "a.jpg", made(mode, **options)))
    wanted = painted(photo, (0, 0, 203, 131))
    write(photo, wanted, tmp_path / "b.jpg")
    file = io.BytesIO()
    tables = [list(table) for table in photo.encoding.tables]
    Image.fromarray(wanted, mode).save(file, "JPEG", qtables=tables, **options)
    error = np.abs(decoded(tmp_path / "b.jpg").astype(int) - wanted)
    usual = np.abs(decoded(io.BytesIO(file.getvalue())).astype(int) - wanted)
    assert error.mean() < usual.mean() * 1.01 + 0.01


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("sampling", ["4:4:4", "4:2:0"])
def test_a_turned_jpeg_is_written_turned_with_its_tag(orientation, sampling, tmp_path):
    content = made(orientation=orientation, subsampling=SAMPLINGS[sampling])
    path = saved(tmp_path, "a.jpg", content)
    photo = read(path)
    wanted = painted(photo, (20, 30, 60, 64))
    write(photo, wanted, tmp_path / "b.jpg")
    again = read(tmp_path / "b.jpg")
    assert exif.orientation(again.metadata.exif) == orientation
    before, after = decoded(path), decoded(tmp_path / "b.jpg")
    assert after.shape == before.shape
    changed = exif.stored((wanted != photo.pixels).any(axis=2), orientation)
    y, x = np.nonzero(changed)
    box = (int(x.min()), int(y.min()), int(x.max()) + 1, int(y.max()) + 1)
    kept = outside(before.shape, box, sampling)
    np.testing.assert_array_equal(after[kept], before[kept])
    assert np.abs(again.pixels.astype(int) - wanted)[34:60, 24:56].mean() < 5
    with Image.open(tmp_path / "b.jpg") as image:
        inner = image.getexif().get_ifd(0x8769)
        assert (inner[0xA002], inner[0xA003]) == image.size


@pytest.mark.parametrize("orientation", range(1, 9))
def test_stored_undoes_upright(orientation):
    pixels = np.arange(24).reshape(4, 6)
    again = exif.stored(exif.upright(pixels, orientation), orientation)
    np.testing.assert_array_equal(again, pixels)


@pytest.mark.parametrize("suffix", ["png", "webp", "tif", "avif"])
def test_a_turned_jpeg_becomes_another_format_upright(suffix, tmp_path):
    photo = read(saved(tmp_path, "a.jpg", made(orientation=6)))
    write(photo, photo.pixels, tmp_path / f"b.{suffix}")
    again = read(tmp_path / f"b.{suffix}")
    assert exif.orientation(again.metadata.exif) == 1
    assert again.size == photo.size
    assert np.abs(again.pixels.astype(int) - photo.pixels).mean() < 5


def test_a_turned_jpeg_of_another_size_is_written_turned(tmp_path):
    photo = read(saved(tmp_path, "a.jpg", made(orientation=6)))
    larger = np.repeat(np.repeat(photo.pixels, 2, axis=0), 2, axis=1)
    write(photo, larger, tmp_path / "b.jpg")
    assert read(tmp_path / "b.jpg").size == Size(262, 406)
    assert decoded(tmp_path / "b.jpg").shape == (262, 406, 3)


@given(
    width=st.integers(1, 50),
    height=st.integers(1, 50),
    seed=st.integers(0, 2**32 - 1),
    sampling=st.sampled_from(list(SAMPLINGS)),
)
def test_any_pixels_of_any_size_change_nothing_beyond_their_blocks(
    tmp_path_factory, width, height, seed, sampling
):
    folder, rng = tmp_path_factory.mktemp("files"), np.random.default_rng(seed)
    content = pillow(scene(width, height), "JPEG", quality=90, subsampling=SAMPLINGS[sampling])
    path = saved(folder, "a.jpg", content)
    photo = read(path)
    left, top = int(rng.integers(width)), int(rng.integers(height))
    box = (left, top, int(rng.integers(left, width)) + 1, int(rng.integers(top, height)) + 1)
    write(photo, painted(photo, box), folder / "b.jpg")
    kept = outside(photo.pixels.shape, box, sampling)
    after = decoded(folder / "b.jpg")
    np.testing.assert_array_equal(after[kept], photo.pixels[kept])


def test_pixels_that_did_not_change_leave_the_coded_picture_as_it_lay_there(tmp_path):
    content = made(progressive=True, subsampling=2)
    photo = read(saved(tmp_path, "a.jpg", content))
    write(photo, photo.pixels, tmp_path / "b.jpg", '{"a": 1}')
    again = (tmp_path / "b.jpg").read_bytes()
    coded = content[content.index(b"\xff\xdb") :]
    assert again.endswith(coded)
    assert read_record(read(tmp_path / "b.jpg")) == '{"a": 1}'


def test_a_quality_that_is_asked_for_codes_all_anew(tmp_path):
    photo = read(saved(tmp_path, "a.jpg", made()))
    write(photo, photo.pixels, tmp_path / "b.jpg", settings=Write(quality=20))
    assert (decoded(tmp_path / "b.jpg") != photo.pixels).any()


def test_without_the_library_all_is_coded_anew_and_the_log_says_so(tmp_path, monkeypatch, caplog):
    caplog.set_level("INFO")
    monkeypatch.setattr(dct, "available", lambda: False)
    photo = read(saved(tmp_path, "a.jpg", made(orientation=8)))
    wanted = painted(photo, (20, 30, 60, 64))
    write(photo, wanted, tmp_path / "b.jpg")
    assert "pyjpegio is not installed" in caplog.text
    again = read(tmp_path / "b.jpg")
    assert exif.orientation(again.metadata.exif) == 8
    assert np.abs(again.pixels.astype(int) - wanted).mean() < 5


@pytest.mark.parametrize("fault", ["other blocks", "another size", "no picture", "an error"])
def test_what_the_library_spoils_is_coded_anew_with_a_warning(fault, tmp_path, monkeypatch, caplog):
    photo = read(saved(tmp_path, "a.jpg", made()))

    def spoilt(coded: bytes, pixels: np.ndarray, cells: np.ndarray) -> bytes:
        if fault == "an error":
            raise RuntimeError("no coefficients")
        if fault == "another size":
            return pillow(pixels[:8], "JPEG")
        return pillow(255 - pixels, "JPEG") if fault == "other blocks" else coded[:40]

    monkeypatch.setattr(dct, "merged", spoilt)
    wanted = painted(photo, (20, 30, 60, 64))
    write(photo, wanted, tmp_path / "b.jpg")
    assert "are coded anew" in caplog.text
    assert np.abs(read(tmp_path / "b.jpg").pixels.astype(int) - wanted).mean() < 5


@pytest.mark.parametrize("kind", ["CMYK without Adobe's mark", "YCCK"])
def test_rare_kinds_of_cmyk_are_kept_and_painted_as_they_are_read(kind, tmp_path):
    content = made("CMYK")
    at = content.index(b"Adobe")
    if kind == "YCCK":
        content = content[: at + 11] + b"\2" + content[at + 12 :]
    else:
        content = content[: at - 4] + content[at + 12 :]
    path = saved(tmp_path, "a.jpg", content)
    photo, box = read(path), (37, 22, 90, 71)
    wanted = painted(photo, box)
    write(photo, wanted, tmp_path / "b.jpg")
    again = read(tmp_path / "b.jpg").pixels
    kept = outside(again.shape, box, "4:4:4")
    np.testing.assert_array_equal(again[kept], photo.pixels[kept])
    assert np.abs(again.astype(int) - wanted)[22:71, 37:90].mean() < 3
    spaces = {"YCCK": 5, "CMYK without Adobe's mark": 4}
    assert jpegio.read(tmp_path / "b.jpg").jpeg_color_space == spaces[kind]


def test_a_quantization_table_with_a_zero_is_refused(tmp_path):
    content = bytearray(made(mode="L"))
    content[content.index(b"\xff\xdb") + 5 + 9] = 0
    photo = read(saved(tmp_path, "a.jpg", bytes(content)))
    with pytest.raises(ValueError, match="hold 0"):
        dct.merged(photo.encoding.coded, photo.pixels, np.ones((17, 26), bool))


@pytest.mark.parametrize(("factors", "across", "down"), [(0x121111, 8, 16), (0x411111, 32, 8)])
def test_samplings_that_pillow_does_not_write_stay(factors, across, down, tmp_path):
    content = cv2.imencode(".jpg", scene(), [cv2.IMWRITE_JPEG_SAMPLING_FACTOR, factors])[1]
    path = saved(tmp_path, "a.jpg", content.tobytes())
    photo = read(path)
    write(photo, painted(photo, (64, 32, 96, 64)), tmp_path / "b.jpg")
    changed = (decoded(tmp_path / "b.jpg") != photo.pixels).any(axis=2)
    assert changed[32:64, 64:96].mean() > 0.9
    changed[32 - 1 : 64 + 1, 64 - 1 : 96 + 1] = False
    assert not changed.any()
    with Image.open(path) as old, Image.open(tmp_path / "b.jpg") as new:
        assert new.layer == old.layer
        assert new.layer[0][1:3] == (across // 8, down // 8)


@pytest.mark.parametrize("name", REAL)
def test_outside_of_painted_blocks_a_real_jpeg_stays(name, tmp_path):
    path = data_file(f"images/{name}")
    photo = read(path)
    middle = photo.size.width // 2, photo.size.height // 2
    box = (middle[0] - 61, middle[1] - 53, middle[0] + 62, middle[1] + 54)
    wanted = painted(photo, box)
    write(photo, wanted, tmp_path / "b.jpg", '{"a": 1}')
    again = read(tmp_path / "b.jpg")
    changed = (again.pixels != photo.pixels).reshape(*photo.size.shape, -1).any(axis=2)
    changed[box[1] - 17 : box[3] + 17, box[0] - 17 : box[2] + 17] = False
    assert not changed.any()
    inside = np.s_[box[1] : box[3], box[0] : box[2]]
    assert np.abs(again.pixels[inside].astype(int) - wanted[inside]).mean() < 6
    assert exif.orientation(again.metadata.exif) == exif.orientation(photo.metadata.exif)
