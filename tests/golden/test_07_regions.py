"""Prompts per region, as the nodes share them out."""

from __future__ import annotations

import numpy as np
import pytest

from detailer.core.canvas import Canvas
from detailer.core.geometry import Box, Size
from detailer.core.plan import Patch, Plan
from detailer.core.region import Region
from detailer.core.regions import Regions
from detailer.flow import Detailer
from detailer.prompts.regions import Prompts, Share
from detailer.recipe import Recipe
from detailer.stages.blend import Blend, paste_mask
from detailer.stages.paint import Paint, assigned
from tests.fakes import finds
from tests.golden.loader import Case, check
from tests.golden.segs import regions_of
from tests.golden.test_05_paste_and_detail import KnownPainter, as_cropped
from tests.golden.test_07_wildcards import OF_REGIONS, cases_of

SIZE = Size(64, 64)


@cases_of(OF_REGIONS)
def test_regions_are_told_what_the_nodes_tell_them(case: Case) -> None:
    check(case, {"seq": in_turn, "rnd": in_turn, "lab": by_label, "do_detail": do_detail})


def as_nodes(text: str, seed: int = 0) -> Paint:
    return Paint(prompt=text, prompt_syntax="nodes", seed=seed, seed_mode="increment")


def labelled(labels: list[str]) -> Regions:
    box = Box(8, 8, 24, 24)
    return Regions(SIZE, tuple(Region.from_box(box, label=label) for label in labels))


def in_turn(case: Case) -> None:
    params = case.params
    prompts = Prompts.of(as_nodes(params["text"], params.get("python_random_seed", 0)))
    shares = prompts.shares(labelled(["face"] * params["n_get"]))
    assert len(shares) == len(case.outputs["got"])
    for share, (seed, text) in zip(shares, case.outputs["got"], strict=True):
        assert share.prompt == text
        # The seed of [SEP:R] is another in every run of the nodes.
        assert share.seed == seed or (share.seed == "random" and seed is not None)
    if prompts.order:
        assert prompts.order == case.outputs["mode"]


def by_label(case: Case) -> None:
    shares = Prompts.of(as_nodes(case.params["text"])).shares(labelled(case.params["labels"]))
    assert shares == [Share(text, "") for text in case.outputs["got"]]


def do_detail(case: Case) -> None:
    image, params = case.inputs["image"][0], case.params
    regions, paint = regions_of(case.inputs["segs"]), as_nodes(params["wildcard"], params["seed"])
    plan = planned(regions, paint, params["feather"])
    painter, canvas = KnownPainter(params["painter"]), Canvas(image, bounded=False)
    run = Detailer(finds(), painter, Recipe(paint=Paint(batch_size=1)))
    list(run.carry_out(plan, canvas))
    calls = case.outputs["calls"]
    told = [
        (list(patch.region.box), patch.paint.seed, patch.paint.prompt) for patch in plan.patches
    ]
    assert told == [(call["bbox"], call["seed"], call["wildcard"]) for call in calls]
    # Waves may call a later region before an overlapping one.
    seen = {str((call["bbox"], call["seed"])): call["crop_mean"] for call in painter.calls}
    means = {str((call["bbox"], call["seed"])): call["crop_mean"] for call in calls}
    assert seen == pytest.approx(means, abs=1e-6)
    assert {call["concat_mode"] for call in calls} <= {
        "concat" if Prompts.of(paint).concat else None
    }
    if "image" in case.outputs:
        np.testing.assert_allclose(canvas.pixels, case.outputs["image"][0], rtol=0, atol=1e-5)


def planned(regions: Regions, paint: Paint, feather: int) -> Plan:
    blend = Blend(feather_mode="gaussian", feather=feather)
    patches = [
        Patch(
            one.index,
            one.region,
            as_cropped(one.region),
            paste_mask(one.region, as_cropped(one.region), regions.size, blend),
            one.told,
        )
        for one in assigned(paint, regions)
        if isinstance(one.told, Paint)
    ]
    return Plan(regions.size, tuple(patches))
