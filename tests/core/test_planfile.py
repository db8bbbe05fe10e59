"""A plan survives JSON, can be edited there, and what is not a plan is refused."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detailer import InputError, Recipe
from detailer.core.focus import Focus
from detailer.core.geometry import Size
from detailer.core.plan import Plan
from detailer.core.planfile import dumps, loads
from detailer.flow import make_plan
from tests.strategies import Scene, scenes


@given(scenes(), st.floats(0, 1))
def test_a_plan_survives_json(scene: Scene, feather: float) -> None:
    recipe = Recipe(crop=scene.crop, blend={"feather_ratio": feather})
    plan = make_plan(scene.regions, recipe)
    assert loads(dumps(plan)) == plan


def test_what_guides_a_painter_survives_json() -> None:
    controls = [
        {"model": "net", "image": "edges.png", "strength": 0.7, "start": 0.1, "end": 0.6},
        {"model": "face", "kind": "reference", "image": "me.png"},
    ]
    paint = {"controls": controls, "sigmas": [14.5, 2.25, 0], "mask_mode": "hard"}
    plan = make_plan(scenes_example().regions, Recipe(paint=paint))
    again = loads(dumps(plan))
    assert again == plan
    assert again.patches[0].paint.controls[1].kind == "reference"


def test_how_sharp_a_region_was_survives_json() -> None:
    plan = make_plan(scenes_example().regions, Recipe())
    seen = replace(plan.patches[0], focus=Focus(0.5123, 1.25))
    assert loads(dumps(replace(plan, patches=(seen,)))).patches[0].focus == Focus(0.5123, 1.25)


def test_prompts_that_were_chosen_stay_as_they_are() -> None:
    """Also where what was chosen reads like a choice."""
    paint = {
        "prompt": "[ASC] {x|x} <lora:ink:0.5>[word] [PROMPT]",
        "negative": "a __ b",
        "main_prompt": "{y|y",
        "loras": [{"name": "grain", "weight": 0.2, "text_weight": 0.1}],
    }
    plan = make_plan(scenes_example().regions, Recipe(paint=paint))
    told = plan.patches[0].paint
    assert told.prompt == "x [word] {y|y"
    assert [lora.name for lora in told.loras] == ["ink", "grain"]
    again = loads(dumps(plan))
    assert again == plan
    assert loads(dumps(again)) == plan


def example() -> dict:
    plan = make_plan(scenes_example().regions, Recipe())
    return json.loads(dumps(plan))


def scenes_example() -> Scene:
    import numpy as np

    from detailer import Box, Crop, Region, Regions

    regions = Regions(Size(64, 64), (Region.from_box(Box(10, 12, 30, 40), label="face"),))
    return Scene(np.zeros((64, 64, 3), np.uint8), regions, Crop())


def test_version_and_picture_come_first() -> None:
    assert list(example())[:3] == ["detailer_plan", "picture", "size"]


def test_an_edited_prompt_is_taken() -> None:
    values = example()
    values["patches"][0]["paint"]["prompt"] = "a smile"
    assert loads(json.dumps(values)).patches[0].paint.prompt == "a smile"


def edited(*path: object, value: object) -> str:
    values = example()
    place = values
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    return json.dumps(values)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "plan"),
        ("[]", "detailer_plan is None"),
        (edited("detailer_plan", value=99), "99; this version reads 1"),
        (edited("size", value="big"), "width and height"),
        (edited("patches", 0, "window", "size", value=[512.5, 512]), "in whole pixels"),
        (edited("patches", 0, "paint", "sted", value=3), "sted"),
        (edited("patches", 0, "region", "box", value=[1, 2, 3]), "left, top, right, bottom"),
        (edited("patches", 0, "region", "box", value=[9, 2, 3, 4]), "ends before it starts"),
        (edited("patches", 0, "window", "scale", value=0), "shows nothing"),
        (edited("patches", 0, "paste_mask", "zlib", value="###"), "cannot be unpacked"),
        (edited("patches", 0, "paste_mask", "type", value="object"), "known: u1"),
        (edited("patches", 0, "paste_mask", "box", value=[0, 0, 9000, 9000]), "fill its box"),
        (edited("patches", 0, "paste_mask", "box", value=[0, 0, 1e30, 5]), "plan: "),
        (edited("patches", 0, "window", "size", value=[1, 2]), "must lie in the window"),
        (edited("patches", 0, "index", value=float("inf")), "plan: "),
        ("[" * 100_000, "plan: "),
    ],
)
def test_what_is_no_plan_is_refused_with_the_reason(text: str, words: str) -> None:
    with pytest.raises(InputError, match=words):
        loads(text)


def test_a_missing_key_is_named() -> None:
    values = example()
    del values["patches"][0]["window"]
    with pytest.raises(InputError, match="'window' is missing"):
        loads(json.dumps(values))


def test_an_empty_plan_survives() -> None:
    plan = Plan(Size(3, 4), picture="abc")
    assert loads(dumps(plan)) == plan
