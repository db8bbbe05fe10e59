"""What a detector gives lies where it is in the picture."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detailer.core.geometry import Box, Size
from detailer.core.regions import box_mask, letterbox, unletterboxed
from detailer.errors import InputError
from tests.strategies import boxes, sizes

SQUARE = Size(128, 128)


@given(st.data())
def test_a_box_fills_the_pixels_it_touches(data: st.DataObject) -> None:
    size = data.draw(sizes())
    box = data.draw(boxes(size)).shifted(*data.draw(st.tuples(st.floats(0, 0.9), st.floats(-9, 9))))
    mask = box_mask(box, size)
    assert size.box.holds(mask.box)
    assert mask.alpha.all()
    assert mask.box == box.clipped(size.box).whole() or mask.empty


def test_the_nodes_box_has_a_pixel_more_only_where_it_ends_on_one() -> None:
    whole, between = Box(2, 3, 6, 7), Box(2.5, 3.5, 6.5, 7.5)
    size = Size(20, 20)
    assert box_mask(whole, size).box == whole
    assert box_mask(whole, size, compatible=True).box == Box(2, 3, 7, 8)
    assert box_mask(between, size).box == box_mask(between, size, compatible=True).box
    assert box_mask(Box(9, 9, 20, 20), size, compatible=True).box == Box(9, 9, 20, 20)


@given(sizes(), sizes(least=1, most=300))
def test_a_letterboxed_picture_touches_two_sides_of_its_frame(frame: Size, picture: Size) -> None:
    content = letterbox(frame, picture)
    assert frame.box.holds(content)
    assert content.width == frame.width or content.height == frame.height
    spare_x = (content.left, frame.width - content.right)
    spare_y = (content.top, frame.height - content.bottom)
    assert abs(spare_x[0] - spare_x[1]) <= 1
    assert abs(spare_y[0] - spare_y[1]) <= 1


@pytest.mark.parametrize("picture", [Size(320, 180), Size(90, 200), Size(128, 128), Size(97, 211)])
def test_what_was_letterboxed_comes_back_where_it_was(picture: Size) -> None:
    content = letterbox(SQUARE, picture)
    x, y = content.width / picture.width, content.height / picture.height
    box = Box(picture.width * 0.3, picture.height * 0.2, picture.width * 0.7, picture.height * 0.6)
    frame = np.zeros(SQUARE.shape, np.float32)
    frame[box.scaled(x, y).shifted(content.left, content.top).whole().slices] = 1
    mask = unletterboxed(frame, picture)
    assert mask.alpha.max() == 1
    middle = mask.box.grown(-1 / x, -1 / y)
    # A pixel of the network is 1/x pixels of the picture wide.
    for ours, theirs in zip(middle, box, strict=True):
        assert abs(ours - theirs) <= 2 / min(x, y)
    rows, columns = np.nonzero(mask.within(picture.box) > 0.5)
    centre = (columns.mean() + 0.5, rows.mean() + 0.5)
    np.testing.assert_allclose(centre, box.centre, atol=1 / min(x, y))


def test_the_nodes_take_too_much_of_the_letterbox_away_only_when_asked() -> None:
    frame = np.zeros((128, 128), np.float32)
    frame[:, 60:68] = 1
    ours = unletterboxed(frame, Size(128, 96))
    theirs = unletterboxed(frame, Size(128, 96), compatible=True)
    assert ours == theirs
    frame[20:40] = 1
    assert unletterboxed(frame, Size(128, 96)).box == Box(0, 0, 128, 96)
    near, far = (
        unletterboxed(frame, Size(128, 96), each).within(Box(0, 0, 1, 96)) for each in (False, True)
    )
    assert np.flatnonzero(near > 0.5).max() == 23
    assert np.flatnonzero(far > 0.5).max() < 23


@given(st.integers(0, 2**32), sizes(least=8, most=40), sizes(least=1))
def test_only_the_part_around_the_mask_is_computed(seed: int, frame: Size, picture: Size) -> None:
    noise = np.random.default_rng(seed)
    mask = np.zeros(frame.shape, np.float32)
    y, x = (int(noise.integers(0, side)) for side in frame.shape)
    mask[y, x] = noise.random()
    whole = np.full(frame.shape, 1e-30, np.float32) + mask
    part = unletterboxed(mask, picture)
    np.testing.assert_allclose(
        part.within(picture.box), unletterboxed(whole, picture).within(picture.box), atol=1e-6
    )


def test_a_mask_of_nothing_stays_one() -> None:
    assert unletterboxed(np.zeros((64, 64), bool), Size(200, 100)).empty
    assert unletterboxed(np.zeros((32, 128), bool), Size(9, 300), compatible=True).empty


def test_a_frame_of_nothing_is_refused() -> None:
    with pytest.raises(InputError, match="0×0"):
        letterbox(Size(0, 0), Size(5, 5))
