"""Everything around the painter: waves, exactness, what fails and what is skipped."""

from __future__ import annotations

import re
from dataclasses import replace

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detailer import (
    Box,
    Canvas,
    Crop,
    Detailer,
    DetailerError,
    EngineError,
    Failed,
    Finished,
    InputError,
    Mask,
    Matte,
    Painted,
    Planned,
    Progress,
    Recipe,
    Region,
    Regions,
    Size,
    Skipped,
    each,
)
from detailer.core.pixels import Picture
from detailer.core.plan import Plan
from detailer.core.region import LeftOut
from detailer.engines.detectors.given import given_boxes, given_mask
from detailer.engines.wrap import either, merged
from detailer.flow import make_plan
from detailer.stages.detect import Chosen
from tests.fakes import Recording, backwards, finds, finds_regions, inverted, noise, nothing
from tests.strategies import Scene, scenes


def detailer(scene: Scene, painter, **changes) -> Detailer:
    recipe = Recipe(
        crop=scene.crop,
        detect={"drop_size": 0, "threshold": 0},
        mask={"dilation": 4},
        paint={"seed": 7, **changes},
    )
    return Detailer(finds_regions(scene.regions), painter, recipe)


def pasted(finished: Finished) -> np.ndarray:
    """Where anything was pasted, as strongly as the strongest paste."""
    size = finished.plans[0].size
    alpha = np.zeros(size.shape, np.float32)
    for patch in finished.painted:
        alpha = np.maximum(alpha, patch.paste_mask.within(size.box))
    return alpha


@given(scenes(wild=True))
def test_beyond_the_paste_masks_not_a_bit_changes(scene: Scene) -> None:
    finished = detailer(scene, noise)(scene.picture)
    outside = pasted(finished) == 0
    assert finished.pixels.dtype == scene.picture.dtype
    assert finished.pixels.shape == scene.picture.shape
    assert finished.pixels[outside].tobytes() == scene.picture[outside].tobytes()


@given(scenes(), st.integers(1, 4))
def test_a_batch_gives_what_one_by_one_gives(scene: Scene, batch_size: int) -> None:
    together = detailer(scene, noise, batch_size=batch_size)(scene.picture)
    canvas = Canvas(scene.picture)
    one = detailer(scene, noise)
    for patch in together.plans[0].patches:
        list(one.carry_out(Plan(canvas.size, (patch,)), canvas))
    assert together.pixels.tobytes() == canvas.pixels.tobytes()


@given(scenes())
def test_the_order_of_answers_does_not_matter(scene: Scene) -> None:
    forward = detailer(scene, inverted)(scene.picture)
    assert detailer(scene, backwards)(scene.picture).pixels.tobytes() == forward.pixels.tobytes()


@given(scenes())
def test_nothing_painted_at_the_pictures_own_size_gives_the_very_picture(scene: Scene) -> None:
    alike = replace(scene, crop=Crop(crop_factor=1.5, guide_size=64, multiple=1, max_size=64))
    regions = alike.regions.map(lambda region: replace(region, landmarks=()))
    plan = make_plan(regions, Recipe(crop=alike.crop))
    level = tuple(patch for patch in plan.patches if patch.window.scale == 1)
    canvas = Canvas(scene.picture)
    list(detailer(alike, nothing).carry_out(replace(plan, patches=level), canvas))
    if scene.picture.dtype == np.float32:
        assert np.allclose(canvas.pixels, scene.picture, atol=1e-6)
    else:
        assert canvas.pixels.tobytes() == scene.picture.tobytes()


def test_a_large_region_at_scale_one_comes_back_as_it_was() -> None:
    picture = np.random.default_rng(0).integers(0, 256, (128, 128, 3), np.uint8)
    recipe = Recipe(crop={"crop_factor": 1, "guide_size": 64, "max_size": 96})
    finished = Detailer(finds(Box(16, 16, 112, 112)), nothing, recipe)(picture)
    assert finished.painted[0].window.scale == 1
    assert np.array_equal(finished.pixels, picture)


