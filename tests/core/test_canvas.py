"""Only what is masked changes, in every dtype, and rounding is to the nearest level."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detailer.core.canvas import Canvas
from detailer.core.colour import Colour
from detailer.core.geometry import Box
from detailer.core.matte import Matte
from detailer.core.pixels import Native
from detailer.errors import CanvasError, InputError
from tests.strategies import Scene, pictures, scenes, sizes


def same_bits(a: Native, b: Native) -> bool:
    return a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()


@given(scenes(wild=True))
def test_beyond_the_mask_not_a_bit_changes(scene: Scene) -> None:
    canvas, mask = scene.canvas, scene.regions[0].mask
    noise = np.random.default_rng(1).random((*mask.alpha.shape, 3), np.float32)
    canvas.blend(noise, mask)
    untouched = mask.within(canvas.size.box) == 0
    assert same_bits(canvas.pixels[untouched], scene.picture[untouched])


@given(scenes())
def test_alpha_is_kept(scene: Scene) -> None:
    canvas = scene.canvas
    mask = Matte.filled(canvas.size.box)
    canvas.blend(np.zeros((*mask.alpha.shape, 3), np.float32), mask)
    if scene.picture.ndim == 3 and scene.picture.shape[2] in (2, 4):
        assert same_bits(canvas.pixels[..., -1], scene.picture[..., -1])


@given(scenes())
def test_what_was_read_can_be_laid_back_without_a_change(scene: Scene) -> None:
    canvas, box = scene.canvas, scene.regions[0].mask.box
    canvas.blend(canvas.read(box), scene.regions[0].mask)
    if scene.picture.dtype == np.float32:
        assert np.allclose(canvas.pixels, scene.picture, atol=1e-6)
    else:
        assert same_bits(canvas.pixels, scene.picture)


@given(scenes())
def test_the_given_array_is_left_as_it_is(scene: Scene) -> None:
    before = scene.picture.copy()
    canvas = scene.canvas
    canvas.blend(np.ones((*canvas.size.shape, 3), np.float32), Matte.filled(canvas.size.box))
    assert same_bits(scene.picture, before)


@given(scenes(wild=True))
def test_painted_pixels_are_finite_whatever_was_there(scene: Scene) -> None:
    canvas, mask = scene.canvas, scene.regions[0].mask
    canvas.blend(np.full((*mask.alpha.shape, 3), 0.5, np.float32), mask)
    meant = mask.within(canvas.size.box) > 0
    planes = np.atleast_3d(canvas.pixels)[..., : canvas.colour.channels]
    assert np.isfinite(planes[meant]).all()
    assert np.isfinite(canvas.read(canvas.size.box)).all()


def test_infinities_and_negative_zero_outside_the_mask_survive() -> None:
    picture = np.full((4, 4, 3), -0.0, np.float32)
    picture[0, 0] = np.inf
    picture[0, 1] = np.nan
    canvas = Canvas(picture)
    alpha = np.zeros((4, 4), np.float32)
    alpha[3, 3] = 1
    canvas.blend(np.ones((4, 4, 3), np.float32), Matte(alpha, Box(0, 0, 4, 4)))
    picture[3, 3] = 1
    assert same_bits(canvas.pixels, picture)


def test_values_are_rounded_not_cut() -> None:
    canvas = Canvas(np.zeros((1, 1, 3), np.uint8))
    canvas.blend(np.full((1, 1, 3), 0.6 / 255, np.float32), Matte.filled(Box(0, 0, 1, 1)))
    assert canvas.pixels.tolist() == [[[1, 1, 1]]]


@given(st.data(), sizes())
def test_beyond_the_picture_its_border_is_repeated(data: st.DataObject, size) -> None:
    canvas = Canvas(data.draw(pictures(size)))
    wide = canvas.read(size.box.grown(3))
    assert np.array_equal(wide[3:-3, 3:-3], canvas.read(size.box))
    assert np.array_equal(wide[0, 3:-3], wide[3, 3:-3])
    assert np.array_equal(wide[3:-3, -1], wide[3:-3, -4])


@given(st.data(), sizes())
def test_the_fingerprint_tells_pictures_apart(data: st.DataObject, size) -> None:
    picture = data.draw(pictures(size))
    other = picture.copy()
    other.view(np.uint8).flat[0] ^= 1
    assert Canvas(picture).fingerprint == Canvas(picture.copy()).fingerprint
    assert Canvas(picture).fingerprint != Canvas(other).fingerprint


@given(st.data(), sizes())
def test_detectors_see_eight_bit_rgb(data: st.DataObject, size) -> None:
    canvas = Canvas(data.draw(pictures(size)))
    seen = canvas.picture()
    assert seen.dtype == np.uint8
    assert np.abs(seen / 255 - canvas.read(size.box)).max() <= 0.5 / 255 + 1e-6


@pytest.mark.parametrize("channels", [1, 3])
def test_what_is_no_number_is_seen_as_black_and_the_infinite_as_the_nearest(channels: int) -> None:
    picture = np.full((200, 8, channels), 0.5, np.float32)
    picture[[0, 70, 140, 199], 3] = np.float32([[np.nan], [np.inf], [-np.inf], [7.5]])
    seen = Canvas(picture).picture()
    assert seen[[0, 70, 140, 199], 3].tolist() == [[0] * 3, [255] * 3, [0] * 3, [255] * 3]
    assert np.count_nonzero(seen == 128) == 3 * (200 * 8 - 4)


def test_a_blank_picture_has_the_form_of_the_picture_and_no_pixels_of_its_own() -> None:
    canvas = Canvas(np.ones((30, 20), np.float32))
    assert canvas.blank().shape == canvas.picture().shape
    assert canvas.blank().dtype == canvas.picture().dtype
    assert not any(canvas.blank().strides)


def test_pixels_are_to_read_only() -> None:
    with pytest.raises(ValueError, match="read-only"):
        Canvas(np.zeros((2, 2), np.uint8)).pixels[0, 0] = 1


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_painted_numbers_that_are_not_finite_are_refused(value: float) -> None:
    canvas = Canvas(np.zeros((16, 16, 3), np.uint8))
    with pytest.raises(CanvasError, match="not finite"):
        canvas.blend(np.full((2, 2, 3), value, np.float32), Matte.filled(Box(0, 0, 2, 2)))


@pytest.mark.parametrize(
    ("shape", "colour"),
    [((4, 4), Colour("rgb")), ((4, 4, 3), Colour("cmyk")), ((4, 4, 3), Colour("grey"))],
)
def test_a_colour_that_does_not_fit_the_channels_is_refused(
    shape: tuple[int, ...], colour: Colour
) -> None:
    with pytest.raises(InputError, match="channels cannot be"):
        Canvas(np.zeros(shape, np.uint8), colour)


@pytest.mark.parametrize("shape", [(3, 2, 3), (2, 3, 3)])
def test_pixels_that_do_not_fit_the_mask_are_refused(shape: tuple[int, ...]) -> None:
    canvas = Canvas(np.zeros((8, 8), np.uint8))
    with pytest.raises(CanvasError, match="do not fit"):
        canvas.blend(np.zeros(shape, np.float32), Matte.filled(Box(0, 0, 2, 2)))


@pytest.mark.parametrize(
    "picture",
    [np.zeros((4, 4), np.int64), np.zeros((0, 4, 3), np.uint8), np.zeros((4, 4, 5), np.uint8)],
)
def test_what_is_no_picture_is_refused(picture: Native) -> None:
    with pytest.raises(InputError, match="give"):
        Canvas(picture)
