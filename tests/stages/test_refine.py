"""Masks are made sharper by what a segmenter sees, each region's by what it sees of it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detailer.core.geometry import Box, Size
from detailer.core.matte import Matte
from detailer.core.region import Region
from detailer.core.regions import Regions, grow
from detailer.core.segmenter import Guess, Prompt
from detailer.errors import EngineError, InputError
from detailer.flow import make_plan
from detailer.recipe import Recipe
from detailer.stages.refine import Refine, in_threes, prompts, refine, sure
from tests.strategies import boxes, regions_in, sizes
from tests.things import Things

PLAIN = Refine(bbox_dilation=0)
SIZE = Size(60, 40)
# Two boxes that overlap, each with a thing of its own in its middle.
LEFT, RIGHT = Box(5, 5, 35, 35), Box(25, 5, 55, 35)
LEFT_THING, RIGHT_THING = Box(10, 10, 30, 30), Box(31, 10, 50, 30)


def two() -> Regions:
    return Regions(SIZE, (Region.from_box(LEFT, "left"), Region.from_box(RIGHT, "right", 0.7)))


def things(*found: Box) -> Things:
    return Things(tuple(Matte.filled(box) for box in found))


def masks(regions: Regions) -> list[np.ndarray]:
    return [region.mask.within(regions.size.box) for region in regions]


def filled(*parts: Box) -> np.ndarray:
    mask = np.zeros(SIZE.shape, np.float32)
    for box in parts:
        mask[box.slices] = 1
    return mask


def guesses(*scores: float) -> list[Guess]:
    return [Guess(Matte.filled(Box(0, 0, 1, 1)), score) for score in scores]


def test_a_neighbour_never_leaks_into_a_region() -> None:
    first, second = masks(refine(two(), things(LEFT_THING, RIGHT_THING), PLAIN))
    assert np.array_equal(first, filled(LEFT_THING))
    assert np.array_equal(second, filled(RIGHT_THING))


def test_the_nodes_union_leaks_as_in_the_nodes() -> None:
    how = PLAIN.but(sam_union=True)
    first, second = masks(refine(two(), things(LEFT_THING, RIGHT_THING), how))
    assert np.array_equal(first, filled(LEFT_THING, RIGHT_THING.clipped(LEFT)))
    assert np.array_equal(second, filled(RIGHT_THING, LEFT_THING.clipped(RIGHT)))


@given(st.data(), st.integers(-9, 9), st.integers(-9, 9), st.booleans())
def test_both_must_mean_a_pixel_and_nothing_leaves_the_picture(
    data: st.DataObject, found: int, seen: int, union: bool
) -> None:
    size = data.draw(sizes(most=48))
    regions = data.draw(regions_in(size))
    scene = things(*data.draw(st.lists(boxes(size), max_size=3)))
    how = Refine(bbox_dilation=found, sam_dilation=seen, sam_union=union)
    refined = refine(regions, scene, how)
    most = masks(grow(regions, found))
    assert len(refined) == len(regions)
    for before, region, mask, limit in zip(regions, refined, masks(refined), most, strict=True):
        assert region.box == before.box
        assert size.box.holds(region.mask.box)
        assert (mask <= limit).all()
        assert region.with_mask(before.mask) == before


def test_the_found_mask_is_grown_before_both_must_mean_a_pixel() -> None:
    box, thing = Box(20, 10, 30, 20), Box(15, 5, 40, 35)
    regions = Regions(SIZE, (Region.from_box(box),))
    (mask,) = masks(refine(regions, things(thing), Refine(bbox_dilation=8)))
    assert np.array_equal(mask, filled(box.grown(4).clipped(thing)))


@pytest.mark.parametrize(
    ("dilation", "compatible", "grown"),
    [
        (4, False, Box(18, 8, 32, 22)),
        (4, True, Box(19, 9, 32, 22)),
        (5, True, Box(18, 8, 32, 22)),
        (-4, False, Box(22, 12, 28, 18)),
        (-4, True, Box(22, 12, 29, 19)),
    ],
)
def test_sams_mask_is_grown_evenly_or_as_the_nodes_do(
    dilation: int, compatible: bool, grown: Box
) -> None:
    thing = Box(20, 10, 30, 20)
    regions = Regions(SIZE, (Region.from_box(Box(5, 2, 45, 30)),))
    how = PLAIN.but(sam_dilation=dilation, compatible=compatible)
    for union in (False, True):
        (mask,) = masks(refine(regions, things(thing), how.but(sam_union=union)))
        assert np.array_equal(mask, filled(grown))


def test_replacing_takes_the_seen_mask_and_its_bounds_beyond_the_found_box() -> None:
    thing = Box(10, 3, 50, 38)
    regions = Regions(SIZE, (Region.from_box(Box(20, 10, 30, 20), "face", 0.7),))
    (region,) = refine(regions, things(thing), PLAIN.but(combine="replace"))
    assert region == Region.from_box(thing, "face", 0.7)


def test_replacing_drops_a_window_that_was_cut_for_the_box_as_it_was_found() -> None:
    crop = Box(10, 5, 40, 30)
    picture = np.zeros((*crop.size.shape, 3), np.float32)
    box = Box(20, 10, 30, 20)
    given = Region(box, Matte.filled(box), crop=crop, picture=picture)
    (region,) = refine(
        Regions(SIZE, (given,)), things(Box(2, 2, 50, 38)), PLAIN.but(combine="replace")
    )
    assert region.crop is None
    assert region.picture is None


@pytest.mark.parametrize("combine", ["and", "replace"])
def test_of_what_nothing_is_seen_an_empty_mask_stays_and_is_skipped_with_a_reason(
    combine: str,
) -> None:
    refined = refine(two(), things(LEFT_THING), PLAIN.but(combine=combine))
    assert [region.mask.empty for region in refined] == [False, True]
    assert refined[1].box == RIGHT
    plan = make_plan(refined, Recipe())
    assert [patch.index for patch in plan.patches] == [0]
    assert [(skip.index, skip.reason) for skip in plan.skipped] == [(1, "empty mask")]


def test_where_nothing_was_found_nothing_is_asked() -> None:
    scene = things(LEFT_THING)
    assert refine(Regions(SIZE), scene, Refine()) == Regions(SIZE)
    assert refine(Regions(SIZE), scene, Refine(sam_union=True, hint="mask-points")) == Regions(SIZE)
    assert scene.asked == []


def test_all_sure_guesses_count_together() -> None:
    found = guesses(0.93, 0.2, 0.95)
    assert sure(found, 0.93) == [found[0], found[2]]


def test_without_a_sure_guess_the_surest_counts_and_of_two_alike_the_first() -> None:
    found = guesses(0.3, 0.9, 0.9)
    assert sure(found, 0.93) == [found[1]]


def test_a_guess_that_is_not_sure_at_all_does_not_count() -> None:
    assert sure(guesses(0.0, -0.1), 0.93) == []
    assert sure([], 0.93) == []


def test_at_a_threshold_of_0_every_guess_counts() -> None:
    found = guesses(0.0, 0.4)
    assert sure(found, 0.0) == found


def test_a_region_means_what_any_of_its_sure_guesses_means() -> None:
    scene = things(LEFT_THING, RIGHT_THING)
    scene.scores = (0.1, 0.95, 0.94)  # the thing, and all things
    first, _ = masks(refine(two(), scene, PLAIN))
    assert np.array_equal(first, filled(LEFT_THING, RIGHT_THING.clipped(LEFT)))


def test_the_box_that_is_shown_grows_up_to_the_border() -> None:
    shown = prompts(two(), Refine(sam_bbox_expansion=8))
    assert [prompt.box for prompt in shown] == [Box(0, 0, 43, 40), Box(17, 0, 60, 40)]
    assert [prompt.points for prompt in shown] == [((20, 20),), ((40, 20),)]


def test_hint_none_shows_a_box_alone() -> None:
    assert prompts(two(), Refine(hint="none")) == [Prompt(LEFT), Prompt(RIGHT)]


def test_mask_points_shows_each_regions_own_centre_and_no_box() -> None:
    own = prompts(two(), Refine(hint="mask-points"))
    assert own == [Prompt(None, ((20, 20),), (True,)), Prompt(None, ((40, 20),), (True,))]


def test_mask_points_of_the_nodes_shows_all_centres_at_once() -> None:
    regions = two() + Regions(SIZE, (Region.from_box(Box(0, 0, 9, 20)),))
    how = Refine(hint="mask-points", sam_union=True, sam_mask_hint_use_negative="Small")
    points, positive = ((20, 20), (40, 20), (4.5, 10)), (True, True, False)
    assert prompts(regions, how) == [Prompt(None, points, positive)]


def test_a_box_at_the_border_or_beyond_it_is_shown_as_far_as_it_is_in_the_picture() -> None:
    beyond = Region(Box(50.5, -8, 80, 12.25), Matte.filled(Box(50, 0, 60, 13)))
    outside = Region(Box(70, 50, 80, 60), Matte.filled(Box(59, 39, 60, 40)))
    first, second = prompts(Regions(SIZE, (beyond, outside)), Refine())
    assert first.box == Box(50.5, 0, 60, 12.25)
    assert second.box == Box(60, 40, 60, 40)


def test_mask_area_points_at_the_grown_mask() -> None:
    scene, how = things(), Refine(hint="mask-area", bbox_dilation=8)
    refine(Regions(SIZE, (Region.from_box(Box(20, 10, 29, 19)),)), scene, how)
    (prompt,) = scene.asked
    assert prompt.box == Box(20, 10, 29, 19)
    assert prompt.points[0] == (16, 6)
    assert all(prompt.positive)


@pytest.mark.parametrize("amount", [0, 1, 3])
def test_a_segmenter_that_does_not_answer_each_prompt_once_has_failed(amount: int) -> None:
    class Careless:
        def masks(self, prompts, /):
            return [[] for _ in range(amount)]

    for how in (Refine(), Refine(sam_union=True)):
        with pytest.raises(EngineError, match=f"gave {amount} answers to 2 prompts"):
            refine(two(), Careless(), how)


def test_every_three_masks_are_one_whatever_region_they_are_of() -> None:
    found = [Matte.filled(Box(x, 0, x + 2, 2)) for x in (0, 2, 4, 6)]
    first, second = in_threes(found)
    assert first == Matte(np.ones((2, 6), np.float32), Box(0, 0, 6, 2))
    assert second == found[3]
    assert in_threes([]) == []


def test_a_prompt_that_shows_nothing_or_half_of_it_is_refused() -> None:
    with pytest.raises(InputError, match="neither a box nor a point"):
        Prompt()
    with pytest.raises(InputError, match="1 points, but 2 times"):
        Prompt(points=((1, 1),), positive=(True, False))


def test_one_mask_of_all_cannot_replace_each_regions_own() -> None:
    with pytest.raises(InputError, match="combine=replace takes each region's own mask"):
        Refine(combine="replace", sam_union=True)