def test_the_round_trip_of_an_enlarged_face_costs_little() -> None:
    y, x = np.mgrid[:256, :256]
    picture = np.uint8(128 + 80 * np.sin(x / 9) * np.cos(y / 7))[..., None].repeat(3, axis=2)
    finished = Detailer(finds(Box(100, 100, 140, 150)), nothing)(picture)
    assert np.abs(finished.pixels.astype(int) - picture).max() <= 2


def test_faces_apart_are_painted_in_one_wave_and_overlapping_ones_after_each_other() -> None:
    apart, meeting = Box(10, 10, 40, 40), Box(30, 30, 60, 60)
    recipe = Recipe(crop=Crop(crop_factor=1.2, guide_size=64))
    plan = Detailer(finds(apart, Box(200, 200, 240, 240), meeting), nothing, recipe).plan(
        np.zeros((256, 256, 3), np.uint8)
    )
    assert [[patch.index for patch in wave] for wave in plan.waves()] == [[0, 1], [2]]


def test_a_later_wave_sees_what_an_earlier_one_pasted() -> None:
    painter = Recording(inverted)
    recipe = Recipe(crop=Crop(crop_factor=1.5, guide_size=64))
    Detailer(finds(Box(40, 40, 80, 80), Box(50, 50, 90, 90)), painter, recipe)(
        np.zeros((128, 128, 3), np.uint8)
    )
    assert painter.batches == [[0], [1]]
    assert painter.seen[0].max() == 0
    assert painter.seen[1].max() > 0.9


def test_a_wave_is_handed_over_in_chunks_of_the_batch_size() -> None:
    painter = Recording(nothing)
    boxes = [Box(x, 10, x + 20, 40) for x in range(100, 1000, 200)]
    recipe = Recipe(paint={"batch_size": 2})
    Detailer(finds(*boxes), painter, recipe)(np.zeros((64, 1100, 3), np.uint8))
    assert painter.batches == [[0, 1], [2, 3], [4]]


@given(scenes())
def test_one_more_region_changes_nobody_elses_seed(scene: Scene) -> None:
    plan = detailer(scene, nothing).plan(scene.picture)
    fewer = replace(scene, regions=scene.regions[1:])
    seeds = {patch.index: patch.paint.seed for patch in plan.patches}
    for patch in detailer(fewer, nothing).plan(scene.picture).patches:
        assert patch.paint.seed == seeds[patch.index + 1]


@given(scenes(), st.integers(0, 2**64 - 1))
def test_by_name_seeds_count_as_the_nodes_do(scene: Scene, seed: int) -> None:
    plan = detailer(scene, nothing, seed=seed, seed_mode="increment").plan(scene.picture)
    for patch in plan.patches:
        assert patch.paint.seed == (seed + patch.index) % 2**64


def test_steps_tell_what_happens_and_end_with_the_picture() -> None:
    def painter(cutouts, /):
        yield Progress(0, 1, "warming up")
        yield from inverted(cutouts)

    picture = np.zeros((64, 64, 3), np.uint8)
    recipe = Recipe(crop={"force_inpaint": False, "guide_size": 64}, detect={"drop_size": 0})
    run = Detailer(finds(Box(8, 8, 40, 40), Box(0, 0, 64, 64)), painter, recipe)
    kinds = [type(step) for step in run.steps(picture)]
    assert kinds == [Planned, Skipped, Progress, Painted, Finished]


def test_an_empty_mask_is_skipped_with_the_reason() -> None:
    picture = np.zeros((64, 64, 3), np.uint8)
    recipe = Recipe(mask=Mask(dilation=-40))
    finished = Detailer(finds(Box(20, 20, 40, 40)), nothing, recipe)(picture)
    assert [skip.reason for skip in finished.plans[0].skipped] == ["empty mask"]
    assert not finished.painted


