"""What painting will cost: the plan's arithmetic, and that the painter then does just that."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import numpy as np
import pytest
import torch

from detailer.core.geometry import Box, Size
from detailer.core.paint import Lora
from detailer.core.plan import Plan
from detailer.core.region import Region
from detailer.core.regions import Regions
from detailer.engines.painters.diffusion.foresight.estimate import Estimate, estimate, network_calls
from detailer.engines.painters.diffusion.options import Options
from detailer.engines.painters.diffusion.painter import Diffusion
from detailer.engines.painters.diffusion.samplers import SAMPLERS, Run, sampler
from detailer.engines.painters.diffusion.space import EXPLODING
from detailer.errors import EngineError, MissingEngineError
from detailer.flow import Detailer, make_plan
from detailer.recipe import Recipe
from tests.engines.painters.diffusion import tiny
from tests.engines.painters.diffusion.analytic import Analytic, analytic_model

PICTURE = Size(640, 320)
ON, OFF = Options(batching="on", device="cpu"), Options(batching="off", device="cpu")


def boxes(count: int, apart: int = 72) -> tuple[Box, ...]:
    """So many boxes beside each other, in rows of eight."""
    places = [(8 + apart * (i % 8), 8 + apart * (i // 8)) for i in range(count)]
    return tuple(Box(x, y, x + 20, y + 20) for x, y in places)


def recipe(**paint: Any) -> Recipe:
    told = {"painter": "diffusion:x", "prompt": "0.4", "negative": "-0.4", "cfg": 4, **paint}
    return Recipe(
        crop={"crop_factor": 2, "guide_size": 64, "max_size": 128}, paint={"batch_size": 8, **told}
    )


def planned(recipe: Recipe, *found: Box) -> Plan:
    return make_plan(Regions(PICTURE, tuple(Region.from_box(box) for box in found)), recipe)


def foreseen(
    plan: Plan, options: Options = ON, batch_size: int = 8, model: str = "sd15"
) -> Estimate:
    return estimate(str(tiny.folder(model)), plan, batch_size, options)


def test_eight_regions_of_one_size_are_twenty_calls_and_two_texts() -> None:
    found = foreseen(planned(recipe(steps=20), *boxes(8)))
    (batch,) = found.batches
    assert (batch.calls, batch.rows, batch.encodes, batch.decodes) == (20, 16, 1, 1)
    assert batch.regions == tuple(range(8))
    assert (found.calls, found.texts) == (20, 2)


def test_without_guidance_there_is_no_negative() -> None:
    found = foreseen(planned(recipe(cfg=1), *boxes(8)))
    assert found.batches[0].rows == 8
    assert found.texts == 1


def test_on_a_cpu_regions_go_one_by_one() -> None:
    plan = planned(recipe(steps=20), *boxes(3))
    for options in (Options(device="cpu"), OFF):
        found = foreseen(plan, options)
        assert [batch.rows for batch in found.batches] == [2, 2, 2]
        assert found.calls == 60
    assert len(foreseen(plan, Options(device="cuda")).batches) == 1


def test_regions_in_each_others_windows_are_in_waves_of_their_own() -> None:
    found = foreseen(planned(recipe(), *boxes(2, apart=24)))
    assert [(batch.wave, batch.regions) for batch in found.batches] == [(0, (0,)), (1, (1,))]


def test_an_inpaint_model_is_shown_the_picture_with_a_hole_as_well() -> None:
    (batch,) = foreseen(planned(recipe(), *boxes(2)), model="sd15_inpaint").batches
    assert (batch.encodes, batch.decodes) == (2, 1)


def test_texts_count_once_for_each_set_of_loras_and_each_model() -> None:
    one = planned(recipe(cfg=1), *boxes(3))
    given = Lora(name="x", weight=0.5)
    told = [{"prompt": "a"}, {"prompt": "a<lora:x:0.5>"}, {"prompt": "a", "loras": (given,)}]
    patches = tuple(
        type(patch)(**{**vars(patch), "paint": patch.paint.but(**words)})
        for patch, words in zip(one.patches, told, strict=True)
    )
    found = foreseen(Plan(one.size, patches), Options(device="cuda"))
    assert found.texts == 2
    assert [batch.regions for batch in found.batches] == [(0,), (1, 2)]
    assert foreseen(planned(recipe(refiner="r", negative="b"), *boxes(3))).texts == 4


class Counted:
    """A network that only counts how often it is asked."""

    calls = 0

    def __call__(self, x: torch.Tensor, sigma: torch.Tensor) -> torch.Tensor:
        return self.pair(x, sigma)[0]

    def pair(self, x: torch.Tensor, sigma: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        self.calls += 1
        return x / 2, x / 3


@pytest.mark.parametrize("name", SAMPLERS)
@pytest.mark.parametrize("steps", [1, 2, 9])
def test_a_sampler_looks_as_often_as_is_said(name: str, steps: int) -> None:
    counted = Counted()
    sigmas = torch.linspace(10, 0, steps + 1)[None]
    run = Run(counted, sigmas, EXPLODING, lambda *_: torch.zeros(1, 1, 2, 2))
    for _ in sampler(name)(run, torch.ones(1, 1, 2, 2)):
        pass
    assert counted.calls == network_calls(name, steps)


@pytest.mark.parametrize("options", [ON, OFF])
@pytest.mark.parametrize(
    "paint",
    [
        {"steps": 4, "batch_size": 3},
        {"steps": 3, "cycle": 2, "sampler_name": "heun"},
        {"steps": 3, "cfg": 1, "denoise_power": 2},
    ],
)
def test_the_painter_does_what_was_foreseen(paint: dict[str, Any], options: Options) -> None:
    asked = recipe(**paint)
    places = (*boxes(5), Box(20, 200, 60, 220), Box(300, 180, 320, 220), Box(330, 190, 350, 230))
    plan = planned(asked, *places)
    painter = Diffusion(analytic_model(), options)
    family = painter.model.family
    assert isinstance(family, Analytic)
    detailer = Detailer(lambda _: Regions(PICTURE), painter, asked)
    *_, finished = detailer.steps(np.zeros((*PICTURE.shape, 3), np.uint8), plan)
    assert not finished.failed
    found = foreseen(plan, options, asked.paint.batch_size)
    assert family.calls == [b.rows for b in found.batches for _ in range(b.calls)]
    assert len(family.encoded) == found.texts
    assert family.vae.encodings == sum(batch.encodes for batch in found.batches)
    assert family.vae.decodings == sum(batch.decodes for batch in found.batches)


def test_the_weights_are_those_of_the_files() -> None:
    pipe = tiny.opened("sd15").pipe
    numbers = {
        name: sum(one.numel() for one in getattr(pipe, name).state_dict().values())
        for name in ("unet", "vae", "text_encoder")
    }
    plan = planned(recipe(), *boxes(1))
    full = foreseen(plan, Options(device="cuda", dtype="fp32")).footprint
    assert dict(full.parts) == {name: 4 * count for name, count in numbers.items()}
    assert full.weights == 4 * sum(numbers.values())
    moved = foreseen(plan, Options(device="cuda", memory="model")).footprint
    assert moved.weights == 2 * max(numbers.values())
    assert "bytes_per_number" in moved.values()


def test_more_and_larger_regions_need_more_for_their_passes() -> None:
    few, many = (foreseen(planned(recipe(), *boxes(n))).footprint.passes for n in (1, 6))
    assert 0 < few < many


def test_a_model_that_is_not_there_is_named() -> None:
    plan = planned(recipe(), *boxes(1))
    with pytest.raises(MissingEngineError, match=r"gone\.safetensors"):
        estimate("gone.safetensors", plan, 1)
    with pytest.raises(EngineError, match="cache"):
        estimate("nobody/nothing-at-all", plan, 1)


def test_it_is_told_in_words_and_as_values() -> None:
    found = foreseen(planned(recipe(steps=20), *boxes(8)))
    assert found.values()["network_calls"] == 20
    said = "\n".join(found.lines())
    assert "8 regions of 128×128 at once: 20 network calls with 16 samples each" in said
    assert "of weights on cpu" in said


def test_nothing_is_foreseen_by_loading_torch() -> None:
    script = (
        "import sys, detailer.engines.painters.diffusion.foresight.estimate\n"
        "print({'torch', 'diffusers', 'transformers'} & set(sys.modules))"
    )
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "set()"
