"""ADetailer's arguments: each is mapped or named, whatever form they come in."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detailer.apps.files import read
from detailer.apps.files.infotext import infotext_of
from detailer.errors import InputError
from detailer.recipe import Recipe
from detailer.recipes.adetailer import Converted, converted
from detailer.recipes.adetailer.tab import OLDER, OTHER_CHOICES, Choices, Tab, written
from detailer.recipes.infotext import parsed
from tests.engines.places import data_file

FACE = {"ad_model": "face_yolov8n.pt"}
PAYLOAD: dict[str, Any] = {
    "prompt": "a cat",
    "negative_prompt": "a dog",
    "steps": 20,
    "cfg_scale": 6.5,
    "sampler_name": "Euler a",
    "scheduler": "Karras",
    "width": 640,
    "height": 960,
    "seed": 77,
    "override_settings": {
        "sd_model_checkpoint": "dream.safetensors [abcdef12]",
        "CLIP_stop_at_last_layers": 2,
    },
}

MAPPED: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "ad_model": ({"ad_model": "hand.onnx"}, {"detect.detector": "yolo:hand.onnx"}),
    "ad_model_classes": (
        {"ad_model": "yolov8x-worldv2.pt", "ad_model_classes": "cat, red dog,"},
        {"detect.labels": ("cat", "red dog")},
    ),
    "ad_prompt": ({"ad_prompt": "x [SEP] [PROMPT], y"}, {"paint.prompt": "x [SEP] [PROMPT], y"}),
    "ad_negative_prompt": ({"ad_negative_prompt": "z"}, {"paint.negative": "z"}),
    "ad_confidence": ({"ad_confidence": 0.65}, {"detect.threshold": 0.65}),
    "ad_mask_filter_method": (
        {"ad_mask_k": 2, "ad_mask_filter_method": "Confidence"},
        {"detect.top_k_by": "score", "detect.order": "sure-unsure"},
    ),
    "ad_mask_k": (
        {"ad_mask_k": 3},
        {"detect.top_k": 3, "detect.top_k_by": "area", "detect.order": "large-small"},
    ),
    "ad_mask_min_ratio": ({"ad_mask_min_ratio": 0.1}, {"detect.min_ratio": 0.1}),
    "ad_mask_max_ratio": ({"ad_mask_max_ratio": 0.9}, {"detect.max_ratio": 0.9}),
    "ad_x_offset": ({"ad_x_offset": 7}, {"mask.offset_x": 7, "mask.wrap": True}),
    "ad_y_offset": ({"ad_y_offset": -9}, {"mask.offset_y": -9, "mask.wrap": True}),
    "ad_dilate_erode": ({"ad_dilate_erode": -12}, {"mask.dilation": -12, "mask.compatible": True}),
    "ad_mask_merge_invert": (
        {"ad_mask_merge_invert": "Merge and Invert"},
        {"mask.merge": "merge_and_invert"},
    ),
    "ad_mask_blur": (
        {"ad_mask_blur": 10},
        {"blend.feather": 25, "blend.feather_sigma": 10.0, "crop.padding": 57},
    ),
    "ad_denoising_strength": (
        {"ad_denoising_strength": 0.75},
        {"paint.steps": 16, "paint.denoise": 0.8},
    ),
    "ad_inpaint_only_masked": ({"ad_inpaint_only_masked": False}, {"crop.context": "picture"}),
    "ad_inpaint_only_masked_padding": (
        {"ad_inpaint_only_masked_padding": 64, "ad_mask_blur": 0},
        {"crop.context": "padding", "crop.padding": 64, "blend.feather": 0},
    ),
    "ad_use_inpaint_width_height": (
        {"ad_use_inpaint_width_height": True},
        {"crop.painted_width": 512, "crop.painted_height": 512},
    ),
    "ad_inpaint_width": (
        {"ad_use_inpaint_width_height": True, "ad_inpaint_width": 768},
        {"crop.painted_width": 768, "crop.painted_height": 512},
    ),
    "ad_inpaint_height": (
        {"ad_use_inpaint_width_height": True, "ad_inpaint_height": 1024},
        {"crop.painted_width": 512, "crop.painted_height": 1024},
    ),
    "ad_use_steps": ({"ad_use_steps": True}, {"paint.steps": 12, "paint.denoise": 0.42}),
    "ad_steps": (
        {"ad_use_steps": True, "ad_steps": 40, "ad_denoising_strength": 0.5},
        {"paint.steps": 21, "paint.denoise": 0.52},
    ),
    "ad_use_cfg_scale": ({"ad_use_cfg_scale": True}, {"paint.cfg": 7.0}),
    "ad_cfg_scale": ({"ad_use_cfg_scale": True, "ad_cfg_scale": 4.5}, {"paint.cfg": 4.5}),
    "ad_use_checkpoint": (
        {"ad_use_checkpoint": True, "ad_checkpoint": "SDXL\\other.ckpt [12345678ab]"},
        {"paint.painter": "diffusion:SDXL/other.ckpt"},
    ),
    "ad_checkpoint": (
        {"ad_use_checkpoint": True, "ad_checkpoint": "other"},
        {"paint.painter": "diffusion:other.safetensors"},
    ),
    "ad_use_sampler": (
        {"ad_use_sampler": True},
        {"paint.sampler_name": "dpmpp_2m", "paint.scheduler": "karras"},
    ),
    "ad_sampler": (
        {"ad_use_sampler": True, "ad_sampler": "DPM++ 2M SDE", "ad_scheduler": "Automatic"},
        {"paint.sampler_name": "dpmpp_2m_sde", "paint.scheduler": "exponential"},
    ),
    "ad_scheduler": (
        {"ad_use_sampler": True, "ad_sampler": "Heun", "ad_scheduler": "SGM Uniform"},
        {"paint.sampler_name": "heun", "paint.scheduler": "sgm_uniform"},
    ),
    "ad_use_clip_skip": ({"ad_use_clip_skip": True}, {"paint.clip_skip": 0}),
    "ad_clip_skip": ({"ad_use_clip_skip": True, "ad_clip_skip": 3}, {"paint.clip_skip": 3}),
    "ad_controlnet_model": (
        {"ad_controlnet_model": "control_v11f1e_sd15_tile [a371b31b]"},
        {"paint.controls.0.model": "control_v11f1e_sd15_tile", "paint.controls.0.preprocessor": ""},
    ),
    "ad_controlnet_module": (
        {"ad_controlnet_model": "canny", "ad_controlnet_module": "canny"},
        {"paint.controls.0.preprocessor": "canny"},
    ),
    "ad_controlnet_weight": (
        {"ad_controlnet_model": "canny", "ad_controlnet_weight": 0.6},
        {"paint.controls.0.strength": 0.6},
    ),
    "ad_controlnet_guidance_start": (
        {"ad_controlnet_model": "canny", "ad_controlnet_guidance_start": 0.2},
        {"paint.controls.0.start": 0.2},
    ),
    "ad_controlnet_guidance_end": (
        {"ad_controlnet_model": "canny", "ad_controlnet_guidance_end": 0.8},
        {"paint.controls.0.end": 0.8},
    ),
}
NAMED: dict[str, tuple[dict[str, Any], str]] = {
    "ad_use_vae": ({"ad_use_vae": True, "ad_vae": "vae.pt"}, "ad_vae: give it to every run"),
    "ad_vae": ({"ad_use_vae": True, "ad_vae": "my.vae.pt"}, "--vae my.vae.pt"),
    "ad_use_noise_multiplier": (
        {"ad_use_noise_multiplier": True, "ad_noise_multiplier": 1.2},
        "ad_noise_multiplier: 1.2 has no counterpart",
    ),
    "ad_noise_multiplier": (
        {"ad_use_noise_multiplier": True, "ad_noise_multiplier": 0.5},
        "ad_noise_multiplier: 0.5 has no counterpart",
    ),
    "ad_restore_face": ({"ad_restore_face": True}, "ad_restore_face: GFPGAN and CodeFormer"),
}
ELSEWHERE = ("ad_tab_enable", "is_api")
"""Those of which there are tests of their own."""


def made(tab: dict[str, Any], **payload: Any) -> Converted:
    scripts = {"ADetailer": {"args": [True, False, FACE | tab]}}
    return converted(PAYLOAD | payload | {"alwayson_scripts": scripts})


def found(recipe: Recipe, path: str) -> Any:
    value: Any = recipe
    for part in path.split("."):
        value = value[int(part)] if part.isdigit() else getattr(value, part)
    return value


def said(converted: Converted) -> str:
    return "\n".join(map(str, converted.notes))


def test_every_argument_of_adetailer_is_mapped_or_named() -> None:
    assert {*MAPPED, *NAMED, *ELSEWHERE} == set(Tab.model_fields)
    assert not MAPPED.keys() & NAMED.keys()


@pytest.mark.parametrize("name", MAPPED)
def test_an_argument_is_a_setting_of_the_recipe(name: str) -> None:
    tab, settings = MAPPED[name]
    with_it, without = made(tab), made({})
    for path, value in settings.items():
        assert found(with_it.recipe, path) == value
    assert with_it.recipe.values() != without.recipe.values()


@pytest.mark.parametrize("name", NAMED)
def test_an_argument_without_a_counterpart_is_named(name: str) -> None:
    tab, words = NAMED[name]
    assert words in said(made(tab))
    assert words not in said(made({}))


@pytest.mark.parametrize(
    ("name", "recipe"),
    [
        ("mediapipe_face_full", "mediapipe:full"),
        ("mediapipe_face_short", "mediapipe:short"),
        ("mediapipe_face_mesh", "mediapipe:mesh"),
        ("mediapipe_face_mesh_eyes_only", "mediapipe:eyes"),
        ("face_yolov8n.pt", "yolo:face_yolov8n.pt"),
        ("person_yolov8n-seg.pt", "yolo:person_yolov8n-seg.pt"),
    ],
)
def test_a_model_is_a_detector(name: str, recipe: str) -> None:
    assert made({"ad_model": name}).recipe.detect.detector == recipe


def test_of_a_pickle_it_is_told_how_it_is_imported() -> None:
    assert "detailer engines import hand.pt" in said(made({"ad_model": "hand.pt"}))
    assert "engines import" not in said(made({"ad_model": "hand.onnx"}))
    world = {"ad_model": "yolov8x-worldv2.pt", "ad_model_classes": "cat, red dog"}
    assert 'engines import yolov8x-worldv2.pt --classes "cat,red dog"' in said(made(world))


def test_classes_of_a_model_that_takes_none_are_named() -> None:
    made_of = made({"ad_model_classes": "cat"})
    assert made_of.recipe.detect.labels == ()
    assert "ad_model_classes: counts for models with -world" in said(made_of)


def test_the_defaults_of_adetailer_are_written_out() -> None:
    recipe = made({}).recipe
    assert recipe.values() == {
        "about": "From ADetailer: face_yolov8n.pt.",
        "detect": {
            "detector": "yolo:face_yolov8n.pt",
            "threshold": 0.3,
            "drop_size": 0,
            "order": "found",
        },
        "mask": {"dilation": 4, "compatible": True},
        "crop": {
            "context": "padding",
            "padding": 42,
            "painted_width": 640,
            "painted_height": 960,
        },
        "paint": {
            "painter": "diffusion:dream.safetensors",
            "main_prompt": "a cat",
            "main_negative": "a dog",
            "prompt_syntax": "adetailer",
            "denoise": 0.45,
            "steps": 9,
            "cfg": 6.5,
            "sampler_name": "euler_ancestral",
            "scheduler": "karras",
            "seed": 77,
            "seed_mode": "increment",
            "noise_mask_feather": 0,
            "mask_mode": "hard",
            "clip_skip": 2,
        },
        "blend": {"feather_mode": "gaussian", "feather": 10, "feather_sigma": 4.0},
    }


def test_a_recipe_that_was_converted_survives_its_file() -> None:
    recipe = made({"ad_controlnet_model": "tile", "ad_model_classes": "a"}).recipe
    for kind in ("toml", "json", "yaml"):
        assert Recipe.parse(recipe.text(kind), kind) == recipe


def test_what_the_picture_is_not_known_for_is_left_to_the_model_and_named() -> None:
    only = converted(FACE)
    assert (
        not {"steps", "cfg", "sampler_name", "painter", "seed"} & only.recipe.paint.as_set().keys()
    )
    assert only.recipe.paint.denoise == 0.4
    assert only.recipe.crop.guide_size_for == "crop_region"
    for name in (
        "ad_use_steps", "ad_use_cfg_scale", "ad_use_sampler", "ad_use_checkpoint", "seed",
        "ad_use_inpaint_width_height", "ad_prompt", "ad_negative_prompt",
    ):  # fmt: skip
        assert f"{name}: " in said(only)


def test_a_tab_with_everything_of_its_own_asks_nothing_of_the_picture() -> None:
    own = {
        "ad_prompt": "x", "ad_negative_prompt": "y", "ad_use_steps": True, "ad_use_sampler": True,
        "ad_use_cfg_scale": True, "ad_use_inpaint_width_height": True, "ad_use_checkpoint": True,
        "ad_checkpoint": "a.safetensors", "ad_model": "face.onnx",
    }  # fmt: skip
    notes = {note.argument for note in converted(own).notes}
    assert notes == {"seed", "ad_checkpoint"}


def test_the_main_prompt_is_taken_only_where_it_is_wanted() -> None:
    assert made({"ad_prompt": "x"}).recipe.paint.main_prompt == ""
    assert made({"ad_prompt": "x [SEP]"}).recipe.paint.main_prompt == "a cat"
    assert made({"ad_prompt": "x, [PROMPT]"}).recipe.paint.main_prompt == "a cat"


@pytest.mark.parametrize(
    ("prompt", "words"),
    [
        ("a [cat:dog:0.5]", "[from:to:when]"),
        ("a [cat|dog]", "[this|that]"),
        ("cat AND dog", "AND has no counterpart"),
        ("a {red|blue} cat", "chosen from here"),
        ("a __colour__ cat", "chosen from here"),
    ],
)
def test_ways_to_write_a_prompt_that_mean_something_else_here_are_named(
    prompt: str, words: str
) -> None:
    assert words in said(made({"ad_prompt": prompt}))
    assert words in said(made({}, prompt=prompt))
    assert words not in said(made({"ad_prompt": "a (red:1.2) [cat], BREAK [SEP] <lora:x:1>"}))


def test_tabs_become_passes_and_those_that_are_off_are_left_out() -> None:
    tabs = [
        FACE,
        FACE | {"ad_tab_enable": False},
        {"ad_model": "None"},
        {"ad_model": "hand.onnx", "ad_restore_face": True},
    ]
    result = converted([True, False, *tabs])
    detectors = [one.detect.detector for one in result.recipe.passes()]
    assert detectors == ["yolo:face_yolov8n.pt", "yolo:hand.onnx"]
    assert result.recipe.about == "From ADetailer: face_yolov8n.pt, then hand.onnx."
    assert "tab 4: ad_restore_face" in said(result)
    assert "\nseed: " in said(result)


@pytest.mark.parametrize(
    ("model", "enabled"), [("None", True), ("face_yolov8n.pt", False), ("None", False)]
)
def test_without_any_tab_there_is_nothing_to_do(model: str, enabled: bool) -> None:
    with pytest.raises(InputError, match="no tab is left"):
        converted([True, {"ad_model": model, "ad_tab_enable": enabled}])


@pytest.mark.parametrize(
    "form",
    [
        FACE,
        [FACE],
        [True, FACE],
        [True, True, FACE],
        {"args": [True, False, FACE]},
        {"ADetailer": {"args": [FACE]}},
        {"adetailer": [True, FACE]},
        {"alwayson_scripts": {"ADETAILER": {"args": [True, FACE]}}},
        FACE | {"is_api": []},
        {"ADetailer model": "face_yolov8n.pt"},
        "x\nSteps: 20, Seed: 1, ADetailer model: face_yolov8n.pt, ADetailer version: 25.3.0",
    ],
    ids=str,
)
def test_every_form_of_the_arguments_is_understood(form: Any) -> None:
    recipe = converted(form).recipe
    assert recipe.detect.detector == "yolo:face_yolov8n.pt"
    assert recipe.then == ()
    assert Recipe.from_adetailer(form) == recipe


def test_what_a_payload_leaves_out_is_the_default_of_the_api() -> None:
    result = converted({"alwayson_scripts": {"ADetailer": {"args": [FACE]}}})
    assert result.recipe.paint.steps == 21
    assert int(21 / result.recipe.paint.denoise) == 50
    assert result.recipe.paint.sampler_name == "euler"
    assert result.recipe.crop.painted_width == 512
    assert "steps 50, cfg_scale 7.0, sampler_name Euler, width 512, height 512" in said(result)


def test_what_of_a_payload_has_no_counterpart_is_named() -> None:
    result = made(
        {},
        subseed_strength=0.2,
        styles=["film"],
        tiling=True,
        seed=-1,
        override_settings={"sd_vae": "my.pt", "eta_noise_seed_delta": 31337},
    )
    for words in (
        "subseed_strength: has no counterpart",
        "styles: their texts",
        "tiling: has no",
        "override_settings.eta_noise_seed_delta",
        "VAE: give it to every run as --vae my.pt",
        "seed: is not known",
    ):
        assert words in said(result)
    assert "alwayson_scripts.Hypertile" in said(
        converted({"alwayson_scripts": {"ADetailer": {"args": [FACE]}, "Hypertile": {}}})
    )


CHOICES: dict[str, tuple[Any, dict[str, Any]]] = {
    "ad_bbox_sortby": ("Position (center to edge)", {"detect.order": "centre-edge"}),
    "ad_same_seed_for_each_tab": (True, {"paint.seed_mode": "same"}),
    "ad_dynamic_denoise_power": (3, {"paint.denoise_power": 3}),
    "ad_match_inpaint_bbox_size": ("Free", {"crop.match_box": "free"}),
}


@pytest.mark.parametrize("name", Choices.model_fields)
def test_settings_of_adetailer_are_settings_of_the_recipe_too(name: str) -> None:
    value, settings = CHOICES[name]
    in_payload = made({}, override_settings={name: value}).recipe
    in_tab = made({name: value}).recipe
    for path, expected in settings.items():
        assert found(in_payload, path) == expected
        assert found(in_tab, path) == expected


@pytest.mark.parametrize("name", OTHER_CHOICES)
def test_settings_about_the_webui_are_named(name: str) -> None:
    assert f"{name}: is about the WebUI" in said(made({name: "x"}))


def test_a_size_of_its_own_is_not_matched_to_the_box() -> None:
    tab = {"ad_use_inpaint_width_height": True, "ad_match_inpaint_bbox_size": "Free"}
    assert made(tab).recipe.crop.match_box == "off"


def test_the_setting_that_runs_as_many_steps_as_are_asked_for_is_heeded() -> None:
    recipe = made({}, override_settings={"img2img_fix_steps": True}).recipe
    assert recipe.paint.steps == 20
    assert int(20 / recipe.paint.denoise) == 50


def test_a_sampler_that_is_not_known_is_named_and_left_to_the_model() -> None:
    result = made({"ad_use_sampler": True, "ad_sampler": "Eular"})
    assert "sampler_name" not in result.recipe.paint.as_set()
    assert "'Eular'" in said(result)
    assert "Euler" in said(result)


def test_a_guidance_scale_that_a1111_divides_is_divided() -> None:
    assert made({}, sampler_name="DDIM CFG++", cfg_scale=12.5).recipe.paint.cfg == pytest.approx(1)


def test_a_wide_blur_is_cut_off_where_ours_ends_and_named() -> None:
    result = made({"ad_mask_blur": 100})
    assert result.recipe.blend.feather == 200
    assert "ad_mask_blur: is cut off at 200 px instead of 250" in said(result)


@pytest.mark.parametrize("old", OLDER)
def test_arguments_of_older_versions_are_understood(old: str) -> None:
    values = {"ad_conf": 45, "ad_inpaint_full_res": False, "ad_tap_enable": True}
    value = values.get(old, 1)
    new = 0.45 if old == "ad_conf" else value
    first, second = (made({name: one}) for name, one in ((old, value), (OLDER[old], new)))
    assert first.recipe == second.recipe


@pytest.mark.parametrize(("old", "new"), [(0, "None"), (1, "Merge"), ("2", "Merge and Invert")])
def test_a_merge_by_number_is_understood(old: object, new: str) -> None:
    first, second = (made({"ad_mask_merge_invert": one}) for one in (old, new))
    assert first.recipe == second.recipe


@pytest.mark.parametrize(
    ("form", "words"),
    [
        ({}, "nothing of ADetailer is in it"),
        ({"prompt": "x"}, "nothing of ADetailer is in it"),
        ([], "no tab is left"),
        ([True], "no tab is left"),
        (5, "these are int"),
        (None, "these are NoneType"),
        ("", "no ADetailer stands in this infotext"),
        ("a cat\nSteps: 20, Seed: 3", "no ADetailer stands in this infotext"),
        ([False, FACE], "switched off"),
        ([True, False, "face.pt"], r"args\[2\]='face.pt' is not a tab's arguments"),
        ([True, False, True, FACE], r"args\[2\]=True is not"),
        ({"args": 3}, "args=3 is not a list"),
        ({"ADetailer": {}}, "args=None is not a list"),
        ({"alwayson_scripts": {"ControlNet": {}}}, "has no ADetailer; it has: ControlNet"),
        ({"ad_confidense": 0.3}, "tab 1: unknown argument 'ad_confidense'; did you mean ad_conf"),
        (FACE | {"ad_confidence": 1.5}, "tab 1: ad_confidence=1.5 is out of range"),
        (FACE | {"ad_confidence": "much"}, "tab 1: ad_confidence='much'"),
        (FACE | {"ad_confidence": float("nan")}, "tab 1: ad_confidence=nan"),
        (FACE | {"ad_mask_merge_invert": "Both"}, "'None', 'Merge' or 'Merge and Invert'"),
        (FACE | {"ad_prompt": ["x"]}, "tab 1: ad_prompt="),
        (FACE | {"ad_dilate_erode": 9999}, "tab 1: mask: dilation=9999 is out of range"),
        (FACE | {"prompt": "x"}, "unknown argument 'prompt'"),
        ([FACE, {"ad_model": 3}], "tab 2: ad_model=3"),
        (FACE | {"ad_bbox_sortby": "size"}, "ad_bbox_sortby='size'"),
        (FACE | {"ad_mask_min_ratio": 0.9, "ad_mask_max_ratio": 0.1}, "min_ratio=0.9 is above"),
    ],
)
def test_what_is_wrong_is_named_with_the_remedy(form: Any, words: str) -> None:
    with pytest.raises(InputError, match=words):
        converted(form)


@pytest.mark.parametrize(
    ("payload", "words"),
    [
        ({"steps": "many"}, "steps='many'"),
        ({"width": 0}, "width=0 is out of range"),
        ({"seed": 2**64}, "seed="),
    ],
)
def test_what_is_wrong_in_a_payload_is_named(payload: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError, match=words):
        made({}, **payload)


def test_a_huge_value_is_not_repeated_whole() -> None:
    with pytest.raises(InputError) as caught:
        converted(FACE | {"ad_confidence": "x" * 1_000_000})
    assert len(str(caught.value)) < 1000


def test_a_huge_prompt_is_taken() -> None:
    text = "cat, " * 200_000
    assert converted(FACE | {"ad_prompt": text}).recipe.paint.prompt == text


KNOWN = ("ad_model", "ad_prompt", "ad_confidence", "ad_mask_k", "ad_conf", "steps", "seed")


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
        lambda inner: (
            st.lists(inner, max_size=4)
            | st.dictionaries(
                st.sampled_from(
                    ["alwayson_scripts", "ADetailer", "args", "override_settings", *KNOWN]
                ),
                inner,
                max_size=5,
            )
        ),
        max_leaves=12,
    )
)
def test_whatever_json_is_given_there_is_a_recipe_or_a_reason(form: Any) -> None:
    with contextlib.suppress(InputError):
        assert converted(form).recipe.detect.detector


INFOTEXT_NAMES = {
    "ADetailer model": "ad_model",
    "ADetailer model classes": "ad_model_classes",
    "ADetailer tab enable": "ad_tab_enable",
    "ADetailer prompt": "ad_prompt",
    "ADetailer negative prompt": "ad_negative_prompt",
    "ADetailer confidence": "ad_confidence",
    "ADetailer method to decide top k masks": "ad_mask_filter_method",
    "ADetailer mask only top k": "ad_mask_k",
    "ADetailer mask min ratio": "ad_mask_min_ratio",
    "ADetailer mask max ratio": "ad_mask_max_ratio",
    "ADetailer x offset": "ad_x_offset",
    "ADetailer y offset": "ad_y_offset",
    "ADetailer dilate erode": "ad_dilate_erode",
    "ADetailer mask merge invert": "ad_mask_merge_invert",
    "ADetailer mask blur": "ad_mask_blur",
    "ADetailer denoising strength": "ad_denoising_strength",
    "ADetailer inpaint only masked": "ad_inpaint_only_masked",
    "ADetailer inpaint padding": "ad_inpaint_only_masked_padding",
    "ADetailer use inpaint width height": "ad_use_inpaint_width_height",
    "ADetailer inpaint width": "ad_inpaint_width",
    "ADetailer inpaint height": "ad_inpaint_height",
    "ADetailer use separate steps": "ad_use_steps",
    "ADetailer steps": "ad_steps",
    "ADetailer use separate CFG scale": "ad_use_cfg_scale",
    "ADetailer CFG scale": "ad_cfg_scale",
    "ADetailer use separate checkpoint": "ad_use_checkpoint",
    "ADetailer checkpoint": "ad_checkpoint",
    "ADetailer use separate VAE": "ad_use_vae",
    "ADetailer VAE": "ad_vae",
    "ADetailer use separate sampler": "ad_use_sampler",
    "ADetailer sampler": "ad_sampler",
    "ADetailer scheduler": "ad_scheduler",
    "ADetailer use separate noise multiplier": "ad_use_noise_multiplier",
    "ADetailer noise multiplier": "ad_noise_multiplier",
    "ADetailer use separate CLIP skip": "ad_use_clip_skip",
    "ADetailer CLIP skip": "ad_clip_skip",
    "ADetailer restore face": "ad_restore_face",
    "ADetailer ControlNet model": "ad_controlnet_model",
    "ADetailer ControlNet module": "ad_controlnet_module",
    "ADetailer ControlNet weight": "ad_controlnet_weight",
    "ADetailer ControlNet guidance start": "ad_controlnet_guidance_start",
    "ADetailer ControlNet guidance end": "ad_controlnet_guidance_end",
}


def test_every_argument_is_found_by_its_name_in_an_infotext() -> None:
    assert {*INFOTEXT_NAMES.values(), "is_api"} == set(Tab.model_fields)
    for name, argument in INFOTEXT_NAMES.items():
        assert written(name) == (1, argument)
        assert written(f"{name} 2nd") == (2, argument)
        assert written(f"{name} 11th") == (11, argument)
    assert written("Sampler") is None
    assert written("ADetailer colour") == (1, "")


def infotext(tabs: list[dict[str, Any]]) -> str:
    """What A1111 writes for the payload and these tabs."""
    names = {argument: name for name, argument in INFOTEXT_NAMES.items()}
    pairs = {
        "Steps": 20, "Sampler": "Euler a", "Schedule type": "Karras", "CFG scale": 6.5, "Seed": 77,
        "Size": "640x960", "Model": "dream", "Clip skip": 2,
    }  # fmt: skip
    for suffix, tab in zip(("", " 2nd", " 3rd"), tabs, strict=False):
        pairs |= {names[argument] + suffix: value for argument, value in tab.items()}
    texts = [
        f"{name}: {json.dumps(str(value)) if set(str(value)) & set(',:' + chr(10)) else value}"
        for name, value in pairs.items()
    ]
    return f"a cat\nNegative prompt: a dog\n{', '.join(texts)}, ADetailer version: 25.3.0"


@pytest.mark.parametrize("name", [*MAPPED, *NAMED])
def test_an_infotext_says_what_a_payload_says(name: str) -> None:
    tab = FACE | (MAPPED.get(name) or NAMED[name])[0]
    from_text, from_payload = converted(infotext([tab])), made(tab)
    assert from_text.recipe == from_payload.recipe
    assert said(from_text) == said(from_payload)


def test_tabs_of_an_infotext_become_passes() -> None:
    second = {"ad_model": "hand.onnx", "ad_prompt": 'hands, "five": fingers\n[SEP]'}
    recipe = converted(infotext([FACE, second])).recipe
    assert recipe.then[0].detect.detector == "yolo:hand.onnx"
    assert recipe.then[0].paint.prompt == second["ad_prompt"]


def test_an_infotext_of_before_schedules_had_names_takes_the_models_own() -> None:
    text = "x\nSteps: 20, Sampler: {}, ADetailer model: a.onnx"
    assert converted(text.format("DPM++ 2M")).recipe.paint.scheduler == "normal"
    assert converted(text.format("DPM++ 2M Karras")).recipe.paint.scheduler == "karras"


def test_what_makes_no_sense_in_an_infotext_is_named_and_left_out() -> None:
    result = converted(
        "x\nSteps: 20, Seed: none, Size: 12, CFG scale: 7, ADetailer model: a.onnx,"
        " ADetailer confidence: high, ADetailer colour: red"
    )
    assert result.recipe.detect.threshold == 0.3
    assert result.recipe.paint.cfg == 7
    assert "painted_width" not in result.recipe.crop.as_set()
    for words in (
        "ADetailer confidence: ad_confidence='high'",
        "ADetailer colour: 'red' has no counterpart",
        "Seed: 'none' makes no sense",
        "Size: '' makes no sense",
    ):
        assert words in said(result)


@given(st.integers(0, 600))
def test_an_infotext_that_is_cut_off_gives_a_recipe_or_a_reason(length: int) -> None:
    text = infotext([FACE | {"ad_prompt": "a, b"}, {"ad_model": "hand.onnx"}])
    with contextlib.suppress(InputError):
        assert converted(text[:length]).recipe.detect.detector.startswith("yolo:")


def test_the_warnings_of_the_recipe_are_the_notes(caplog: pytest.LogCaptureFixture) -> None:
    Recipe.from_adetailer(FACE)
    assert caplog.messages == [str(note) for note in converted(FACE).notes]


def test_a_picture_that_a1111_has_saved_gives_its_recipe() -> None:
    text = infotext_of(read(data_file("ai/sd15_street6_a1111.png")))
    values = parsed(text)
    recipe = converted(text).recipe
    assert recipe.detect.detector == f"yolo:{values['ADetailer model']}"
    assert recipe.detect.threshold == float(values["ADetailer confidence"])
    assert recipe.paint.seed == int(values["Seed"])
    assert recipe.paint.main_prompt == values["Prompt"]
    assert int(recipe.paint.steps / recipe.paint.denoise) == int(values["Steps"])
    assert f"{recipe.crop.painted_width}x{recipe.crop.painted_height}" == values["Size"]


@pytest.mark.parametrize("name", ["ai/a1111_duck_tiny.png", "ai/a1111_ring.png"])
def test_a_picture_without_adetailer_says_so(name: str) -> None:
    text = infotext_of(read(data_file(name)))
    assert "Steps" in parsed(text)
    with pytest.raises(InputError, match="no ADetailer stands in this infotext"):
        converted(text)


@pytest.mark.parametrize("text", ["[" + ":" * 50_000, "[" + ":1" * 50_000, "x [" * 50_000])
def test_brackets_that_are_never_closed_are_words(text: str) -> None:
    assert "[from:to:when]" not in said(made({"ad_prompt": f"a {text}"}))


def test_a_model_of_a_very_long_name_is_told() -> None:
    name = "x" + " " * 100_000 + "y"
    assert made({"ad_use_checkpoint": True, "ad_checkpoint": name}).recipe.paint.painter


def test_no_prompt_is_an_empty_one() -> None:
    tab = Tab(ad_model="face_yolov8n.pt", ad_prompt=None, ad_negative_prompt=None)
    assert (tab.ad_prompt, tab.ad_negative_prompt) == ("", "")