def test_a_failed_region_leaves_the_original_and_the_others_are_done() -> None:
    def painter(cutouts, /):
        for cutout in cutouts:
            if cutout.patch.index == 0:
                yield Failed(cutout.patch, "black")
            elif cutout.patch.index == 1:
                yield Painted(cutout.patch, np.full_like(cutout.pixels, np.nan))
            elif cutout.patch.index == 2:
                yield Painted(cutout.patch, 1 - cutout.pixels)

    boxes = [Box(x, 20, x + 20, 40) for x in (20, 120, 220, 320)]
    finished = Detailer(finds(*boxes), painter)(np.zeros((64, 400, 3), np.uint8))
    assert [fail.patch.index for fail in finished.failed] == [0, 1, 3]
    assert "finite" in finished.failed[1].reason
    assert "no answer" in finished.failed[2].reason
    changed = np.flatnonzero(finished.pixels.any(axis=(0, 2)))
    assert 200 < changed.min() <= changed.max() < 260


def test_a_painter_that_answers_twice_is_an_error() -> None:
    def painter(cutouts, /):
        yield from inverted(cutouts)
        yield from inverted(cutouts)

    with pytest.raises(EngineError, match="region 0 twice"):
        Detailer(finds(Box(8, 8, 40, 40)), painter)(np.zeros((64, 64, 3), np.uint8))


def test_further_passes_work_on_what_the_one_before_left() -> None:
    face = Detailer(finds(Box(8, 8, 40, 40)), inverted)
    seen = []

    def look(picture, /):
        seen.append(int(picture.max()))
        return finds(Box(16, 16, 30, 30), label="eye")(picture)

    both = replace(face, then=(Detailer(look, inverted),))
    finished = both(np.zeros((64, 64, 3), np.uint8))
    assert seen == [255]
    assert len(finished.plans) == 2
    assert finished.pixels[20, 20].max() == 0


def test_passes_of_passes_are_run_in_order() -> None:
    order = []

    def looks(name: str) -> Detailer:
        return Detailer(lambda picture, /: order.append(name) or finds()(picture), nothing)

    nested = replace(looks("b"), then=(looks("c"),))
    replace(looks("a"), then=(nested, looks("d")))(np.zeros((8, 8, 3), np.uint8))
    assert order == ["a", "b", "c", "d"]


@pytest.mark.parametrize(
    ("plan", "words"),
    [
        (Plan(size=Canvas(np.zeros((5, 5), np.uint8)).size), "a picture of 5×5, not of 64×64"),
        (Plan(size=Canvas(np.zeros((64, 64), np.uint8)).size, picture="abc"), "other pixels"),
    ],
)
def test_a_plan_for_another_picture_is_refused(plan: Plan, words: str) -> None:
    with pytest.raises(InputError, match=words):
        list(Detailer(finds(), nothing).steps(np.zeros((64, 64, 3), np.uint8), plan))


@given(scenes())
def test_single_regions_can_be_done_again(scene: Scene) -> None:
    run = detailer(scene, noise)
    plan = run.plan(scene.picture)
    chosen = {patch.index for patch in plan.patches[:1]}
    only = plan.only(chosen)
    assert {patch.index for patch in only.patches} == chosen
    assert len(only.patches) + len(only.skipped) == len(plan.patches) + len(plan.skipped)


PICTURE = np.zeros((64, 64, 3), np.uint8)
FACE = Box(16, 16, 40, 40)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Detailer("face", nothing), "detector='face' cannot be called"),
        (lambda: Detailer(finds(), nothing, {"crop": {}}), "is no Recipe"),
        (lambda: Detailer(finds(), nothing)("photo.png"), "read the picture"),
        (lambda: Detailer(lambda picture: [FACE], nothing)(PICTURE), "gave list"),
        (lambda: Detailer(lambda picture: finds(FACE)(picture[:32]), nothing)(PICTURE), "64×32"),
        (lambda: Detailer(finds(FACE), lambda cutouts: cutouts)(PICTURE), "gave Cutout"),
        (lambda: Detailer(finds(FACE), nothing)(np.full((64, 64, 3), 90, np.float32)), "around 90"),
    ],
)
def test_a_common_mistake_is_named(make, words: str) -> None:
    with pytest.raises(DetailerError, match=words):
        make()


