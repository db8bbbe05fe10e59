"""Every region gets settings of its own, and the same ones whatever else is in the picture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detailer.core.geometry import Box, Size
from detailer.core.matte import Matte
from detailer.core.paint import Lora
from detailer.core.region import Region
from detailer.core.regions import Regions
from detailer.errors import InputError
from detailer.stages.paint import Paint, assigned, resolved, stable_seed
from tests.strategies import regions_in, sizes

PICTURE = Size(640, 640)
FACE = Region.from_box(Box(101, 201, 141, 241), label="face")


@given(st.floats(-3, 3), st.floats(-3, 3))
def test_a_face_found_a_little_elsewhere_keeps_its_seed(x: float, y: float) -> None:
    moved = replace(FACE, box=FACE.box.shifted(4 + x, 4 + y))
    assert stable_seed(7, moved, PICTURE) == stable_seed(7, FACE, PICTURE)


@given(st.sampled_from([0.5, 2, 4]))
def test_the_same_picture_at_another_size_keeps_its_seeds(factor: float) -> None:
    scaled = replace(FACE, box=FACE.box.scaled(factor, factor))
    size = Size(int(640 * factor), int(640 * factor))
    assert stable_seed(7, scaled, size) == stable_seed(7, FACE, PICTURE)


@pytest.mark.parametrize(
    "other",
    [
        replace(FACE, label="hand"),
        replace(FACE, box=FACE.box.shifted(20, 0)),
        replace(FACE, box=FACE.box.shifted(0, 20)),
    ],
)
def test_another_label_or_place_has_another_seed(other: Region) -> None:
    assert stable_seed(7, other, PICTURE) != stable_seed(7, FACE, PICTURE)
    assert stable_seed(8, FACE, PICTURE) != stable_seed(7, FACE, PICTURE)


def test_seeds_wrap_as_the_nodes_do() -> None:
    paint = Paint(seed=2**64 - 1, seed_mode="increment")
    assert resolved(paint, FACE, 3, PICTURE).seed == 2


def test_one_seed_for_all_is_had_by_name() -> None:
    assert resolved(Paint(seed=5, seed_mode="same"), FACE, 3, PICTURE).seed == 5


def test_a_region_as_large_as_the_picture_is_still_painted_a_little() -> None:
    whole = Region.from_box(PICTURE.box)
    assert 0 < resolved(Paint(denoise_power=2), whole, 0, PICTURE).denoise < 0.001


def test_larger_regions_depart_less_where_that_is_asked_for() -> None:
    paint = Paint(denoise=0.5, denoise_power=2)
    large = replace(FACE, box=Box(0, 0, 400, 400))
    small, big = (resolved(paint, region, 0, PICTURE).denoise for region in (FACE, large))
    assert 0.5 > small > big
    assert resolved(Paint(denoise=0.5), large, 0, PICTURE).denoise == 0.5


def row(count: int, empty: Sequence[int] = ()) -> Regions:
    """Faces from left to right; some of them with an empty mask."""
    boxes = [Box(100 * i, 300, 100 * i + 50, 350) for i in range(count)]
    faces = [Region.from_box(box, label="face") for box in boxes]
    nothing = Matte(np.zeros((2, 2), np.float32), Box(0, 0, 2, 2))
    found = [face.with_mask(nothing) if i in empty else face for i, face in enumerate(faces)]
    return Regions(PICTURE, tuple(found))


def told(regions: Regions, **settings: Any) -> list[Any]:
    """For each region its prompt, or why it is left out."""
    found = [one.told for one in assigned(Paint(**settings), regions)]
    return [each if isinstance(each, str) else each.prompt for each in found]


def seeds(regions: Regions, **settings: Any) -> list[int]:
    found = [one.told for one in assigned(Paint(**settings), regions)]
    return [each.seed for each in found if isinstance(each, Paint)]


@given(st.data())
def test_plain_prompts_give_what_they_gave(data: st.DataObject) -> None:
    size = data.draw(sizes())
    regions = data.draw(regions_in(size))
    paint = Paint(prompt="a [b] (c:1.2), d", negative="e", seed=3, denoise_power=1)
    for index, (region, one) in enumerate(zip(regions, assigned(paint, regions), strict=True)):
        empty = region.mask.empty
        expected = "empty mask" if empty else resolved(paint, region, index, regions.size)
        assert (one.index, one.region, one.told) == (index, region, expected)
        if isinstance(one.told, Paint) and isinstance(expected, Paint):
            assert one.told.model_fields_set == expected.model_fields_set


def test_an_empty_mask_takes_no_prompt_but_a_seed() -> None:
    regions, prompt = row(3, empty=[1]), "[ASC]a[SEP]b[SEP]c"
    assert told(regions, prompt=prompt) == ["a", "empty mask", "b"]
    assert seeds(regions, prompt=prompt, seed=500, seed_mode="increment") == [500, 502]


def test_skip_leaves_out_one_region_and_stop_all_from_there_on() -> None:
    skipped, stopped = "its prompt is [SKIP]", "the prompts end at [STOP]"
    assert told(row(3), prompt="[ASC]a[SEP][SKIP]") == ["a", skipped, "a"]
    assert told(row(4, empty=[3]), prompt="[ASC]a[SEP][STOP][SEP]c") == [
        "a", stopped, stopped, "empty mask",
    ]  # fmt: skip


def test_places_are_counted_in_the_order_that_the_prompt_asks_for() -> None:
    found = assigned(Paint(prompt="[DSC]a", seed=7, seed_mode="increment"), row(3))
    assert [(one.index, one.region.box.left) for one in found] == [(0, 200), (1, 100), (2, 0)]
    assert [one.told.seed for one in found if isinstance(one.told, Paint)] == [7, 8, 9]


def test_a_separator_gives_its_seed_and_all_choices_follow_it() -> None:
    choice = "{a|b|c|d|e|f|g|h|i|j}"
    prompt = f"[ASC]{choice}[SEP:5]{choice}"
    assert seeds(row(4), prompt=prompt, seed_mode="same", seed=9) == [9, 5, 9, 5]
    first, second, *again = told(row(4), prompt=prompt, seed_mode="same", seed=9)
    assert again == [first, second]
    assert second == told(row(1), prompt=choice, seed_mode="same", seed=5)[0]


def test_a_random_seed_is_each_regions_own_and_comes_again() -> None:
    prompt = "[ASC]a[SEP:R]b[SEP:R]c"
    for mode in ("same", "stable", "increment"):
        found = seeds(row(6), prompt=prompt, seed=9, seed_mode=mode)
        assert found == seeds(row(6), prompt=prompt, seed=9, seed_mode=mode)
        drawn = [seed for index, seed in enumerate(found) if index % 3]
        assert len(set(drawn)) == 4
        assert all(0 <= seed < 2**50 for seed in drawn)
        other = seeds(row(6), prompt=prompt, seed=8, seed_mode=mode)
        assert not set(drawn) & set(other)


def test_more_regions_than_prompts_start_over_or_go_on_by_the_syntax() -> None:
    assert told(row(5), prompt="[ASC]a[SEP]b") == ["a", "b", "a", "b", "a"]
    assert told(row(5), prompt="a[SEP]b") == ["a", "b", "b", "b", "b"]
    assert told(row(1), prompt="[ASC]a[SEP]b[SEP]c") == ["a"]


def test_what_a_region_is_told_is_final() -> None:
    paint = Paint(
        prompt="a[SEP]{b|b} <lora:x:0.5>[PROMPT]", negative="x[SEP]y", main_prompt="crowd",
        refiner_prompt="{s|s}", loras=(Lora(name="y"),),
    )  # fmt: skip
    _, second = (one.told for one in assigned(paint, row(2)))
    assert isinstance(second, Paint)
    assert (second.prompt, second.negative) == ("b crowd", "y")
    assert second.refiner_prompt == "s"
    assert second.loras == (Lora(name="x", weight=0.5), Lora(name="y"))


@given(
    st.sampled_from(["[WHO][box 95,295,155,355] {a|b|c} [hand] {u|v|w}", "[LAB][hand]{a|b|c}"]),
    st.integers(0, 5),
    st.integers(0, 500),
)
def test_one_more_region_changes_nobodys_prompt_or_seed(text: str, at: int, left: int) -> None:
    hand = replace(FACE, box=Box(500, 10, 540, 40), label="hand")
    before = row(4) + Regions(PICTURE, (hand,))
    more = Region.from_box(Box(left, 500, left + 40, 550), label="face")
    after = Regions(PICTURE, (*before.items[:at], more, *before.items[at:]))
    paint = Paint(prompt=text, main_prompt="main", seed=5)
    found = [one.told for one in assigned(paint, after)]
    del found[at]
    assert found == [one.told for one in assigned(paint, before)]


@given(st.sampled_from(["[RND]{a|b}[SEP:R]c[SEP]d", "{a|b}[SEP:R]c", "[WHO][left]{a|b|c}"]),
       st.integers(0, 2**64 - 1))  # fmt: skip
def test_the_same_seed_tells_the_same(text: str, seed: int) -> None:
    paint = Paint(prompt=text, negative="{x|y|z}", seed=seed)
    assert assigned(paint, row(4)) == assigned(paint, row(4))


def test_a_tag_that_is_not_known_is_refused_where_nothing_was_found() -> None:
    with pytest.raises(InputError, match="did you mean ASC"):
        assigned(Paint(prompt="[ASCX]a"), row(0))
