import numpy as np
import pytest
from PIL import Image

from detailer.apps.files import Limits, read, read_frames
from detailer.errors import InputError
from tests.apps.files_made import (
    full_png,
    noise,
    pillow,
    saved,
    smooth,
)


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