@pytest.mark.parametrize(
    ("paint", "words"),
    [
        (lambda cutout: None, "gave NoneType"),
        (lambda cutout: cutout.pixels + 200, "values up to 200"),
    ],
)
def test_a_painter_that_gives_no_pixels_has_failed_and_the_original_stays(paint, words) -> None:
    finished = Detailer(finds(FACE), each(paint))(PICTURE)
    assert words in finished.failed[0].reason
    assert not finished.pixels.any()


def test_painted_doubles_are_taken() -> None:
    finished = Detailer(finds(FACE), each(lambda cutout: 1 - cutout.pixels.astype(float)))(PICTURE)
    assert finished.pixels[20, 20].tolist() == [255, 255, 255]


def test_a_plan_is_bound_to_its_pixels() -> None:
    run = Detailer(finds(FACE), nothing)
    with pytest.raises(InputError, match="other pixels"):
        list(run.steps(PICTURE + 1, run.plan(PICTURE)))


def test_a_mask_that_lies_outside_its_window_is_skipped() -> None:
    far = Region(FACE, Matte.filled(Box(60, 60, 64, 64)))
    recipe = Recipe(crop={"crop_factor": 1}, mask={"dilation": 0})
    regions = Regions(Size(64, 64), (far,))
    finished = Detailer(finds_regions(regions), inverted, recipe)(PICTURE)
    assert [skip.reason for skip in finished.plans[0].skipped] == ["empty mask in its window"]
    assert not finished.pixels.any()


def boxes_in_a_row(*widths: int) -> Regions:
    items = [Region.from_box(Box(40 * i, 8, 40 * i + w, 8 + w)) for i, w in enumerate(widths)]
    return Regions(Size(64 * len(widths), 64), tuple(items))


def test_what_the_prompt_leaves_out_is_skipped_with_the_reason() -> None:
    recipe = Recipe(paint={"prompt": "[DSC]a[SEP][SKIP][SEP]b[SEP][STOP]"})
    plan = make_plan(boxes_in_a_row(20, 20, 20, 20, 20), recipe)
    told = [(patch.index, patch.region.box.left, patch.paint.prompt) for patch in plan.patches]
    assert told == [(0, 160, "a"), (2, 80, "b")]
    assert [(skip.index, skip.reason) for skip in plan.skipped] == [
        (1, "its prompt is [SKIP]"),
        (3, "the prompts end at [STOP]"),
        (4, "the prompts end at [STOP]"),
    ]


def test_a_region_that_is_skipped_for_its_size_has_taken_its_prompt() -> None:
    recipe = Recipe(
        crop={"force_inpaint": False, "guide_size": 64, "crop_factor": 1},
        paint={"prompt": "[ASC]a[SEP]b[SEP]c"},
    )
    plan = make_plan(boxes_in_a_row(20, 64, 20), recipe)
    assert [skip.index for skip in plan.skipped] == [1]
    assert [patch.paint.prompt for patch in plan.patches] == ["a", "c"]


def test_a_prompt_that_means_nothing_is_an_error_before_anything_is_painted() -> None:
    painter = Recording(nothing)
    with pytest.raises(InputError, match="did you mean ASC"):
        Detailer(finds(FACE), painter, Recipe(paint={"prompt": "[ASCX]a"}))(PICTURE)
    assert not painter.batches


def half_sharp() -> np.ndarray:
    """Random blocks: sharp on the left, three times as soft as a photograph on the right."""
    blocks = np.random.default_rng(0).integers(0, 256, (10, 20, 1), np.uint8)
    picture = cv2.resize(blocks, (320, 160), interpolation=cv2.INTER_NEAREST)
    picture[:, 160:] = cv2.GaussianBlur(picture, (0, 0), 2.5)[:, 160:]
    return picture[..., None].repeat(3, axis=2)


LEFT, RIGHT = Box(20, 20, 120, 140), Box(190, 20, 290, 140)


