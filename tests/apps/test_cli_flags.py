"""Flags: every setting as an option, derived from its model."""

import pytest
from hypothesis import given as examples
from hypothesis import strategies as st

from detailer.apps.cli.flags import flags_of, given, overridden, span, stage_flags, stages, written
from detailer.apps.cli.options import diffusion_flags
from detailer.apps.cli.parser import Parser
from detailer.apps.files import Limits, Write
from detailer.core.paint import Control
from detailer.engines.painters.diffusion.options import Options
from detailer.errors import InputError
from detailer.recipe import Recipe


def parsed(*words):
    parser = Parser("try", "", "")
    for flag in [*stage_flags(), *flags_of(Write, "write"), *diffusion_flags()]:
        flag.add_to(parser)
    return parser.parsed(words)


def changed(*words, recipe=None):
    return overridden(recipe or Recipe(), parsed(*words))


def test_every_setting_of_every_stage_has_a_flag():
    expected = {(stage, name) for stage, kind in stages().items() for name in kind.model_fields}
    assert {(flag.place, flag.setting) for flag in stage_flags()} == expected
    assert set(stages()) == {"detect", "refine", "mask", "crop", "paint", "blend"}


def test_no_two_settings_share_a_flag():
    options = [flag.option for flag in stage_flags()]
    options += [flag.option for kind in (Write, Limits) for flag in flags_of(kind, "files")]
    options += [flag.option for flag in diffusion_flags()]
    options += ["--recipe", "--mask", "--fit-mask", "--style", "--upscale", "--upscaler", "--plan"]
    options += ["--only", "--output", "--preview", "--skip-empty", "--frames", "--quiet", "--json"]
    options += ["--dry-run"]
    assert len(set(options)) == len(options)


def test_a_flag_is_named_as_its_setting():
    named = {flag.option for flag in stage_flags()}
    assert {"--crop-factor", "--guide-size", "--seed", "--feather", "--detector"} <= named


def test_a_name_that_two_stages_have_carries_the_stage():
    shared = {flag.option for flag in stage_flags() if flag.setting == "compatible"}
    assert shared == {"--refine-compatible", "--mask-compatible", "--crop-compatible"}


def test_every_flag_says_what_it_does_and_what_it_is_otherwise():
    for flag in stage_flags():
        assert flag.schema["description"]
        assert "default" in flag.schema


@pytest.mark.parametrize(
    ("words", "stage", "setting", "value"),
    [
        (["--crop-factor", "2.5"], "crop", "crop_factor", 2.5),
        (["--max-size=768"], "crop", "max_size", 768),
        (["--dilation", "-4"], "mask", "dilation", -4),
        (["--upright"], "crop", "upright", True),
        (["--no-noise-mask"], "paint", "noise_mask", False),
        (["--seed", "18446744073709551615"], "paint", "seed", 2**64 - 1),
        (["--labels", "face, hand"], "detect", "labels", ("face", "hand")),
        (["--order", "left-right"], "detect", "order", "left-right"),
        (["--prompt", "a face, smiling"], "paint", "prompt", "a face, smiling"),
        (["--crop-compatible"], "crop", "compatible", True),
        (["--sigmas", "14.6, 3,0"], "paint", "sigmas", (14.6, 3.0, 0.0)),
        (["--control", "net,strength=2"], "paint", "controls", (Control(model="net", strength=2),)),
    ],
)
def test_a_flag_changes_its_setting_and_no_other(words, stage, setting, value):
    recipe = changed(*words)
    assert getattr(getattr(recipe, stage), setting) == value
    settings = getattr(Recipe(), stage).but(**{setting: value})
    assert recipe == Recipe().but(**{stage: settings})


def test_flags_that_are_not_given_change_nothing():
    recipe = Recipe(crop={"crop_factor": 7}, then=(Recipe(paint={"cfg": 3}),))
    assert changed(recipe=recipe) == recipe


def test_paint_flags_count_in_every_pass_and_others_in_the_first():
    recipe = Recipe(then=(Recipe(then=(Recipe(),)),))
    first, *later = changed("--denoise", "0.3", "--crop-factor", "2", recipe=recipe).passes()
    assert [one.paint.denoise for one in (first, *later)] == [0.3] * 3
    assert [one.crop.crop_factor for one in (first, *later)] == [2, 3, 3]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--crop-factor", "0.5"], "crop_factor=0.5 is out of range: it must be at least 1"),
        (["--crop-factor", "nan"], "crop_factor=nan"),
        (["--denoise", "0"], "denoise=0.0 is out of range: it must be above 0"),
        (["--seed", "18446744073709551616"], "seed=18446744073709551616 is out of range"),
        (["--min-ratio", "0.5", "--max-ratio", "0.2"], "min_ratio=0.5 is above max_ratio=0.2"),
    ],
)
def test_a_value_out_of_range_is_named_with_the_remedy(words, said):
    with pytest.raises(InputError, match=said.replace("(", r"\(")):
        changed(*words)


def test_a_setting_that_may_be_left_out_is_left_out():
    assert given(parsed(), "write") == {}
    assert given(parsed("--quality", "80", "--overwrite"), "write") == {
        "quality": 80,
        "overwrite": True,
    }


@examples(st.sampled_from(stage_flags()))
def test_every_default_lies_in_the_range_that_is_shown(flag):
    default = flag.schema["default"]
    shown = span(flag.schema)
    if shown and not shown.startswith("from") and default != "auto":
        low, high = shown.removeprefix("above ").split(" to ")
        assert float(low) <= default <= float(high)


@pytest.mark.parametrize(
    ("schema", "shown"),
    [
        ({"minimum": 1, "maximum": 100}, "1 to 100"),
        ({"exclusiveMinimum": 0, "maximum": 1}, "above 0 to 1"),
        ({"minimum": 0, "exclusiveMaximum": 2**64}, "0 to 18446744073709551615"),
        ({"minimum": 1}, "from 1"),
        ({}, ""),
    ],
)
def test_ranges_are_shown_in_words(schema, shown):
    assert span(schema) == shown


@pytest.mark.parametrize(
    ("value", "shown"),
    [(None, "none"), ("", "none"), ([], "none"), (True, "on"), (3.0, "3"), (["a", "b"], "a,b")],
)
def test_values_are_shown_as_one_writes_them(value, shown):
    assert written(value) == shown


def test_options_of_diffusion_models_are_flags():
    words = ["--device", "cpu", "--dtype", "bf16", "--loras", "a,b", "--compile"]
    options = Options(**given(parsed(*words), "diffusion"))
    assert options == Options(device="cpu", dtype="bf16", loras=("a", "b"), compile=True)
    assert options.model_fields_set == {"device", "dtype", "loras", "compile"}


def test_lengths_are_told_in_px():
    units = {flag.setting: flag.unit for flag in stage_flags()}
    assert units["guide_size"] == "px"
    assert units["crop_factor"] == ""


def test_a_number_may_be_left_to_auto():
    assert changed("--tile", "640").detect.tile == 640
    assert changed("--tile", "AUTO").detect.tile == "auto"
    with pytest.raises(InputError, match=r"--tile.*'wide' is neither a whole number nor auto"):
        changed("--tile", "wide")
