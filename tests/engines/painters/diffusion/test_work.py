"""Work: what a wave of eight regions costs, counted in the networks themselves."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from detailer.core.geometry import Box, Size
from detailer.engines.painters.diffusion.model import open_model
from detailer.engines.painters.diffusion.options import Options
from detailer.engines.painters.diffusion.painter import Diffusion
from detailer.flow import Detailer, Finished
from detailer.recipe import Recipe
from tests.engines.contract import shapes
from tests.engines.painters.diffusion.tiny import folder
from tests.fakes import finds

FACES = [Box(x, y, x + 20, y + 20) for y in (30, 150) for x in (30, 150, 270, 390)]
RECIPE = {
    "crop": {"guide_size": 32, "max_size": 96, "crop_factor": 3},
    "paint": {
        "prompt": "a face",
        "negative": "blurry",
        "steps": 20,
        "cfg": 7,
        "denoise": 0.4,
        "batch_size": 8,
    },
}


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> tuple[Diffusion, Counter[str]]:
    options = Options(device="cpu", dtype="fp32", batching="on")
    model = open_model(str(folder("sd15")), options)
    pipe: Any = model.pipe
    count: Counter[str] = Counter()

    def counting(name: str, part: Any, verb: str) -> None:
        done = getattr(part, verb)

        def do(*given: Any, **named: Any) -> Any:
            count[name] += 1
            return done(*given, **named)

        monkeypatch.setattr(part, verb, do)

    counting("network", pipe.unet, "forward")
    counting("text", pipe.text_encoder, "forward")
    counting("encode", pipe.vae, "encode")
    counting("decode", pipe.vae, "decode")
    return Diffusion(model, options), count


def test_eight_regions_of_twenty_steps_are_twenty_calls(
    counted: tuple[Diffusion, Counter[str]],
) -> None:
    painter, count = counted
    run = Detailer(finds(*FACES), painter, Recipe(**RECIPE))
    finished = run(shapes(Size(480, 240), blur=3))
    assert isinstance(finished, Finished)
    assert len(finished.painted) == 8
    assert count == {"network": 20, "text": 1, "encode": 1, "decode": 1}


def test_the_next_picture_needs_no_text_encoder(
    counted: tuple[Diffusion, Counter[str]],
) -> None:
    painter, count = counted
    run = Detailer(finds(*FACES), painter, Recipe(**RECIPE))
    for seed in range(2):
        run(shapes(Size(480, 240), seed, blur=3))
    assert count == {"network": 40, "text": 1, "encode": 2, "decode": 2}