def test_what_is_sharp_is_skipped_while_planning_and_no_pixel_changes() -> None:
    picture = half_sharp()
    recipe = Recipe(crop={"skip_sharp": 0.66})
    finished = Detailer(finds(LEFT, RIGHT), inverted, recipe)(picture)
    (skip,) = finished.skipped
    assert skip.index == 0
    assert re.fullmatch(r"sharp already: [01]\.\d\d; skip_sharp=0\.66", skip.reason)
    assert skip.notes["sharpness"] > 0.66
    assert finished.painted[0].focus.sharpness < 0.66
    assert np.array_equal(finished.pixels[:, :160], picture[:, :160])
    assert not np.array_equal(finished.pixels[:, 190:290], picture[:, 190:290])


def test_a_region_that_is_left_out_for_more_than_its_sharpness_says_that() -> None:
    empty = Region.from_box(LEFT).with_mask(Matte.filled(Box(20, 20, 20, 20)))
    recipe = Recipe(crop={"skip_sharp": 0.66})
    plan = Detailer(finds_regions(Regions(Size(320, 160), (empty,))), nothing, recipe).plan(
        half_sharp()
    )
    assert [skip.reason for skip in plan.skipped] == ["empty mask"]


def test_out_of_focus_is_what_is_soft_beside_something_sharp_of_its_label() -> None:
    recipe = Recipe(crop={"skip_defocused": True})
    for boxes, reasons in [((LEFT, RIGHT), {1}), ((RIGHT,), set())]:
        plan = Detailer(finds(*boxes), nothing, recipe).plan(half_sharp())
        assert {skip.index for skip in plan.skipped} == reasons
        assert all(skip.reason.startswith("out of focus: edges ") for skip in plan.skipped)
    hand = replace(Region.from_box(LEFT), label="hand")
    face = replace(Region.from_box(RIGHT), label="face")
    mixed = Regions(Size(320, 160), (hand, face))
    assert not Detailer(finds_regions(mixed), nothing, recipe).plan(half_sharp()).skipped


def test_nothing_is_measured_where_nothing_may_be_skipped(monkeypatch) -> None:
    monkeypatch.setattr("detailer.core.focus.focus_of", None)
    assert len(Detailer(finds(LEFT), nothing).plan(half_sharp()).patches) == 1


def test_a_region_of_odd_pixels_is_never_called_sharp() -> None:
    picture = half_sharp().astype(np.float32) / 255
    picture[60, 60] = np.nan
    canvas = Canvas(picture, bounded=False)
    plan = Detailer(finds(LEFT), nothing, Recipe(crop={"skip_sharp": 0.66})).plan(canvas)
    assert len(plan.patches) == 1


def test_a_painter_may_leave_a_region_as_it_is() -> None:
    def leaves(cutouts, /):
        for cutout in cutouts:
            yield Skipped.of(cutout.patch, "fine as it is")

    picture = half_sharp()
    steps = list(Detailer(finds(LEFT, RIGHT), leaves).steps(picture))
    skipped = [step for step in steps if isinstance(step, Skipped)]
    assert [(skip.index, skip.reason) for skip in skipped] == [
        (0, "fine as it is"),
        (1, "fine as it is"),
    ]
    assert np.array_equal(steps[-1].pixels, picture)


def test_once_means_that_what_an_earlier_patch_paints_is_not_painted_again() -> None:
    picture = np.full((128, 160, 3), 100, np.uint8)
    lighter = each(lambda cutout: cutout.pixels + 20 / 255)
    boxes = finds(Box(30, 30, 80, 80), Box(60, 30, 110, 80), Box(40, 40, 70, 70))
    for overlap, most in [("repaint", 160), ("once", 120)]:
        recipe = Recipe(blend={"overlap": overlap}, crop={"sizes": "source"})
        finished = Detailer(boxes, lighter, recipe)(picture)
        assert finished.pixels.max() == most
        assert (finished.pixels[35:75, 35:105] >= 120).all()
    assert [skip.reason for skip in finished.skipped] == ["painted with the regions before it"]


