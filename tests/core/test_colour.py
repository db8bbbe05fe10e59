import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detailer.core.colour import CMYK, GREY, RGB, Colour
from detailer.core.profile import conversion
from tests.core import profiles

LEVELS = (255, 65535)


@pytest.fixture(scope="module")
def adobe() -> Colour:
    return Colour("rgb", profiles.wide_gamut())


@pytest.fixture(scope="module")
def inks() -> Colour:
    return Colour("cmyk", profiles.inks())


def natives(colour: Colour, levels: int, seed: int = 0) -> np.ndarray:
    """Noise of a depth, with areas of nothing, of everything, and of a full last channel."""
    noise = np.random.default_rng(seed)
    out = noise.integers(0, levels + 1, (24, 16, colour.channels)) / np.float32(levels)
    out[:3], out[3:6], out[6:9, :, -1] = 0, 1, 1
    return out.astype(np.float32)


def colours() -> list[Colour]:
    return [
        RGB,
        GREY,
        CMYK,
        Colour("rgb", profiles.wide_gamut()),
        Colour("grey", profiles.grey(1.8)),
        Colour("cmyk", profiles.inks()),
    ]


@pytest.mark.parametrize("levels", LEVELS)
@pytest.mark.parametrize("colour", colours(), ids=lambda c: f"{c.model} {bool(c.icc)}")
def test_what_was_not_painted_comes_back_to_the_last_level(colour, levels):
    native = natives(colour, levels)
    back = colour.from_srgb(np.clip(colour.to_srgb(native), 0, 1), native)
    assert back.dtype == np.float32
    assert (np.rint(np.clip(back, 0, 1) * levels) == np.rint(native * levels)).all()


@pytest.mark.parametrize("colour", colours(), ids=lambda c: f"{c.model} {bool(c.icc)}")
def test_what_was_painted_looks_as_painted_whatever_lay_there(colour):
    rgb = np.random.default_rng(1).random((24, 16, 3), np.float32)
    rgb = rgb[..., :1].repeat(3, axis=2) if colour.model == "grey" else rgb * 0.6 + 0.2
    native = colour.from_srgb(rgb, 1 - natives(colour, 255).round())
    close = np.abs(colour.to_srgb(np.clip(native, 0, 1)) - rgb)
    # A printer's table is coarse; the others are exact to the rounding of their steps.
    assert close.mean() < (0.06 if colour.model == "cmyk" and colour.icc else 0.002)


def test_srgb_is_handed_through_untouched():
    pixels = np.random.default_rng(0).random((4, 4, 3), np.float32)
    for colour in (RGB, Colour("rgb", profiles.srgb())):
        assert colour.plain
        assert colour.to_srgb(pixels) is pixels
        assert colour.from_srgb(pixels, pixels) is pixels


@pytest.mark.parametrize("icc", [b"broken", b"", b"\0" * 300, profiles.grey(1.8)])
def test_a_profile_that_cannot_be_used_counts_as_srgb(icc):
    assert Colour("rgb", icc).plain


def test_a_wide_profile_is_shown_as_the_formula_has_it(adobe):
    red = np.full((1, 1, 3), (0.5, 0.25, 0.25), np.float32)
    linear = np.array([0.5, 0.25, 0.25]) ** 2.2
    # Adobe RGB to sRGB, linear: the quotient of the two standards' matrices.
    to_srgb = np.array([[1.39836, -0.39836, 0], [0, 1, 0], [0, -0.04293, 1.04293]])
    expected = 1.055 * (to_srgb @ linear) ** (1 / 2.4) - 0.055
    np.testing.assert_allclose(adobe.to_srgb(red)[0, 0], expected, atol=0.002)
    assert not adobe.plain


def test_sixteen_bits_of_a_profile_are_not_cut_to_eight(adobe):
    pytest.importorskip("imagecodecs")
    ramp = np.linspace(0.4, 0.45, 4096, dtype=np.float32)
    native = np.stack([ramp, ramp * 0.9, ramp * 0.8], axis=-1)[None]
    shown = adobe.to_srgb(native)
    assert len(np.unique(shown[..., 0])) > 2000
    np.testing.assert_allclose(adobe.from_srgb(shown), native, atol=2e-4)


@pytest.mark.parametrize("model", ["rgb", "grey", "cmyk"])
def test_without_imagecodecs_profiles_work_in_eight_bits(model, monkeypatch):
    icc = {"rgb": profiles.wide_gamut(), "grey": profiles.grey(1.8), "cmyk": profiles.inks()}[model]
    native = natives(Colour(model), 255)
    fine = Colour(model, icc).to_srgb(native)
    monkeypatch.setitem(sys.modules, "imagecodecs", None)
    conversion.cache_clear()
    try:
        coarse = Colour(model, icc)
        shown = coarse.to_srgb(native)
        assert np.abs(shown - fine).max() < 0.04
        assert (np.rint(coarse.from_srgb(shown, native) * 255) == np.rint(native * 255)).all()
    finally:
        conversion.cache_clear()


def test_grey_is_painted_at_the_brightness_of_the_colour():
    painted = GREY.from_srgb(np.array([[[1, 0, 0], [0, 1, 0], [0, 0, 1]]], np.float32))
    np.testing.assert_allclose(painted[0, :, 0], [0.2126, 0.7152, 0.0722], atol=1e-6)


def test_white_painted_over_rich_black_is_white():
    black = np.ones((1, 1, 4), np.float32)
    white = np.ones((1, 1, 3), np.float32)
    assert (CMYK.from_srgb(white, black) == 0).all()


def test_black_ink_is_kept_where_the_colour_allows_it():
    before = np.full((1, 1, 4), (0.2, 0.3, 0.1, 0.4), np.float32)
    darker = CMYK.to_srgb(before) * np.float32(0.9)
    assert CMYK.from_srgb(darker, before)[0, 0, 3] == pytest.approx(0.4)
    lighter = np.full((1, 1, 3), 0.9, np.float32)
    assert CMYK.from_srgb(lighter, before)[0, 0, 3] == pytest.approx(0.1)


@given(st.lists(st.floats(0, 1, width=32), min_size=3, max_size=3))
def test_any_colour_becomes_inks_that_show_it(values):
    rgb = np.array(values, np.float32).reshape(1, 1, 3)
    inks = CMYK.from_srgb(rgb)
    assert inks.min() >= 0
    assert inks.max() <= 1
    np.testing.assert_allclose(CMYK.to_srgb(inks), rgb, atol=1e-6)


@pytest.mark.parametrize("colour", colours(), ids=lambda c: f"{c.model} {bool(c.icc)}")
def test_the_quick_look_agrees_with_the_exact_one(colour):
    native = natives(colour, 255)
    exact = np.clip(colour.to_srgb(native), 0, 1) * 255
    seen = colour.seen(native)
    assert seen.dtype == np.uint8
    assert seen.shape == (24, 16, 3)
    # In 8 bits lcms looks into a coarser grid.
    assert np.abs(seen - exact).max() < 10


def test_a_saturated_colour_outside_srgb_survives_a_light_touch(adobe):
    green = np.full((1, 1, 3), (0.0, 0.9, 0.0), np.float32)
    touched = np.clip(adobe.to_srgb(green) - np.float32(0.02), 0, 1)
    kept = adobe.from_srgb(touched, green)[0, 0]
    assert kept[0] < 0.1, "it would be 0.5 if it were cut to sRGB"
