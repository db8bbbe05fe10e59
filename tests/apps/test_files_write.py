import io

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from PIL.JpegImagePlugin import get_sampling

from detailer.apps.files import Write, check_target, read, read_record, same_file, write
from detailer.apps.files.encoding import TiffEncoding
from detailer.errors import InputError, OutputError
from tests.apps.files_made import KINDS, full_png, noise, pillow, png16, saved, smooth, tiff

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


@pytest.mark.parametrize("form", ["png", "tif"])
def test_a_kept_palette_changes_only_where_painted(form, tmp_path):
    image = Image.fromarray(smooth()).quantize(60)
    image.save(tmp_path / f"a.{form}")
    photo = read(tmp_path / f"a.{form}")
    painted = photo.pixels.copy()
    painted[:8, :8] += 1
    target = tmp_path / f"b.{form}"
    write(photo, painted, target, settings=Write(keep_palette=True))
    with Image.open(target) as new, Image.open(photo.path) as old:
        assert new.mode == "P"
        assert new.getpalette()[:180] == old.getpalette()[:180]
        changed = np.asarray(new) != np.asarray(old)
    assert not changed[8:].any()
    assert not changed[:, 8:].any()
    assert np.abs(read(target).pixels.astype(int) - painted).max() <= 1


def test_without_being_kept_a_palette_becomes_rgb_and_leaves_nothing_behind(tmp_path):
    Image.fromarray(smooth()).quantize(60).save(tmp_path / "a.png", transparency=bytes([9] * 60))
    photo = read(tmp_path / "a.png")
    write(photo, photo.pixels, tmp_path / "b.png")
    content = (tmp_path / "b.png").read_bytes()
    assert b"PLTE" not in content
    assert b"tRNS" not in content
    np.testing.assert_array_equal(read(tmp_path / "b.png").pixels, photo.pixels)


def test_a_palette_that_is_kept_holds_pixels_of_another_size_too(tmp_path):
    Image.fromarray(smooth()).quantize(60).save(tmp_path / "a.png")
    photo = read(tmp_path / "a.png")
    large = photo.pixels.repeat(2, axis=0).repeat(2, axis=1)
    write(photo, large, tmp_path / "b.png", settings=Write(keep_palette=True))
    np.testing.assert_array_equal(read(tmp_path / "b.png").pixels, large)


CONVERSIONS = {
    "cmyk.jpg": ((3,), np.uint8),
    "grey8.webp": ((3,), np.uint8),
    "grey16.jpg": ((), np.uint8),
    "rgb16.webp": ((3,), np.uint8),
    "rgb16.avif": ((3,), np.uint16),
    "grey-alpha16.webp": ((4,), np.uint8),
    "grey-alpha8.avif": ((4,), np.uint8),
    "float.png": ((3,), np.uint16),
    "float.jpg": ((3,), np.uint8),
    "rgba16.tif": ((4,), np.uint16),
}


@pytest.mark.parametrize("name", CONVERSIONS)
def test_a_format_gets_what_it_can_hold(name, tmp_path):
    kind, form = name.split(".")
    channels, dtype = CONVERSIONS[name]
    look = smooth()
    if kind == "cmyk":
        source = saved(tmp_path, "a.jpg", pillow(look, "JPEG", "CMYK", quality=98))
        form, dtype = "png", np.uint8
    elif kind == "float":
        source = saved(tmp_path, "a.tif", tiff(look / np.float32(255), photometric="rgb"))
    else:
        pixels = cv2.resize(noise(kind, 6, 4), (48, 32)) if "alpha" not in kind else noise(kind)
        source = saved(tmp_path, "a.png", made(kind, "png", pixels))
    photo = read(source)
    write(photo, photo.pixels, tmp_path / f"b.{form}")
    again = read(tmp_path / f"b.{form}")
    assert again.pixels.shape[2:] == channels
    assert again.pixels.dtype == dtype
    if kind in ("cmyk", "float"):
        shown = again.pixels / (np.iinfo(again.pixels.dtype).max / 255)
        assert np.abs(shown - look).mean() < 2


def test_cmyk_in_another_format_is_srgb_and_loses_its_profile(tmp_path):
    inks = np.full((8, 8, 4), (0, 255, 255, 0), np.uint8)
    content = tiff(inks, photometric="separated", iccprofile=b"broken")
    photo = read(saved(tmp_path, "a.tif", content))
    assert photo.metadata.icc == b"broken"
    write(photo, photo.pixels, tmp_path / "b.png")
    again = read(tmp_path / "b.png")
    assert again.metadata.icc is None
    np.testing.assert_array_equal(again.pixels, np.full((8, 8, 3), (255, 0, 0)))