def test_a_region_done_alone_is_whole_although_its_neighbor_comes_first() -> None:
    picture = np.full((128, 160, 3), 100, np.uint8)
    lighter = each(lambda cutout: cutout.pixels + 20 / 255)
    recipe = Recipe(blend={"overlap": "once"}, crop={"sizes": "source"})
    one = Detailer(finds(Box(30, 30, 80, 80), Box(60, 30, 110, 80)), lighter, recipe)
    finished = list(one.steps(picture, one.plan(picture).only({1})))[-1]
    assert (finished.pixels[35:75, 65:105] == 120).all()


def test_what_is_only_faintly_left_of_a_region_is_not_painted() -> None:
    picture = np.full((128, 160, 3), 100, np.uint8)
    recipe = Recipe(blend={"overlap": "once"}, crop={"sizes": "source"})
    recording = Recording(nothing)
    boxes = finds(Box(30, 30, 80, 80), Box(36, 36, 74, 74))
    finished = Detailer(boxes, recording, recipe)(picture)
    assert recording.batches == [[0]]
    assert [skip.index for skip in finished.skipped] == [1]


def test_source_paints_at_the_pictures_own_size_and_skips_what_is_larger_than_max_size() -> None:
    picture = half_sharp()
    recipe = Recipe(crop={"sizes": "source", "max_size": 300, "crop_factor": 2})
    plan = Detailer(finds(Box(40, 40, 80, 90), Box(10, 10, 300, 150)), nothing, recipe).plan(
        picture
    )
    assert [patch.window.scale for patch in plan.patches] == [1]
    assert [skip.reason for skip in plan.skipped] == [
        "too large: a window of 320×160, max_size=300"
    ]


def test_what_a_detector_left_out_is_skipped_after_all_others_and_changes_no_seed() -> None:
    boxes = [Box(10, 10, 40, 40), Box(50, 10, 90, 40)]
    regions = Regions(Size(100, 60), tuple(Region.from_box(box) for box in boxes))
    out = LeftOut(Region.from_box(Box(0, 50, 2, 52)), "too small")
    recipe = Recipe(paint={"seed_mode": "increment"})
    alone, beside = (
        make_plan(each, recipe) for each in (regions, replace(regions, left_out=(out,)))
    )
    assert alone.patches == beside.patches
    assert [(skip.index, skip.region, skip.reason) for skip in beside.skipped] == [
        (2, out.region, "too small")
    ]


class Unseen(Canvas):
    """A canvas that is not to be looked at."""

    def picture(self) -> Picture:
        raise AssertionError("nobody looks")


class Sized:
    needs_pixels = False

    def __call__(self, picture: Picture) -> Regions:
        return finds(Box(8, 8, 24, 24))(picture)


@pytest.mark.parametrize(
    "detector",
    [
        given_boxes([Box(8, 8, 24, 24)]),
        given_mask(np.pad(np.ones((16, 16), np.float32), ((8, 40), (8, 24)))),
        Chosen(given_boxes([Box(8, 8, 24, 24)])),
        merged([Sized(), Sized()]),
        either(Sized(), given_boxes([Box(0, 0, 9, 9)])),
        Sized(),
        lambda _: finds(Box(8, 8, 24, 24))(np.empty((64, 48, 3))),
    ],
    ids=["boxes", "mask", "chosen", "merged", "either", "attribute", "parameter"],
)
def test_a_detector_that_needs_no_pixels_causes_no_look(detector) -> None:
    canvas = Unseen(np.zeros((64, 48, 3), np.float32))
    (region,) = Detailer(detector, nothing).find(canvas)
    assert region.box == Box(8, 8, 24, 24)
    assert Detailer(detector, nothing)(canvas).pixels.shape == (64, 48, 3)


@pytest.mark.parametrize("detector", [finds(), Chosen(finds()), merged([Sized(), finds()])])
def test_any_other_detector_sees_the_picture(detector) -> None:
    with pytest.raises(AssertionError, match="nobody looks"):
        Detailer(detector, nothing).find(Unseen(np.zeros((64, 48, 3), np.float32)))
