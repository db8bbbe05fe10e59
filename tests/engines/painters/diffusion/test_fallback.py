"""Fallback: a stock pipeline runs the steps that were asked for, and keeps what is masked off."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as some

from detailer.core.canvas import Canvas
from detailer.core.geometry import Box, Size
from detailer.core.paint import Paint
from detailer.core.plan import Cutout, Failed, Painted, Patch, Progress
from detailer.core.region import Region
from detailer.core.window import Window
from detailer.engines.painters.diffusion.fallback import (
    StockPipeline,
    inpainting,
    rounds_down,
    schedule_of,
)
from detailer.engines.painters.diffusion.loading.quiet import quiet
from detailer.errors import EngineError, InputError
from detailer.stages.crop import cut
from tests.engines.painters.diffusion import tiny

# Chroma's own pipeline fails in diffusers 0.42 for want of a setting; it has an adapter.
STOCK = ("sd15", "sd15_inpaint", "sdxl", "sd3", "flux", "qwen_image", "z_image")

every_stock = pytest.mark.parametrize("name", STOCK)


@cache
def stock(name: str) -> StockPipeline:
    return StockPipeline(tiny.fresh(name))


def picture() -> np.ndarray:
    return np.random.default_rng(1).random((64, 48, 3), np.float32)


def hole() -> np.ndarray:
    mask = np.zeros((64, 48), np.float32)
    mask[16:48, 16:32] = 0.3
    return mask


def calls_of(pipe: Any, paint: Paint) -> int:
    """How often the network runs, a batch with its negatives counted once."""
    seen: list[object] = []
    network = getattr(pipe._pipe, "unet", None)
    network = pipe._pipe.transformer if network is None else network
    hook = network.register_forward_hook(lambda *_: seen.append(None))
    try:
        pipe.paint(picture(), hole(), paint)
    finally:
        hook.remove()
    return len(seen)


def runs(total: int, strength: float, rounds_down: bool) -> int:
    """The steps that diffusers' two kinds of get_timesteps leave."""
    if rounds_down:
        return min(int(total * strength), total)
    return total - int(max(total - min(total * strength, total), 0))


@given(
    steps=some.integers(1, 200),
    denoise=some.floats(0.0001, 1),
    down=some.booleans(),
)
def test_exactly_as_many_steps_run_as_were_asked_for(
    steps: int, denoise: float, down: bool
) -> None:
    schedule = schedule_of(steps, denoise, down)
    assert runs(schedule.total, schedule.strength, down) == steps
    assert 0 < schedule.strength <= 1


@pytest.mark.parametrize("down", [True, False])
def test_every_number_of_steps_and_every_hundredth_of_denoise_is_met(down: bool) -> None:
    for steps in range(1, 61):
        for hundredth in range(1, 101):
            schedule = schedule_of(steps, hundredth / 100, down)
            assert runs(schedule.total, schedule.strength, down) == steps
            expected = max(steps, min(1000, int(steps / (hundredth / 100))))
            assert schedule.total == expected


@every_stock
def test_which_way_a_pipeline_rounds_is_found_out(name: str) -> None:
    assert rounds_down(stock(name)._pipe) == name.startswith(("sd15", "sdxl"))


@every_stock
@pytest.mark.parametrize(("steps", "denoise"), [(3, 0.4), (1, 0.3), (2, 1.0), (3, 0.9)])
def test_the_network_runs_once_for_each_step(name: str, steps: int, denoise: float) -> None:
    # Models without a batch for negatives run once more for each, so there are none.
    cfg = 1.0 if name in ("flux", "qwen_image") else 5.0
    assert calls_of(stock(name), Paint(steps=steps, denoise=denoise, cfg=cfg, seed=1)) == steps


@every_stock
def test_a_picture_comes_back_at_its_own_size(name: str) -> None:
    paint = Paint(prompt="a face", steps=2, denoise=0.5, seed=2**64 - 1)
    painted = stock(name).paint(picture(), hole(), paint)
    assert painted.shape == (64, 48, 3)
    assert painted.dtype == np.float32
    assert 0 <= painted.min() < painted.max() <= 1


def test_sides_that_are_no_multiples_are_padded_and_cut_again() -> None:
    paint = Paint(steps=1, denoise=0.5)
    painted = stock("sd15").paint(picture()[:61, :45], hole()[:61, :45], paint)
    assert painted.shape == (61, 45, 3)


