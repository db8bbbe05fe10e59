import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from PIL.JpegImagePlugin import get_sampling

from detailer.apps.files import Write, read, read_record, write
from detailer.apps.files.encoding import TiffEncoding
from detailer.errors import InputError
from tests.apps.files_made import KINDS, noise, pillow, png16, saved, smooth, tiff

RECORD = '{"version": 1, "regions": [{"box": [1, 2, 3, 4], "reason": "zu groß"}]}'


def made(kind: str, form: str, pixels: np.ndarray) -> bytes:
    if form == "png":
        return png16(pixels) if pixels.dtype == np.uint16 else pillow(pixels, "PNG")
    if form == "webp":
        return pillow(pixels, "WEBP", lossless=True, exact=True)
    options = {} if pixels.ndim == 2 else {"planarconfig": "contig"}
    if "alpha" in kind or "rgba" in kind:
        options["extrasamples"] = ["unassalpha"]
    photometric = "rgb" if "rgb" in kind else "minisblack"
    return tiff(pixels, photometric=photometric, compression="lzw", **options)


@given(
    kind=st.sampled_from(list(KINDS)),
    form=st.sampled_from(["png", "tiff"]),
    seed=st.integers(0, 2**32 - 1),
    width=st.integers(1, 40),
    height=st.integers(1, 40),
)
def test_painted_pixels_come_back_bit_for_bit(tmp_path_factory, kind, form, seed, width, height):
    folder = tmp_path_factory.mktemp("files")
    photo = read(saved(folder, f"a.{form}", made(kind, form, noise(kind, width, height))))
    painted = noise(kind, width, height, seed)
    write(photo, painted, folder / f"b.{form}", RECORD)
    again = read(folder / f"b.{form}")
    assert again.pixels.dtype == painted.dtype
    np.testing.assert_array_equal(again.pixels, painted)
    assert again.colour == photo.colour
    assert read_record(again) == RECORD


@pytest.mark.parametrize("kind", ["rgb8", "rgba8"])
def test_a_lossless_webp_stays_lossless(kind, tmp_path):
    photo = read(saved(tmp_path, "a.webp", made(kind, "webp", noise(kind))))
    write(photo, noise(kind, seed=1), tmp_path / "b.webp")
    np.testing.assert_array_equal(read(tmp_path / "b.webp").pixels, noise(kind, seed=1))


@pytest.mark.parametrize("bits", [8, 10, 12])
def test_a_lossless_avif_keeps_its_depth_and_stays_lossless(bits, tmp_path):
    values = noise("rgb16") >> (16 - bits)
    values = values.astype(np.uint8) if bits == 8 else values
    options = [cv2.IMWRITE_AVIF_DEPTH, bits, cv2.IMWRITE_AVIF_QUALITY, 100]
    content = cv2.imencode(".avif", values, options)[1].tobytes()
    photo = read(saved(tmp_path, "a.avif", content))
    write(photo, photo.pixels[::-1], tmp_path / "b.avif", RECORD)
    again = read(tmp_path / "b.avif")
    np.testing.assert_array_equal(again.pixels, photo.pixels[::-1])
    assert again.encoding == photo.encoding
    assert read_record(again) == RECORD


@pytest.mark.parametrize("subsampling", ["4:2:0", "4:2:2", "4:4:4"])
def test_an_avif_keeps_its_subsampling(subsampling, tmp_path):
    content = pillow(smooth(), "AVIF", subsampling=subsampling)
    photo = read(saved(tmp_path, "a.avif", content))
    write(photo, photo.pixels, tmp_path / "b.avif")
    assert read(tmp_path / "b.avif").encoding == photo.encoding
    assert photo.encoding.subsampling == subsampling


def test_a_float_tiff_keeps_values_beyond_white_and_no_numbers(tmp_path):
    pixels = np.random.default_rng(0).normal(0, 4, (9, 7, 3)).astype(np.float32)
    pixels[0, 0], pixels[1, 1] = np.nan, np.inf
    photo = read(saved(tmp_path, "a.tif", tiff(pixels, photometric="rgb")))
    write(photo, pixels, tmp_path / "b.tif")
    again = read(tmp_path / "b.tif").pixels
    assert again.tobytes() == pixels.tobytes()


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_a_cmyk_tiff_is_written_as_cmyk(dtype, tmp_path):
    pixels = np.random.default_rng(0).integers(0, np.iinfo(dtype).max, (9, 7, 4), dtype)
    photo = read(saved(tmp_path, "a.tif", tiff(pixels, photometric="separated")))
    write(photo, pixels[::-1], tmp_path / "b.tif")
    again = read(tmp_path / "b.tif")
    assert again.colour.model == "cmyk"
    np.testing.assert_array_equal(again.pixels, pixels[::-1])


