"""The nodes' decisions about size, and ours where they run out of memory."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detailer.core.canvas import Canvas
from detailer.core.context import crop_region
from detailer.core.geometry import Box, Size
from detailer.core.matte import Matte
from detailer.core.plan import Patch
from detailer.core.region import Region
from detailer.core.window import Window
from detailer.errors import InputError
from detailer.stages.crop import Crop, cut, enlargement, frame, roll
from tests.strategies import boxes, sizes


@given(st.data(), sizes(), st.floats(1, 5))
def test_a_crop_region_keeps_its_size_unless_the_picture_is_smaller(
    data: st.DataObject, size: Size, factor: float
) -> None:
    box = data.draw(boxes(size))
    crop = crop_region(box, size, factor)
    assert size.box.holds(crop)
    assert crop.width == pytest.approx(min(size.width, box.width * factor), abs=1)
    assert crop.height == pytest.approx(min(size.height, box.height * factor), abs=1)


def test_a_small_face_is_enlarged_until_its_shorter_side_is_the_guide_size() -> None:
    window = frame(Region.from_box(Box(200, 200, 240, 250)), Size(512, 512), Crop(guide_size=256))
    assert isinstance(window, Window)
    assert window.scale == pytest.approx(256 / 40)
    assert window.size == Size(768, 960)


def test_max_size_bounds_what_is_painted() -> None:
    window = frame(Region.from_box(Box(200, 200, 240, 250)), Size(512, 512), Crop(max_size=640))
    assert isinstance(window, Window)
    assert max(window.size.width, window.size.height) == 640


@pytest.mark.parametrize(
    ("box", "settings", "reason"),
    [
        (Box(0, 0, 600, 700), {"force_inpaint": False}, "large already: 600×700"),
        (Box(0, 0, 100, 900), {"force_inpaint": False}, "no enlargement"),
        (Box(5, 5, 5, 50), {}, "zero size"),
    ],
)
def test_a_skipped_region_says_why(box: Box, settings: dict[str, bool], reason: str) -> None:
    framed = frame(Region(box, Matte.filled(box.whole())), Size(2000, 2000), Crop(**settings))
    assert isinstance(framed, str)
    assert framed.startswith(reason)


def test_a_huge_region_that_is_forced_still_obeys_max_size() -> None:
    region = Region.from_box(Box(0, 0, 3000, 3000))
    window = frame(region, Size(4000, 4000), Crop(max_size=1024))
    assert isinstance(window, Window)
    assert window.size == Size(1024, 1024)
    assert window.holds(region.box)


def test_in_compatible_mode_a_huge_region_is_painted_at_its_own_size() -> None:
    region = Region.from_box(Box(0, 0, 3000, 3000))
    window = frame(region, Size(4000, 4000), Crop(max_size=1024, compatible=True))
    assert isinstance(window, Window)
    assert window.size == Size(4000, 4000)


def test_in_compatible_mode_sides_are_cut_to_whole_pixels_each_axis_for_itself() -> None:
    crop = Crop(crop_factor=1, guide_size=100, compatible=True)
    window = frame(Region.from_box(Box(10, 10, 43, 67)), Size(200, 200), crop)
    assert isinstance(window, Window)
    assert window.size == Size(100, 172)
    assert window.box == Box(10, 10, 43, 67)


def test_a_given_window_takes_the_place_of_the_crop_factor() -> None:
    region = Region(Box(40, 40, 60, 60), Matte.filled(Box(40, 40, 60, 60)), crop=Box(0, 0, 64, 96))
    window = frame(region, Size(128, 128), Crop(crop_factor=1, guide_size=64))
    assert isinstance(window, Window)
    assert window.box.width == pytest.approx(64, abs=3)
    assert window.box.height == pytest.approx(96, abs=3)


@pytest.mark.parametrize("compatible", [False, True])
def test_a_given_window_beyond_the_picture_is_skipped_or_clipped(compatible: bool) -> None:
    crop = Crop(compatible=compatible)
    out, over = Box(200, 200, 264, 264), Box(-20, -20, 100, 100)
    region = Region(Box(40, 40, 60, 60), Matte.filled(Box(40, 40, 60, 60)), crop=out)
    assert frame(region, Size(128, 128), crop) == "zero size"
    window = frame(replace(region, crop=over), Size(128, 128), crop)
    assert isinstance(window, Window)
    assert Size(128, 128).box.holds(window.box)


@pytest.mark.parametrize("side", [97, 100, 101, 103])
def test_a_window_as_wide_as_the_picture_does_not_leave_it(side: int) -> None:
    region = Region.from_box(Box(45, 45, 55, 55))
    window = frame(region, Size(side, side), Crop(crop_factor=20, guide_size=64))
    assert isinstance(window, Window)
    assert Size(side, side).box.holds(window.box)


@pytest.mark.parametrize("tilt", [-120, -30, 10, 45, 90, 170])
def test_upright_turns_the_window_by_the_roll_of_the_eyes(tilt: float) -> None:
    turn = np.deg2rad(tilt)
    eyes = ((100.0, 100.0), (100 + 20 * np.cos(turn), 100 + 20 * np.sin(turn)))
    box = Box(85, 80, 125, 130)
    region = Region(box, Matte.filled(box), landmarks=eyes)
    level = frame(region, Size(300, 300), Crop(guide_size=64))
    window = frame(region, Size(300, 300), Crop(guide_size=64, upright=True))
    assert isinstance(window, Window)
    assert isinstance(level, Window)
    assert window.angle == pytest.approx(tilt)
    assert window.size == level.size
    assert window.holds(box)
    assert roll(region) == pytest.approx(tilt)


def test_an_upright_cutout_shows_the_eyes_level() -> None:
    picture = np.zeros((300, 300, 3), np.uint8)
    eyes = ((130.0, 140.0), (160.0, 170.0))
    for x, y in eyes:
        picture[int(y) - 2 : int(y) + 3, int(x) - 2 : int(x) + 3] = 255
    box = Box(120, 130, 170, 180)
    region = Region(box, Matte.filled(box), landmarks=eyes)
    window = frame(region, Size(300, 300), Crop(guide_size=128, upright=True))
    assert isinstance(window, Window)
    bright = cut(Canvas(picture), Patch(0, region, window, region.mask)).pixels[..., 0] > 0.5
    rows, columns = np.nonzero(bright)
    left, right = columns < columns.mean(), columns > columns.mean()
    assert rows[left].mean() == pytest.approx(rows[right].mean(), abs=1)


def test_an_upscaler_enlarges_before_the_cutout_is_fitted() -> None:
    asked = []

    def upscaler(pixels, size):
        asked.append(size)
        return np.full((*size.shape, 3), 0.25, np.float32)

    region = Region.from_box(Box(20, 20, 40, 40))
    window = frame(region, Size(100, 100), Crop(guide_size=64))
    assert isinstance(window, Window)
    cutout = cut(
        Canvas(np.zeros((100, 100, 3), np.uint8)), Patch(0, region, window, region.mask), upscaler
    )
    assert len(asked) == 1
    assert np.allclose(cutout.pixels, 0.25, atol=1e-6)
    assert cutout.pixels.shape == (*window.size.shape, 3)


@pytest.mark.parametrize(
    "settings", [{}, {"crop_factor": 1.5}, {"guide_size": 256, "crop_factor": 2, "multiple": 16}]
)
def test_buckets_make_few_sizes_of_about_the_same_area(settings: dict[str, float]) -> None:
    random = np.random.default_rng(3)
    picture = Size(1600, 1200)
    asked: dict[str, list[Size]] = {"exact": [], "buckets": []}
    for _ in range(300):
        width = int(random.uniform(20, 500))
        height = int(width * 2 ** random.uniform(-1, 1))
        left = int(random.integers(0, picture.width - width))
        top = int(random.integers(0, picture.height - height))
        region = Region.from_box(Box(left, top, left + width, top + height))
        for wish in ("exact", "buckets"):
            window = frame(region, picture, Crop(sizes=wish, **settings))
            assert isinstance(window, Window)
            asked[wish].append(window.size)
    exact, buckets = (sum(size.area for size in asked[name]) for name in ("exact", "buckets"))
    assert buckets == pytest.approx(exact, rel=0.15)
    assert len(set(asked["exact"])) > 60
    assert len(set(asked["buckets"])) <= 15


def test_a_region_that_no_bucket_holds_inside_the_picture_has_its_own_size() -> None:
    picture = Size(1000, 90)
    window = frame(Region.from_box(Box(0, 10, 1000, 80)), picture, Crop(sizes="buckets"))
    assert isinstance(window, Window)
    assert picture.box.holds(window.box)
    assert window.size.width > 4 * window.size.height


def test_a_given_window_chooses_the_bucket_of_its_shape() -> None:
    box = Box(290, 290, 310, 310)
    region = Region(box, Matte.filled(box), crop=Box(200, 250, 400, 350))
    window = frame(region, Size(600, 600), Crop(sizes="buckets"))
    assert isinstance(window, Window)
    assert window.size == Size(1024, 512)
    assert window.box == Box(200, 250, 400, 350)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"crop_factor": 0.5}, "crop_factor=0.5 is out of range: it must be at least 1"),
        ({"crop_factor": float("nan")}, "crop_factor"),
        ({"guide_sise": 3}, "did you mean guide_size"),
        ({"guide_size_for": "face"}, "bbox"),
    ],
)
def test_a_wrong_setting_is_named_with_the_remedy(values: dict[str, object], words: str) -> None:
    with pytest.raises(InputError, match=words):
        Crop(**values)


def test_without_a_guided_side_nothing_is_decided() -> None:
    assert enlargement(Size(0, 10), Box(0, 0, 5, 5), Crop()) == "zero size"


def test_a_box_of_which_the_picture_holds_nothing_finds_a_bucket_all_the_same() -> None:
    region = Region.from_box(Box(0, -2, 2, 0))
    window = frame(region, Size(16, 16), Crop(sizes="buckets", guide_size=64, max_size=64))
    assert isinstance(window, Window | str)