def test_transparency_is_not_thrown_away_for_a_jpeg(tmp_path):
    photo = read(saved(tmp_path, "a.png", pillow(noise("rgba8"), "PNG")))
    with pytest.raises(
        InputError, match=r"transparent parts, which JPEG cannot hold; write a \.png"
    ):
        write(photo, photo.pixels, tmp_path / "b.jpg")
    opaque = photo.pixels.copy()
    opaque[..., 3] = 255
    full = read(saved(tmp_path, "c.png", pillow(opaque, "PNG")))
    write(full, full.pixels, tmp_path / "c.jpg")
    assert read(tmp_path / "c.jpg").pixels.shape[2] == 3


def test_a_side_that_a_format_cannot_hold_is_refused_with_the_remedy(tmp_path):
    photo = read(saved(tmp_path, "a.png", pillow(noise("rgb8", 16_384, 1), "PNG")))
    with pytest.raises(InputError, match=r"WebP holds sides of 16,383 px.*16384×1; write a \.png"):
        write(photo, photo.pixels, tmp_path / "b.webp")


def test_pixels_of_another_size_are_written(tmp_path):
    photo = read(saved(tmp_path, "a.png", full_png()))
    large = photo.pixels.repeat(3, axis=0).repeat(3, axis=1)
    write(photo, large, tmp_path / "b.png")
    np.testing.assert_array_equal(read(tmp_path / "b.png").pixels, large)


@pytest.mark.parametrize(
    "wrong", [np.zeros((32, 48, 4), np.uint8), np.zeros((32, 48, 3), np.uint16)]
)
def test_pixels_of_another_kind_are_refused(wrong, tmp_path):
    photo = read(saved(tmp_path, "a.png", full_png()))
    with pytest.raises(InputError, match="not of the kind of"):
        write(photo, wrong, tmp_path / "b.png")


@pytest.mark.parametrize("name", ["b.gif", "b", "b.txt"])
def test_a_suffix_that_names_no_format_is_refused_with_those_that_do(name, tmp_path):
    photo = read(saved(tmp_path, "a.png", full_png()))
    with pytest.raises(InputError, match=r"use one of \.png"):
        write(photo, photo.pixels, tmp_path / name)
    assert not (tmp_path / name).exists()


@pytest.mark.parametrize("way", ["same", "dots", "soft", "hard"])
def test_the_source_is_not_written_over_without_leave(way, tmp_path):
    source = saved(tmp_path, "a.png", full_png())
    (tmp_path / "sub").mkdir()
    target = {"same": source, "dots": tmp_path / "sub" / ".." / "a.png"}.get(way)
    if target is None:
        target = tmp_path / "link.png"
        target.symlink_to(source) if way == "soft" else target.hardlink_to(source)
    photo = read(source)
    before = source.read_bytes()
    with pytest.raises(InputError, match="is the picture that was read"):
        write(photo, 255 - photo.pixels, target)
    assert source.read_bytes() == before
    write(photo, 255 - photo.pixels, target, settings=Write(overwrite=True))
    np.testing.assert_array_equal(read(target).pixels, 255 - photo.pixels)


def test_one_file_is_known_under_all_its_names(tmp_path):
    source = saved(tmp_path, "a.png", full_png())
    assert same_file(source, tmp_path / "." / "a.png")
    assert same_file(tmp_path / "x" / ".." / "new.png", tmp_path / "new.png")
    assert not same_file(source, tmp_path / "b.png")


def test_a_target_is_checked_before_anything_is_painted(tmp_path):
    photo = read(saved(tmp_path, "a.png", full_png()))
    (tmp_path / "folder.png").mkdir()
    with pytest.raises(OutputError, match=r"folder\.png is a folder"):
        check_target(photo, tmp_path / "folder.png", Write())
    with pytest.raises(OutputError, match="none is no folder; make it first"):
        check_target(photo, tmp_path / "none" / "b.png", Write())
    check_target(photo, tmp_path / "b.png", Write())


def test_what_cannot_be_encoded_is_an_output_error(tmp_path, monkeypatch):
    def failing(*_: object, **__: object) -> None:
        raise ValueError("no such thing")

    photo = read(saved(tmp_path, "a.png", full_png()))
    monkeypatch.setattr(Image.Image, "save", failing)
    with pytest.raises(OutputError, match="cannot be written as WebP: no such thing"):
        write(photo, photo.pixels, tmp_path / "b.webp")


def test_each_frame_can_be_written_as_a_picture_of_its_own(tmp_path):
    from detailer.apps.files import read_frames

    frames = [Image.fromarray(smooth()), Image.fromarray(smooth()[::-1].copy())]
    file = io.BytesIO()
    frames[0].save(file, "PNG", save_all=True, append_images=frames[1:])
    for photo in read_frames(saved(tmp_path, "a.png", file.getvalue())):
        target = tmp_path / f"a-{photo.frame}.png"
        write(photo, photo.pixels, target)
        assert b"acTL" not in target.read_bytes()
        np.testing.assert_array_equal(read(target).pixels, np.asarray(frames[photo.frame]))