def test_a_seed_gives_one_picture_and_another_gives_another() -> None:
    first, again, other = (
        stock("sd15").paint(picture(), hole(), Paint(steps=2, denoise=0.9, seed=seed))
        for seed in (1, 1, 2)
    )
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_the_prompt_the_negative_and_cfg_matter() -> None:
    base = {"prompt": "a face", "negative": "blurry", "cfg": 5.0, "steps": 2, "denoise": 0.9}
    changes: list[dict[str, Any]] = [{}, {"prompt": "a dog"}, {"negative": "dark"}, {"cfg": 2.0}]
    seen = [
        stock("sd15").paint(picture(), hole(), Paint(**{**base, **change})) for change in changes
    ]
    assert all(not np.array_equal(seen[0], each) for each in seen[1:])


def test_cycles_paint_over_what_was_painted() -> None:
    pipe = stock("sd15")
    once = pipe.paint(picture(), hole(), Paint(steps=2, seed=4))
    twice = pipe.paint(once, hole(), Paint(steps=2, seed=5))
    both = pipe.paint(picture(), hole(), Paint(steps=2, seed=4, cycle=2))
    np.testing.assert_allclose(both, twice, atol=1e-5)


def test_a_mask_of_nothing_repaints_nothing() -> None:
    paint = Paint(steps=2, denoise=0.9)
    nothing = stock("sd15").paint(picture(), np.zeros((64, 48), np.float32), paint)
    other = stock("sd15").paint(picture(), np.zeros((64, 48), np.float32), paint.but(prompt="x"))
    all_of_it = stock("sd15").paint(picture(), np.ones((64, 48), np.float32), paint)
    np.testing.assert_allclose(nothing, other, atol=1e-5)
    assert np.abs(all_of_it - nothing).max() > 0.01


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"controls": ({"kind": "reference", "model": "x"},)}, "controls"),
        ({"refiner": "y"}, "refiner"),
        ({"prompt": "a <lora:fine:0.5>"}, "<lora"),
        ({"loras": ({"name": "fine"},)}, "<lora"),
    ],
)
def test_what_a_stock_pipeline_cannot_do_is_refused(change: dict[str, Any], word: str) -> None:
    with pytest.raises(InputError, match=word):
        stock("sd15").paint(picture(), hole(), Paint(**change))


def test_a_network_that_makes_no_numbers_is_an_error() -> None:
    pipe = StockPipeline(tiny.fresh("sd15"))
    pipe._pipe.unet.conv_out.bias.fill_(torch.nan)
    with pytest.raises(EngineError, match="not finite"):
        pipe.paint(picture(), hole(), Paint(steps=1))


def test_a_pipeline_that_stumbles_is_an_error_that_names_it() -> None:
    pipe = StockPipeline(tiny.fresh("sd15"))
    pipe._pipe.unet = None
    with pytest.raises(EngineError, match="StableDiffusionInpaintPipeline cannot paint"):
        pipe.paint(picture(), hole(), Paint(steps=1))


def test_a_pipeline_that_inpaints_already_is_used_as_it_is() -> None:
    pipe = tiny.opened("sd15_inpaint").pipe
    assert inpainting(pipe) is pipe


def test_a_pipeline_that_is_not_on_diffusers_list_is_found_by_its_name() -> None:
    pipe = tiny.opened("chroma").pipe
    found = inpainting(pipe)
    assert type(found).__name__ == "ChromaInpaintPipeline"
    assert found.transformer is pipe.transformer


def test_a_model_that_nothing_inpaints_with_is_refused() -> None:
    class SanaPipeline:
        config: dict[str, Any] = {}  # noqa: RUF012  # as diffusers has it

        def __call__(self, prompt: str) -> None: ...

    with (
        quiet(),
        pytest.raises(EngineError, match="no pipeline that inpaints with a SanaPipeline"),
    ):
        inpainting(SanaPipeline())


def test_it_is_a_painter_with_an_answer_for_each_cutout() -> None:
    def cutout(index: int, **paint: Any) -> Cutout:
        region = Region.from_box(Box(16, 16, 48, 48))
        window = Window(0, 0, Size(64, 64), 1.0)
        patch = Patch(index, region, window, region.mask, Paint(steps=1, **paint))
        return cut(Canvas(np.full((64, 64, 3), 0.5, np.float32)), patch)

    answers = list(stock("sd15")([cutout(0), cutout(1, refiner="z"), cutout(2)]))
    kinds = [type(each) for each in answers]
    assert kinds == [Painted, Progress, Failed, Progress, Painted, Progress]
    assert [each.done for each in answers if isinstance(each, Progress)] == [1, 2, 3]
