"""Windows by padding, of the whole picture, and of a set painted size."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detailer.core.context import mask_bounds, padded
from detailer.core.geometry import Box, Size
from detailer.core.matte import Matte
from detailer.core.region import Region
from detailer.core.window import Window
from detailer.errors import InputError
from detailer.stages.crop import Crop, enlargement, frame, surroundings
from tests.strategies import regions_in, sizes

painted_sides = st.integers(1, 40).map(lambda count: 8 * count)


def framed(region: Region, picture: Size, **settings: object) -> Window:
    window = frame(region, picture, Crop(**settings))
    assert isinstance(window, Window)
    return window


def as_a1111(region: Region, picture: Size, padding: int, size: Size) -> tuple[int, int, int, int]:
    """What "only masked" shows: bounds and padding, cut, then grown along one side only."""
    bounds = mask_bounds(region, picture).grown(padding).clipped(picture.box)
    wide = bounds.width / bounds.height > size.width / size.height
    if wide:
        more = int(bounds.width * size.height / size.width - bounds.height)
        start, limit, length = bounds.top, picture.height, bounds.height + more
    else:
        more = int(bounds.height * size.width / size.height - bounds.width)
        start, limit, length = bounds.left, picture.width, bounds.width + more
    start = max(0, min(start - more // 2, limit - length))
    end = min(start + length, limit)
    if wide:
        return int(bounds.left), int(start), int(bounds.right), int(end)
    return int(start), int(bounds.top), int(end), int(bounds.bottom)


@given(st.data(), sizes(), st.integers(1, 30))
def test_by_padding_the_mask_is_shown_with_so_much_around_it(
    data: st.DataObject, picture: Size, padding: int
) -> None:
    for region in data.draw(regions_in(picture)):
        crop = Crop(padding=padding, guide_size_for="crop_region", guide_size=64, max_size=256)
        bounds = mask_bounds(region, picture)
        if bounds.empty:
            assert frame(region, picture, crop) == "zero size"
            continue
        around = surroundings(region, picture, crop)
        assert around == bounds.grown(padding).clipped(picture.box)
        window = framed(region, picture, **crop.as_set())
        assert window.holds(bounds)
        # Painted sides are multiples: what is shown departs from what is asked for by one at most.
        assert abs(window.box.width - around.width) <= crop.multiple / window.scale
        assert abs(window.box.height - around.height) <= crop.multiple / window.scale


@given(st.data(), sizes(), st.integers(0, 30), painted_sides, painted_sides)
def test_a_set_size_is_painted_exactly_through_a_window_of_its_aspect(
    data: st.DataObject, picture: Size, padding: int, width: int, height: int
) -> None:
    settings = {"context": "padding", "padding": padding}
    for region in data.draw(regions_in(picture)):
        bounds = mask_bounds(region, picture)
        if bounds.empty:
            continue
        window = framed(region, picture, painted_width=width, painted_height=height, **settings)
        assert window.size == Size(width, height)
        assert window.box.width * height == pytest.approx(window.box.height * width)
        assert window.holds(bounds)
        assert window.left == int(window.left)
        assert window.top == int(window.top)
        for start, extent, held, limit in (
            (window.left, window.box.width, (bounds.left, bounds.right), picture.width),
            (window.top, window.box.height, (bounds.top, bounds.bottom), picture.height),
        ):
            first, last = math.ceil(held[1] - extent), min(math.floor(limit - extent), held[0])
            if max(first, 0) <= last:
                assert start >= 0
                assert start + extent <= limit


@given(st.data(), sizes(), st.integers(0, 30), painted_sides, painted_sides)
def test_a_set_size_shows_what_a1111_shows_wherever_that_has_the_aspect(
    data: st.DataObject, picture: Size, padding: int, width: int, height: int
) -> None:
    size = Size(width, height)
    for region in data.draw(regions_in(picture)):
        if mask_bounds(region, picture).empty:
            continue
        theirs = Box(*as_a1111(region, picture, padding, size))
        around = mask_bounds(region, picture).grown(padding).clipped(picture.box)
        grown = max(around.width / width, around.height / height)
        if grown * width > picture.width or grown * height > picture.height:
            continue  # theirs is squeezed into the picture, and has another aspect
        ours = framed(
            region,
            picture,
            context="padding",
            padding=padding,
            painted_width=width,
            painted_height=height,
        ).box
        for mine, other in zip(ours, theirs, strict=True):
            assert mine == pytest.approx(other, abs=1.5)


def test_a_portrait_size_is_filled_by_growing_a_wide_mask_upward_and_downward() -> None:
    region = Region.from_box(Box(400, 300, 480, 340))
    window = framed(region, Size(1000, 800), padding=20, painted_width=512, painted_height=768)
    assert window.box == Box(380, 230, 500, 410)
    assert window.scale == pytest.approx(512 / 120)


def test_near_the_edge_a_set_size_moves_inside_the_picture() -> None:
    region = Region.from_box(Box(0, 0, 40, 20))
    window = framed(region, Size(1000, 800), padding=32, painted_width=512, painted_height=512)
    assert window.box == Box(0, 0, 72, 72)


def test_a_large_mask_in_a_picture_of_another_aspect_loses_padding_before_the_picture_is_left() -> (
    None
):
    picture = Size(1000, 500)
    region = Region.from_box(Box(250, 50, 700, 450))
    window = framed(region, picture, padding=200, painted_width=512, painted_height=512)
    assert window.box == Box(225, 0, 725, 500)
    wide = Region.from_box(Box(100, 100, 900, 400))
    window = framed(wide, picture, padding=50, painted_width=512, painted_height=512)
    assert window.box == Box(100, -150, 900, 650)


@given(st.data(), sizes())
def test_the_whole_picture_is_shown_as_far_as_its_aspect_allows(
    data: st.DataObject, picture: Size
) -> None:
    for region in data.draw(regions_in(picture)):
        window = framed(
            region,
            picture,
            context="picture",
            guide_size_for="crop_region",
            guide_size=64,
            max_size=512,
        )
        # It starts on a whole pixel: beside a region at the edge a part of one may stick out.
        assert picture.box.grown(1).holds(window.box)
        slack = 8 / window.scale
        assert window.box.width >= picture.width - slack
        assert window.box.height >= picture.height - slack
        exact = framed(
            region,
            picture,
            context="picture",
            painted_width=picture.width * 8,
            painted_height=picture.height * 8,
        )
        assert exact.box == picture.box


def test_padding_of_nothing_shows_the_mask_alone() -> None:
    region = Region.from_box(Box(40, 40, 72, 56))
    window = framed(
        region,
        Size(200, 200),
        context="padding",
        guide_size_for="crop_region",
        guide_size=128,
    )
    assert window.box == Box(40, 40, 72, 56)


def test_what_auto_means_follows_from_the_padding() -> None:
    assert Crop().by == "factor"
    assert Crop(padding=1).by == "padding"
    assert Crop(context="factor", padding=1).by == "factor"
    assert Crop(context="picture", padding=1).by == "picture"


def test_the_bounds_are_those_of_the_mask_and_not_of_the_box() -> None:
    box = Box(10, 10, 90, 90)
    mask = Matte.filled(Box(30, 40, 50, 50)).over(box)
    window = framed(
        Region(box, mask), Size(200, 200), padding=5, guide_size_for="crop_region", guide_size=80
    )
    assert window.box == Box(25, 35, 55, 55)


def test_a_given_crop_goes_before_padding_and_picture() -> None:
    region = Region(Box(40, 40, 60, 60), Matte.filled(Box(40, 40, 60, 60)), crop=Box(0, 0, 64, 96))
    for settings in ({"padding": 5}, {"context": "picture"}):
        assert surroundings(region, Size(128, 128), Crop(**settings)) == Box(0, 0, 64, 96)


def test_the_least_side_holds_by_padding_too() -> None:
    bounds = Box(50, 50, 60, 54)
    assert padded(bounds, Size(200, 200), 3, 32) == Box(39, 36, 71, 68)


@pytest.mark.parametrize(
    ("match", "box", "size"),
    [
        ("off", Box(0, 0, 100, 50), Size(1024, 1024)),
        ("free", Box(0, 0, 100, 50), Size(1024, 512)),
        ("free", Box(0, 0, 50, 100), Size(512, 1024)),
        ("strict", Box(0, 0, 100, 50), Size(1344, 768)),
        ("free", Box(0, 0, 0, 50), Size(1024, 1024)),
    ],
)
def test_a_set_size_follows_the_aspect_of_the_box_if_it_is_told_to(
    match: str, box: Box, size: Size
) -> None:
    crop = Crop(painted_width=1024, painted_height=1024, match_box=match)
    assert crop.painted(box) == size


def test_a_set_size_is_rounded_to_multiples() -> None:
    crop = Crop(painted_width=500, painted_height=3, multiple=16)
    assert crop.painted(Box(0, 0, 9, 9)) == Size(496, 16)


def test_a_set_size_holds_whatever_max_size_and_guide_size_say() -> None:
    region = Region.from_box(Box(100, 100, 140, 150))
    window = framed(
        region,
        Size(600, 600),
        painted_width=1536,
        painted_height=1536,
        max_size=64,
        guide_size=64,
        sizes="buckets",
    )
    assert window.size == Size(1536, 1536)


def test_a_set_size_that_would_shrink_is_skipped_only_where_that_is_wanted() -> None:
    region, picture = Region.from_box(Box(0, 0, 900, 900)), Size(1000, 1000)
    settings = {"painted_width": 512, "painted_height": 512, "padding": 8}
    assert framed(region, picture, **settings).size == Size(512, 512)
    reason = frame(region, picture, Crop(**settings, force_inpaint=False))
    assert isinstance(reason, str)
    assert reason.startswith("no enlargement")


def test_in_compatible_mode_a_set_size_stretches_what_is_shown() -> None:
    region = Region.from_box(Box(40, 40, 60, 50))
    settings = {"painted_width": 64, "painted_height": 64, "padding": 5, "compatible": True}
    window = framed(region, Size(100, 100), **settings)
    assert window.box == Box(35, 35, 65, 55)
    assert window.size == Size(64, 64)


def test_an_upright_window_of_a_set_size_holds_the_mask() -> None:
    eyes = ((100.0, 100.0), (120.0, 120.0))
    region = Region(Box(80, 80, 140, 140), Matte.filled(Box(80, 80, 140, 140)), landmarks=eyes)
    window = framed(
        region, Size(300, 300), padding=4, painted_width=256, painted_height=128, upright=True
    )
    assert window.angle == pytest.approx(45)
    assert window.size == Size(256, 128)
    assert window.holds(region.mask.box)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"painted_width": 512}, "painted_height=0 go together; set both"),
        ({"painted_height": 512}, "painted_width=0 and"),
        ({"match_box": "free"}, "match_box=free changes painted_width"),
        ({"padding": -1}, "padding=-1 is out of range: it must be at least 0"),
        ({"context": "mask"}, "context='mask'"),
    ],
)
def test_a_wrong_setting_is_named_with_the_remedy(values: dict[str, object], words: str) -> None:
    with pytest.raises(InputError, match=words):
        Crop(**values)


def test_an_empty_region_decides_nothing() -> None:
    crop = Crop(painted_width=64, painted_height=64)
    assert enlargement(Size(10, 10), Box(5, 5, 5, 9), crop) == "zero size"
    assert math.isclose(enlargement(Size(32, 16), Box(0, 0, 8, 8), crop).scale, 2)
