"""Masks of where a text counts, cut to a region."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detailer.core.conditioning import within
from detailer.core.geometry import Box, Size
from detailer.errors import InputError
from tests.strategies import boxes, sizes


@given(st.data(), sizes(), sizes(least=1))
def test_the_part_of_a_mask_is_where_the_box_is_in_the_picture(data, picture, coarse) -> None:
    box = data.draw(boxes(picture))
    x = (np.arange(coarse.width) + 0.5) / coarse.width * picture.width
    places = np.broadcast_to(x.astype(np.float32), coarse.shape)
    part = within(places, box, picture)
    cell = picture.width / coarse.width
    assert part.size > 0
    assert box.left - cell <= part.min() <= part.max() <= box.right + cell


@given(st.data(), sizes())
def test_a_mask_of_the_pictures_size_is_sliced(data, size) -> None:
    box = data.draw(boxes(size))
    mask = np.random.default_rng(0).random(size.shape).astype(np.float32)
    assert np.array_equal(within(mask, box, size), mask[box.slices])


def test_the_nodes_scale_across_by_the_heights() -> None:
    mask = np.ones((64, 64), np.float32)
    box, picture = Box(6, 25, 38, 115), Size(64, 128)
    assert within(mask, box, picture).shape == (46, 32)
    assert within(mask, box, picture, compatible=True).shape == (39, 16)


def test_what_comes_back_is_a_copy() -> None:
    mask = np.zeros((8, 8), np.float32)
    within(mask, Box(0, 0, 4, 4), Size(8, 8))[:] = 1
    assert not mask.any()


def test_a_box_outside_the_picture_is_refused() -> None:
    with pytest.raises(InputError, match="lies outside the picture of 8"):
        within(np.zeros((8, 8), np.float32), Box(9, 0, 12, 4), Size(8, 8))