@pytest.mark.parametrize("compression", ["none", "lzw", "deflate", "packbits", "lzma", "zstd"])
def test_a_tiff_keeps_its_compression(compression, tmp_path):
    photo = read(saved(tmp_path, "a.tif", tiff(noise("rgb8"), compression=compression)))
    write(photo, photo.pixels, tmp_path / "b.tif")
    assert read(tmp_path / "b.tif").encoding == photo.encoding


def test_a_tiff_compressed_with_loss_is_written_without(tmp_path):
    photo = read(saved(tmp_path, "a.tif", pillow(smooth(), "TIFF", compression="jpeg")))
    assert photo.encoding == TiffEncoding()
    write(photo, photo.pixels, tmp_path / "b.tif")
    np.testing.assert_array_equal(read(tmp_path / "b.tif").pixels, photo.pixels)


def test_colours_multiplied_by_alpha_stay_so(tmp_path):
    content = tiff(noise("rgba8"), photometric="rgb", extrasamples=["assocalpha"])
    photo = read(saved(tmp_path, "a.tif", content))
    write(photo, photo.pixels, tmp_path / "b.tif")
    assert read(tmp_path / "b.tif").encoding == photo.encoding
    assert photo.encoding.associated


@pytest.mark.parametrize("subsampling", [0, 1, 2])
@pytest.mark.parametrize("progressive", [False, True])
@pytest.mark.parametrize("mode", ["L", "RGB", "CMYK"])
def test_a_jpeg_keeps_its_tables_and_subsampling(mode, progressive, subsampling, tmp_path):
    subsampling = subsampling if mode == "RGB" else 0
    options = {"quality": 83, "subsampling": subsampling, "progressive": progressive}
    path = saved(tmp_path, "a.jpg", pillow(smooth(), "JPEG", mode, **options))
    photo = read(path)
    write(photo, photo.pixels, tmp_path / "b.jpg")
    with Image.open(path) as old, Image.open(tmp_path / "b.jpg") as new:
        assert new.mode == old.mode
        assert new.quantization == old.quantization
        assert get_sampling(new) == get_sampling(old)
        assert ("progressive" in new.info) == progressive
        assert np.abs(np.asarray(new).astype(int) - np.asarray(old)).max() <= 3


def test_a_jpeg_kept_in_rgb_stays_so(tmp_path):
    path = saved(tmp_path, "a.jpg", pillow(smooth(), "JPEG", keep_rgb=True, quality=90))
    photo = read(path)
    write(photo, photo.pixels, tmp_path / "b.jpg")
    with Image.open(tmp_path / "b.jpg") as new:
        assert bytes(layer[0] for layer in new.layer) == b"RGB"
    assert np.abs(read(tmp_path / "b.jpg").pixels.astype(int) - photo.pixels).max() <= 2


def test_far_from_the_painting_a_jpeg_hardly_changes(tmp_path):
    pixels = cv2.GaussianBlur(noise("rgb8", 160, 160), (0, 0), 3)
    photo = read(saved(tmp_path, "a.jpg", pillow(pixels, "JPEG", quality=75)))
    painted = photo.pixels.copy()
    painted[:48, :48] = 128
    write(photo, painted, tmp_path / "b.jpg")
    far = np.s_[80:, 80:]
    change = np.abs(read(tmp_path / "b.jpg").pixels[far].astype(int) - photo.pixels[far])
    assert change.max() <= 4
    assert change.mean() < 0.3


def test_a_quality_takes_the_place_of_the_tables(tmp_path):
    photo = read(saved(tmp_path, "a.jpg", pillow(smooth(), "JPEG", quality=95, subsampling=2)))
    write(photo, photo.pixels, tmp_path / "b.jpg", settings=Write(quality=30))
    with Image.open(tmp_path / "b.jpg") as low, Image.open(photo.path) as high:
        assert sum(low.quantization[0]) > 3 * sum(high.quantization[0])
        assert get_sampling(low) == 2


@pytest.mark.parametrize("form", ["webp", "avif"])
def test_a_lower_quality_makes_smaller_files(form, tmp_path):
    photo = read(saved(tmp_path, "a.png", pillow(cv2.resize(noise("rgb8"), (200, 200)), "PNG")))
    for quality in (30, 90):
        target = tmp_path / f"{quality}.{form}"
        write(photo, photo.pixels, target, settings=Write(quality=quality))
    assert (tmp_path / f"30.{form}").stat().st_size < (tmp_path / f"90.{form}").stat().st_size


@pytest.mark.parametrize("quality", [0, 101])
def test_a_quality_outside_the_scale_is_refused(quality):
    with pytest.raises(InputError, match=f"quality={quality}"):
        Write(quality=quality)
