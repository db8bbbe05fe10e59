"""Frame: a picture goes into it as Ultralytics puts it, and comes back to where it was."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detailer.core.geometry import Box, Size
from detailer.core.regions import letterbox
from detailer.engines.detectors.yolo.frame import Frame

lengths = st.integers(1, 9000)
sizes = st.builds(Size, lengths, lengths)


@given(sizes, st.sampled_from([Size(640, 640), Size(1280, 736), Size(320, 640)]))
def test_the_picture_lies_where_a_letterbox_puts_it(picture: Size, size: Size) -> None:
    frame = Frame.fixed(picture, size)
    where = letterbox(size, picture)
    if not where.empty:
        assert frame.content == where
    assert frame.content.width >= 1
    assert frame.content.height >= 1
    assert size.box.holds(frame.content)


@given(sizes, st.sampled_from([32, 64]))
def test_a_free_frame_has_less_than_a_step_of_grey(picture: Size, step: int) -> None:
    frame = Frame.free(picture, Size(640, 640), step)
    assert frame.size.width % step == frame.size.height % step == 0
    assert frame.size.box.holds(frame.content)
    assert frame.size.width - frame.content.width < step
    assert frame.size.height - frame.content.height < step
    assert max(frame.content.width, frame.content.height) == 640


@given(sizes, st.lists(st.floats(-50, 9000), min_size=4, max_size=4))
def test_a_box_comes_back_to_where_it_was(picture: Size, sides: list[float]) -> None:
    left, right = sorted(sides[::2])
    top, bottom = sorted(sides[1::2])
    frame = Frame.fixed(picture, Size(640, 640))
    there = frame.in_frame(Box(left, top, right, bottom))
    back = frame.in_picture(np.array([tuple(there)]))[0]
    assert back == pytest.approx((left, top, right, bottom), abs=1e-6)
    whole = frame.in_frame(picture.box)
    assert tuple(whole) == pytest.approx(tuple(frame.content))


@pytest.mark.parametrize(
    ("picture", "fixed", "free", "free_size"),
    [
        (Size(1920, 1080), Box(0, 140, 640, 500), Box(0, 12, 640, 372), Size(640, 384)),
        (Size(1080, 1920), Box(140, 0, 500, 640), Box(12, 0, 372, 640), Size(384, 640)),
        (Size(3840, 2160), Box(0, 140, 640, 500), Box(0, 12, 640, 372), Size(640, 384)),
        (Size(832, 1216), Box(101, 0, 539, 640), Box(5, 0, 443, 640), Size(448, 640)),
        # One pixel is over: it lies on the right.
        (Size(641, 640), Box(0, 0, 640, 639), Box(0, 0, 640, 639), Size(640, 640)),
        (Size(100, 100), Box(0, 0, 640, 640), Box(0, 0, 640, 640), Size(640, 640)),
    ],
)
def test_known_pictures_lie_at_known_pixels(
    picture: Size, fixed: Box, free: Box, free_size: Size
) -> None:
    assert Frame.fixed(picture, Size(640, 640)).content == fixed
    frame = Frame.free(picture, Size(640, 640), 32)
    assert (frame.content, frame.size) == (free, free_size)


def test_planes_are_rgb_from_0_to_1_on_grey() -> None:
    picture = np.zeros((40, 80, 3), np.uint8)
    picture[:] = (255, 51, 0)
    planes = Frame.fixed(Size(80, 40), Size(64, 64)).planes(picture)
    assert planes.shape == (1, 3, 64, 64)
    assert planes.dtype == np.float32
    assert planes.flags.c_contiguous
    assert planes[0, :, 31, 5] == pytest.approx([1, 0.2, 0])
    assert planes[0, :, 15, 5] == pytest.approx([114 / 255] * 3)
    assert planes[0, :, 48, 5] == pytest.approx([114 / 255] * 3)


def test_a_picture_of_the_frames_size_is_seen_as_it_is() -> None:
    picture = np.random.default_rng(3).integers(0, 256, (32, 32, 3), np.uint8)
    planes = Frame.fixed(Size(32, 32), Size(32, 32)).planes(picture)
    assert np.array_equal(np.rint(planes[0].transpose(1, 2, 0) * 255), picture)
