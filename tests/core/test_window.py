"""Windows hold their region, stay inside the picture and have the painted aspect."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detailer.core.geometry import Box, Size
from detailer.core.region import Region
from detailer.core.window import Window
from detailer.errors import InputError
from detailer.stages.crop import Crop, frame
from tests.strategies import Scene, boxes, crops, scenes, sizes


def windows(scene: Scene) -> list[tuple[Box, Window]]:
    framed = [
        (region.box, frame(region, scene.regions.size, scene.crop)) for region in scene.regions
    ]
    return [(box, window) for box, window in framed if isinstance(window, Window)]


@given(scenes())
def test_a_window_holds_its_region(scene: Scene) -> None:
    for box, window in windows(scene):
        assert window.holds(box)


@given(scenes())
def test_an_unturned_window_starts_on_whole_pixels_and_has_the_painted_aspect(scene: Scene) -> None:
    for _, window in windows(scene):
        if window.angle == 0:
            assert window.left == int(window.left)
            assert window.top == int(window.top)
        assert window.box.width * window.scale == pytest.approx(window.size.width)
        assert window.box.height * window.scale == pytest.approx(window.size.height)


@given(scenes())
def test_painted_sides_are_multiples_and_obey_max_size(scene: Scene) -> None:
    for _, window in windows(scene):
        for side in (window.size.width, window.size.height):
            assert side % scene.crop.multiple == 0
            assert side <= max(scene.crop.max_size, scene.crop.multiple)


@given(scenes())
def test_an_unturned_window_leaves_the_picture_only_where_none_of_its_size_fits(
    scene: Scene,
) -> None:
    for box, window in windows(scene):
        if window.angle:
            continue
        for start, extent, held, limit in (
            (window.left, window.box.width, (box.left, box.right), scene.regions.size.width),
            (window.top, window.box.height, (box.top, box.bottom), scene.regions.size.height),
        ):
            first = max(0, math.ceil(held[1] - extent))
            last = min(math.floor(limit - extent), held[0])
            if first <= last:
                assert start >= 0
                assert start + extent <= limit


@given(scenes())
def test_away_from_the_border_a_window_has_its_region_in_the_middle(scene: Scene) -> None:
    for box, window in windows(scene):
        context = box.grown(2 * box.width + 2, 2 * box.height + 2)
        if scene.regions.size.box.holds(context) and window.angle == 0:
            assert window.box.centre == pytest.approx(box.centre, abs=1.5)


@given(scenes())
def test_at_scale_one_a_window_is_whole(scene: Scene) -> None:
    for _, window in windows(scene):
        if window.scale == 1 and window.angle == 0:
            assert window.box == window.box.whole()


@given(st.data(), sizes(), crops)
def test_a_found_box_between_pixels_or_beyond_the_picture_is_still_framed(
    data: st.DataObject, size: Size, crop: Crop
) -> None:
    box = data.draw(boxes(size)).shifted(data.draw(st.floats(-8, 8)), data.draw(st.floats(-8, 8)))
    window = frame(Region.from_box(box), size, crop)
    assert isinstance(window, str) or window.holds(box.clipped(size.box))


def test_a_turned_window_maps_its_corners_around_its_centre() -> None:
    window = Window(10, 20, Size(80, 40), 2.0, angle=90)
    xs, ys = zip(*window.corners, strict=True)
    assert np.allclose([min(xs), max(xs), min(ys), max(ys)], [20, 40, 10, 50])


@pytest.mark.parametrize(("scale", "size"), [(0, Size(8, 8)), (-1, Size(8, 8)), (1, Size(0, 8))])
def test_a_window_that_shows_nothing_is_refused(scale: float, size: Size) -> None:
    with pytest.raises(InputError, match="shows nothing"):
        Window(0, 0, size, scale)
