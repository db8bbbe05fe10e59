import io

import cv2
import numpy as np
import pytest
from PIL import Image

from detailer.apps.files import Write, check_target, read, same_file, write
from detailer.apps.files.fit import fitted
from detailer.apps.files.formats import by_suffix
from detailer.errors import InputError, OutputError
from tests.apps.files_made import full_png, noise, pillow, png16, saved, smooth, tiff


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


def test_a_depth_that_a_format_lacks_is_rounded_to_the_nearest_level(tmp_path):
    levels = np.array([[0, 128, 129, 385, 386, 65535]], np.uint16).repeat(4, axis=0)
    photo = read(saved(tmp_path, "a.png", png16(np.dstack([levels] * 3))))
    bytewise = fitted(photo, by_suffix(tmp_path / "b.webp"))
    assert bytewise.pixels[0, :, 0].tolist() == [0, 0, 1, 1, 2, 255]


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
