"""The painter in trouble: no memory, a refiner that does not fit, a user who stops half-way."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor

from detailer.core.geometry import Size
from detailer.core.plan import Failed, Painted, Progress
from detailer.engines.painters.diffusion import painter as module
from detailer.engines.painters.diffusion.cache import Cache
from detailer.engines.painters.diffusion.forward import Forward
from detailer.engines.painters.diffusion.model import Model
from detailer.engines.painters.diffusion.options import Options
from detailer.engines.painters.diffusion.painter import Diffusion
from tests.engines.painters.diffusion.analytic import Analytic, analytic_model
from tests.engines.painters.diffusion.test_painter import (
    answers,
    cutout,
    family_of,
    hungry,
    painter,
)
from tests.engines.painters.diffusion.tiny import fresh

ON_LINUX = (
    "[enforce fail at alloc_cpu.cpp:127] err == 0. DefaultCPUAllocator: can't allocate memory:"
    " you tried to allocate 400000000000000 bytes. Error code 12 (Cannot allocate memory)"
)


class Failing(Analytic):
    """Raises one and the same error whenever it is asked."""

    error: Exception

    def predict(self, forward: Forward) -> Tensor:
        raise self.error


@pytest.mark.parametrize(
    "error",
    [RuntimeError(ON_LINUX), RuntimeError("CUBLAS_STATUS_ALLOC_FAILED"), MemoryError()],
    ids=["Linux", "CUDA's libraries", "Python"],
)
def test_whoever_says_that_memory_is_short_is_understood(error: Exception) -> None:
    one = painter()
    family = Failing()
    family.error = error
    found = answers(Diffusion(replace(one.model, family=family), one.options), [cutout(0)])
    assert isinstance(found[0], Failed)
    assert found[0].reason == "not enough memory for 64×64"


def test_progress_never_passes_its_total_when_batches_are_halved() -> None:
    steps = [each for each in hungry(4)([cutout(i) for i in range(8)]) if type(each) is Progress]
    done = [step.done for step in steps]
    assert done == sorted(done)
    assert all(step.done <= step.total for step in steps)
    assert steps[-1].done == steps[-1].total


def test_what_did_not_fit_is_let_go_before_it_is_tried_again() -> None:
    seen: list[weakref.ref[Tensor]] = []
    left: list[int] = []

    class Watched(Analytic):
        def predict(self, forward: Forward) -> Tensor:
            left.append(sum(each() is not None for each in seen))
            seen.append(weakref.ref(forward.x))
            if len(forward.x) > 2:
                raise torch.OutOfMemoryError("CUDA out of memory")
            return super().predict(forward)

    one = painter()
    gc.disable()
    try:
        answers(
            Diffusion(replace(one.model, family=Watched()), one.options), [cutout(0), cutout(1)]
        )
    finally:
        gc.enable()
    assert len(seen) == 11
    assert left[1] == 0


def test_what_a_painter_has_made_is_let_go_when_it_is_stopped_half_way() -> None:
    class Counted(Cache):
        within = 0

        def around(self, conditions: Any) -> Any:
            outer = super().around(conditions)
            counted = self

            class Around:
                def __enter__(self) -> None:
                    counted.within += 1
                    outer.__enter__()

                def __exit__(self, *fault: Any) -> None:
                    counted.within -= 1
                    outer.__exit__(*fault)

            return Around()

    class Resting:
        rested = 0

        def maybe_free_model_hooks(self) -> None:
            self.rested += 1

    one, cache, pipe = painter(), Counted(None, "none"), Resting()
    run = Diffusion(replace(one.model, cache=cache, pipe=pipe), one.options)([cutout(0)])
    assert isinstance(run, Iterator)
    next(run)
    assert (cache.within, pipe.rested) == (1, 0)
    run.close()  # type: ignore[attr-defined]
    assert (cache.within, pipe.rested) == (0, 1)
    assert torch.is_grad_enabled()


def with_refiner(
    monkeypatch: pytest.MonkeyPatch, refiner: Model
) -> tuple[Diffusion, list[Options]]:
    asked: list[Options] = []

    def opened(path: str, options: Options) -> Model:
        asked.append(options)
        return refiner

    monkeypatch.setattr(module, "open_model", opened)
    return painter(revision="main", taesd="tiny", dtype="fp32"), asked


def test_a_refiner_has_the_models_options_but_for_its_revision_and_preview(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    one, asked = with_refiner(monkeypatch, analytic_model())
    found = answers(one, [cutout(0, refiner="other"), cutout(1, refiner="other")])
    assert all(isinstance(each, Painted) for each in found.values())
    assert asked == [Options(batching="on", dtype="fp32")]


def test_a_refiner_leaves_the_device_with_the_model(monkeypatch: pytest.MonkeyPatch) -> None:
    class Resting:
        rested = 0

        def maybe_free_model_hooks(self) -> None:
            self.rested += 1

    pipe = Resting()
    one, _ = with_refiner(monkeypatch, replace(analytic_model(), pipe=pipe))
    answers(one, [cutout(0, refiner="other")])
    assert pipe.rested == 1


def test_a_refiner_that_reads_latents_in_another_way_fails_its_region(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    one, _ = with_refiner(monkeypatch, analytic_model(flow=True))
    found = answers(one, [cutout(0, refiner="other"), cutout(1, Size(72, 64))])
    assert isinstance(found[0], Failed)
    assert "refiner=other" in found[0].reason
    assert isinstance(found[1], Painted)


def test_only_what_was_to_stay_can_tell_of_a_drift() -> None:
    found = answers(painter(), [cutout(0), cutout(1, mask_mode="off"), cutout(2, noise_mask=False)])
    assert [each.drifts for _, each in sorted(found.items()) if isinstance(each, Painted)] == [
        True, False, False,
    ]  # fmt: skip


@pytest.mark.parametrize("told", [{"sigmas": (7.0, 1.0, 0.0)}, {"scheduler": "AYS SD1"}], ids=str)
def test_a_flow_model_refuses_noise_levels_of_other_models(told: dict[str, Any]) -> None:
    one = Diffusion(analytic_model(flow=True), Options(batching="on"))
    found = answers(one, [cutout(0, **told)])
    assert isinstance(found[0], Failed)
    assert "flow" in found[0].reason
    assert family_of(one).calls == []


def test_an_inpaint_model_sees_large_pictures_through_the_vae_in_tiles(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from detailer.engines.painters.diffusion.model import model_of

    loaded = fresh("sd15_inpaint")
    vae = loaded.pipe.vae
    tiled: list[bool] = []
    encode = vae.encode
    monkeypatch.setattr(vae, "encode", lambda x: (tiled.append(vae.use_tiling), encode(x))[1])
    one = Diffusion(replace(model_of(loaded, Options()), tile_above=63), Options(batching="on"))
    told = {"prompt": "a", "negative": "b", "steps": 1, "inpaint_model": True}
    assert isinstance(answers(one, [cutout(0, **told)])[0], Painted)
    assert tiled == [True, True]
