"""Files as programs really write them: the shared pictures."""

import json

import numpy as np
import pytest
from PIL import Image
from PIL.JpegImagePlugin import get_sampling

from detailer.apps.files import read, read_record, write
from detailer.core.canvas import Canvas
from detailer.core.geometry import Box
from detailer.core.matte import Matte
from tests.engines.places import DATA, data_file

PHOTOGRAPHS = (
    "child_1600.jpg",
    "cyclists_adobergb.jpg",
    "dog_human.jpg",
    "group_solvay1927_gray.jpg",
    "hardhat_side.jpg",
    "person_behind_exif6.jpg",
    "portrait_obama.jpg",
    "variant_apollo11_cmyk.jpg",
)
EXACT = (
    "images/astronaut.png",
    "images/variant_astronaut_gray16.png",
    "images/variant_apollo11_rgb16.png",
    "images/variant_astronaut_rgba.png",
    "images/variant_astronaut_palette.png",
    "ai/a1111_duck_tiny.png",
    "ai/sd15_street6_a1111.png",
    "ai/nerdy_weightlifter_a.png",
)
MODES = {
    "images/astronaut.png": (np.uint8, (512, 512, 3), "rgb"),
    "images/group_solvay1927_gray.jpg": (np.uint8, (922, 2048), "grey"),
    "images/variant_apollo11_cmyk.jpg": (np.uint8, (471, 600, 4), "cmyk"),
    "images/variant_astronaut_gray16.png": (np.uint16, (512, 512), "grey"),
    "images/variant_apollo11_rgb16.png": (np.uint16, (471, 480, 3), "rgb"),
    "images/variant_astronaut_rgba.png": (np.uint8, (512, 512, 4), "rgb"),
    "images/variant_astronaut_palette.png": (np.uint8, (384, 384, 3), "rgb"),
    "images/variant_apollo11.webp": (np.uint8, (471, 600, 3), "rgb"),
    "images/variant_obama_exif6.jpg": (np.uint8, (1137, 910, 3), "rgb"),
    "ai/a1111_duck_tiny.png": (np.uint8, (1, 1, 3), "rgb"),
}


@pytest.mark.parametrize("name", MODES)
def test_each_variant_is_what_it_was_made_to_be(name):
    dtype, shape, model = MODES[name]
    photo = read(data_file(name))
    assert photo.pixels.dtype == dtype
    assert photo.pixels.shape == shape
    assert photo.colour.model == model


@pytest.mark.parametrize("name", EXACT)
def test_a_real_png_comes_back_bit_for_bit_with_all_its_texts(name, tmp_path):
    photo = read(data_file(name))
    write(photo, photo.pixels, tmp_path / "b.png", '{"a": 1}')
    again = read(tmp_path / "b.png")
    np.testing.assert_array_equal(again.pixels, photo.pixels)
    assert again.metadata.texts[: len(photo.metadata.texts)] == photo.metadata.texts
    assert again.metadata.icc == photo.metadata.icc
    assert again.metadata.dpi == photo.metadata.dpi
    assert read_record(again) == '{"a": 1}'


@pytest.mark.parametrize("name", PHOTOGRAPHS)
def test_a_real_jpeg_keeps_its_tables_its_look_and_its_metadata(name, tmp_path):
    path = data_file(f"images/{name}")
    photo = read(path)
    write(photo, photo.pixels, tmp_path / "b.jpg", '{"a": 1}')
    again = read(tmp_path / "b.jpg")
    assert np.abs(again.pixels.astype(int) - photo.pixels).mean() < 1
    assert again.metadata.icc == photo.metadata.icc
    assert again.metadata.dpi == photo.metadata.dpi
    assert read_record(again) == '{"a": 1}'
    with Image.open(path) as old, Image.open(tmp_path / "b.jpg") as new:
        assert new.quantization[0] == old.quantization[0]
        assert get_sampling(new) == get_sampling(old)
        mine, theirs = new.getexif(), old.getexif()
        for number in (0x010F, 0x0110, 0x0112, 0x0132, 0x013B, 0x8298):
            assert mine.get(number) == theirs.get(number)


@pytest.mark.parametrize("name", [*MODES, "images/cyclists_adobergb.jpg"])
def test_what_is_looked_at_and_laid_back_unpainted_leaves_every_bit(name):
    photo = read(data_file(name))
    canvas = Canvas(photo.pixels, photo.colour)
    box = Box(0, 0, min(photo.size.width, 200), min(photo.size.height, 150))
    canvas.blend(canvas.read(box), Matte.filled(box))
    np.testing.assert_array_equal(canvas.pixels, photo.pixels)


def test_a_real_turned_photograph_agrees_with_its_upright_original():
    turned = read(data_file("images/variant_obama_exif6.jpg")).pixels
    upright = read(data_file("images/portrait_obama.jpg")).pixels
    assert turned.shape == upright.shape
    assert np.abs(turned.astype(int) - upright).mean() < 3


def test_real_adobe_rgb_is_shown_more_vivid_than_its_numbers():
    photo = read(data_file("images/cyclists_adobergb.jpg"))
    native = photo.pixels[::4, ::4] / np.float32(255)
    shown = np.clip(photo.colour.to_srgb(native), 0, 1)
    assert not photo.colour.plain
    assert np.ptp(shown, axis=2).mean() > 1.05 * np.ptp(native, axis=2).mean()
    back = photo.colour.from_srgb(shown, native)
    np.testing.assert_array_equal(np.rint(back * 255), photo.pixels[::4, ::4])


@pytest.mark.parametrize("name", ["images/astronaut.png", "ai/sd15_street6.png"])
def test_real_srgb_profiles_are_known_for_what_they_are(name):
    photo = read(data_file(name))
    assert photo.metadata.icc
    assert photo.colour.plain


def test_real_workflows_are_found():
    found = 0
    for path in sorted(data_file("ai").glob("*.png")):
        workflow = read(path).metadata.text("workflow")
        found += workflow is not None and "nodes" in json.loads(workflow)
    assert found >= 4


def test_real_parameters_are_found():
    photo = read(data_file("ai/a1111_ring.png"))
    assert "Steps:" in photo.metadata.text("parameters")


def test_a_picture_that_was_read_is_as_it_was(tmp_path):
    path = data_file("images/hands_two.jpg")
    before = path.read_bytes()
    photo = read(path)
    write(photo, 255 - photo.pixels, tmp_path / "b.jpg")
    assert path.read_bytes() == before
    assert DATA in path.parents
