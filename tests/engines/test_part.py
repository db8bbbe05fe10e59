"""Part: all that comes back into the picture is in it, at every scale and turn."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detailer.core.canvas import Canvas
from detailer.core.geometry import Box, Size
from detailer.core.plan import Painted, Progress
from detailer.core.view import to_picture
from detailer.core.window import Window
from detailer.engines.painters.part import paint_parts
from detailer.stages.crop import cut
from tests.engines.contract import cutout, shapes

SIZE = Size(64, 48)


def painted_white(work):
    """Where a painter of parts would paint, and the answer."""
    boxes = []

    def paint(part):
        boxes.append(part.box)
        return Painted(part.patch, part.put_back(np.ones_like(part.pixels)))

    answers = [one for one in paint_parts([work], paint, "white") if not isinstance(one, Progress)]
    return boxes[0], answers[0]


@given(
    scale=st.floats(0.4, 6),
    angle=st.sampled_from([0.0, 20.0, -75.0]),
    place=st.tuples(st.floats(0.3, 0.5), st.floats(0.3, 0.5)),
)
def test_whatever_is_pasted_was_in_the_part(scale, angle, place) -> None:
    left, top = place[0] * SIZE.width / scale, place[1] * SIZE.height / scale
    box = Box(left, top, left + 8 / scale, top + 6 / scale).whole()
    window = Window(0, 0, SIZE, scale, angle)
    work = cutout(np.zeros((200, 200, 3), np.float32), window, box)
    part, answer = painted_white(work)
    back = to_picture(answer.pixels, window, box)
    all_white = to_picture(np.ones_like(answer.pixels), window, box)
    np.testing.assert_allclose(back, all_white, atol=1e-4)
    assert SIZE.box.holds(part)


def test_what_does_not_come_back_keeps_its_bits() -> None:
    work = cutout(shapes(SIZE), Window(0, 0, SIZE, 1.0), Box(20, 10, 30, 20))
    part, answer = painted_white(work)
    outside = np.ones(SIZE.shape, bool)
    outside[part.slices] = False
    assert np.array_equal(answer.pixels[outside], work.pixels[outside])
    assert (answer.pixels[part.slices] == 1).all()


def test_values_beyond_one_stay_where_the_cutout_has_them() -> None:
    window, box = Window(0, 0, SIZE, 1.0), Box(20, 10, 30, 20)
    patch = cutout(shapes(SIZE), window, box).patch
    bright = 3 * shapes(SIZE)
    work = cut(Canvas(bright, bounded=False), patch)
    most = float(bright.max())

    def paint(part):
        return Painted(part.patch, part.put_back(part.pixels * 10))

    answer = list(paint_parts([work], paint, "bright"))[-1]
    assert answer.pixels.max() == pytest.approx(most)
