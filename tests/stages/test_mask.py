"""The mask stage does what its settings say, in their order."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detailer.core.geometry import Box, Size
from detailer.core.matte import Matte
from detailer.core.region import Region
from detailer.core.regions import Regions
from detailer.errors import InputError
from detailer.stages.mask import Mask, reshape
from tests.strategies import regions_in, sizes

masks = st.builds(
    Mask,
    shape=st.sampled_from(["found", "box", "ellipse"]),
    fill_holes=st.booleans(),
    offset_x=st.integers(-20, 20),
    offset_y=st.integers(-20, 20),
    wrap=st.booleans(),
    dilation=st.integers(-20, 20),
    invert=st.booleans(),
    merge=st.sampled_from(["none", "merge", "merge_and_invert"]),
    blur=st.sampled_from([0.0, 0.5, 4.0]),
    high_pass=st.sampled_from([0.0, 0.1, 1.0]),
    compatible=st.booleans(),
)
PLAIN = Mask(dilation=0)


@given(st.data(), masks)
def test_nothing_leaves_0_to_1_or_the_picture(data: st.DataObject, mask: Mask) -> None:
    regions = data.draw(regions_in(data.draw(sizes(most=48))))
    reshaped = reshape(regions, mask)
    assert reshaped.size == regions.size
    assert len(reshaped) == len(regions) if mask.merge == "none" else len(reshaped) <= 1
    for region in reshaped:
        assert regions.size.box.holds(region.mask.box)
        if region.mask.alpha.size:
            assert region.mask.alpha.min() >= 0
            assert region.mask.alpha.max() <= 1


@given(st.data())
def test_without_growth_and_wishes_all_stays_as_found(data: st.DataObject) -> None:
    regions = data.draw(regions_in(data.draw(sizes())))
    assert reshape(regions, PLAIN) == regions


def two() -> Regions:
    """Boxes of 10×10 at (5, 5) and (30, 20) in a picture of 50×40."""
    return Regions(
        Size(50, 40),
        (Region.from_box(Box(5, 5, 15, 15)), Region.from_box(Box(30, 20, 40, 30))),
    )


def extents(regions: Regions) -> list[tuple[float, ...]]:
    return [tuple(region.mask.trimmed().box) for region in regions]


def test_masks_grow_beyond_their_boxes_by_default_and_boxes_stay() -> None:
    grown = reshape(two(), Mask())
    assert extents(grown) == [(0, 0, 20, 20), (25, 15, 45, 35)]
    assert [region.box for region in grown] == [region.box for region in two()]


def test_growth_is_lopsided_only_when_asked() -> None:
    grown = reshape(two(), Mask(dilation=4, compatible=True))
    assert extents(grown) == [(4, 4, 17, 17), (29, 19, 42, 32)]


def test_a_mask_is_moved_right_and_up_before_it_grows() -> None:
    moved = reshape(two(), Mask(dilation=4, offset_x=12, offset_y=22))
    # The first is out of the picture, above; the second at its right and upper border.
    assert moved[0].mask.empty
    assert extents(moved)[1] == (40, 0, 50, 10)
    wrapped = reshape(two(), PLAIN.but(offset_y=10, wrap=True))
    assert extents(wrapped)[0] == (5, 0, 15, 40)


def test_an_ellipse_can_stand_for_the_box() -> None:
    (first, _) = reshape(two(), PLAIN.but(shape="ellipse"))
    assert first.mask.alpha[0, 0] == 0
    assert first.mask.alpha[5, 5] == 1


def test_holes_are_filled_before_the_rest_of_the_box_is_meant() -> None:
    ring = np.ones((10, 10), np.float32)
    ring[4:6, 4:6] = 0
    regions = two().holding([Region(Box(4, 5, 15, 15), Matte(ring, Box(5, 5, 15, 15)))])
    (region,) = reshape(regions, PLAIN.but(invert=True, fill_holes=True))
    assert region.mask.trimmed().box == Box(4, 5, 5, 15)
    (open_,) = reshape(regions, PLAIN.but(invert=True))
    assert open_.mask.alpha.sum() == 14


def test_regions_become_one_or_all_but_them() -> None:
    (merged,) = reshape(two(), PLAIN.but(merge="merge"))
    assert merged.box == Box(5, 5, 40, 30)
    assert merged.mask.alpha.sum() == 200
    (rest,) = reshape(two(), PLAIN.but(merge="merge_and_invert"))
    assert rest.box == Box(0, 0, 50, 40)
    assert rest.mask.alpha.sum() == 1800


def test_a_blur_softens_and_a_high_pass_cuts_its_tail() -> None:
    (soft, _) = reshape(two(), PLAIN.but(blur=2))
    (cut, _) = reshape(two(), PLAIN.but(blur=2, high_pass=0.3))
    assert 0 < soft.mask.alpha[soft.mask.alpha > 0].min() < 0.01
    assert cut.mask.alpha[cut.mask.alpha > 0].min() >= np.float32(0.3)
    assert soft.mask.alpha.sum() == pytest.approx(100, rel=0.01)


def test_a_mask_that_vanishes_stays_as_an_empty_one() -> None:
    shrunk = reshape(two(), Mask(dilation=-40))
    assert [region.mask.empty for region in shrunk] == [True, True]
    assert not reshape(two(), Mask(dilation=-40, merge="merge")).items


def test_settings_out_of_range_are_refused_with_value_and_range() -> None:
    with pytest.raises(InputError, match=r"dilation=600 .* at most 512"):
        Mask(dilation=600)
    with pytest.raises(InputError, match="did you mean dilation"):
        Mask(dilatoin=4)
