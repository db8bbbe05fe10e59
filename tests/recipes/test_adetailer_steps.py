"""Steps and denoise that run the noise levels that A1111 runs."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detailer.recipes.adetailer.samplers import sampling
from detailer.recipes.adetailer.steps import Counterpart, Strength, counterpart


@given(st.integers(1, 1000), st.floats(0, 1) | st.integers(0, 100).map(lambda n: n / 100))
def test_as_many_steps_are_run_of_as_many(steps: int, strength: float) -> None:
    found = counterpart(Strength(steps, strength))
    assert found.steps == min(int(min(strength, 0.999) * steps) + 1, steps)
    assert int(found.steps / found.denoise) == steps
    assert 0 < found.denoise <= 1
    # Nearly 1 would mean all of a schedule of `found.steps`.
    assert found.denoise == 1 or found.denoise <= 0.9999


def test_the_shortest_number_is_taken() -> None:
    assert counterpart(Strength(28, 0.4)) == Counterpart(12, 0.42)
    assert counterpart(Strength(20, 0.4)) == Counterpart(9, 0.45)
    assert counterpart(Strength(20, 1)) == Counterpart(20, 1)
    assert counterpart(Strength(20, 0)) == Counterpart(1, 0.05)


@given(st.integers(1, 150), st.floats(0.01, 1))
def test_where_a1111_runs_as_many_steps_as_are_asked_for_so_do_we(
    steps: int, strength: float
) -> None:
    found = counterpart(Strength(steps, strength, exact=True))
    assert found.steps == steps
    whole = int(steps / min(strength, 0.999))
    assert int(found.steps / found.denoise) == max(whole, steps)


@given(st.integers(2, 150), st.floats(0, 1))
def test_samplers_that_count_time_steps_make_one_less(steps: int, strength: float) -> None:
    found = counterpart(Strength(steps, strength, by_time=True))
    assert found.steps == max(1, int(min(strength, 0.999) * steps))
    assert int(found.steps / found.denoise) == steps


SAME_LEVELS = [
    ("Euler", "Uniform"),
    ("Euler", "Normal"),
    ("Euler a", "Karras"),
    ("Heun", "Exponential"),
    ("LMS", "Polyexponential"),
    ("DPM++ 2M", "Automatic"),
    ("DPM++ 2M SDE", "Automatic"),
    ("DPM2", "Automatic"),
    ("DPM2 a", "Karras"),
    ("Euler", "SGM Uniform"),
    ("Euler", "Simple"),
]


def as_a1111(name: str, steps: int, dropped: bool) -> list[float]:
    """Noise levels of a whole schedule by the formulas of the papers, for Stable Diffusion 1."""
    betas = np.linspace(0.00085**0.5, 0.012**0.5, 1000) ** 2
    kept = np.cumprod(1 - betas)
    known = np.sqrt((1 - kept) / kept)
    count = steps + dropped
    high, low = known[-1], known[0]
    if name == "karras":
        ramp = np.linspace(0, 1, count)
        levels = (high ** (1 / 7) + ramp * (low ** (1 / 7) - high ** (1 / 7))) ** 7
    elif name == "exponential":
        levels = np.exp(np.linspace(np.log(high), np.log(low), count))
    elif name == "simple":
        levels = known[[-(1 + int(i * len(known) / count)) for i in range(count)]]
    else:
        ends = np.linspace(999, 0, count + 1)[:-1] if name == "sgm" else np.linspace(999, 0, count)
        levels = np.exp(np.interp(ends, np.arange(1000), np.log(known)))
    return [*levels[: count - dropped], 0.0]


@pytest.mark.parametrize(("sampler", "scheduler"), SAME_LEVELS, ids=" ".join)
@pytest.mark.parametrize("steps", [1, 2, 7, 20, 28, 50])
@pytest.mark.parametrize("strength", [0, 0.1, 0.4, 0.75, 1])
def test_the_very_noise_levels_of_a1111_are_run(
    sampler: str, scheduler: str, steps: int, strength: float
) -> None:
    pytest.importorskip("torch", reason="needs detailer[diffusion]")
    from detailer.engines.painters.diffusion.schedules import Steps, sigmas
    from detailer.engines.painters.diffusion.table import Table, betas

    found = sampling(sampler, scheduler)
    assert found is not None
    ours = counterpart(Strength(steps, strength))
    levels = sigmas(
        Steps(
            found.levels.scheduler,
            ours.steps,
            ours.denoise,
            found.way.sampler_name,
            from_start=True,
        ),
        Table.trained(betas()),
    )
    name = {"sgm_uniform": "sgm"}.get(found.levels.scheduler, found.levels.scheduler)
    whole = as_a1111(name, steps, dropped=sampler.startswith("DPM2"))
    # It starts before the last int(strength · steps) steps.
    first = steps - int(min(strength, 0.999) * steps) - 1
    assert levels.tolist() == pytest.approx(whole[first:], rel=1e-4)


def test_kl_optimal_runs_a1111s_levels_and_then_to_none() -> None:
    pytest.importorskip("torch", reason="needs detailer[diffusion]")
    from detailer.engines.painters.diffusion.schedules import Steps, sigmas
    from detailer.engines.painters.diffusion.table import Table, betas

    found = sampling("Euler", "KL Optimal")
    assert found is not None
    ours = counterpart(Strength(20, 0.4), found.levels.more)
    table = Table.trained(betas())
    levels = sigmas(Steps("kl_optimal", ours.steps, ours.denoise, from_start=True), table)
    low, high = math.atan(table.lowest), math.atan(table.highest)
    theirs = [math.tan(i / 20 * low + (1 - i / 20) * high) for i in range(21)][20 - 8 - 1 :]
    assert levels.tolist() == pytest.approx([*theirs, 0.0], rel=1e-4)


@pytest.mark.parametrize(("steps", "strength"), [(20, 0.4), (50, 0.75), (25, 0.5)])
def test_ddim_runs_the_time_steps_below_the_one_that_a1111_noises_to(
    steps: int, strength: float
) -> None:
    pytest.importorskip("torch", reason="needs detailer[diffusion]")
    from detailer.engines.painters.diffusion.schedules import Steps, sigmas
    from detailer.engines.painters.diffusion.table import Table, betas

    ours = counterpart(Strength(steps, strength, by_time=True))
    table = Table.trained(betas())
    levels = sigmas(Steps("ddim_uniform", ours.steps, ours.denoise, "ddim", from_start=True), table)
    times = list(range(1, 1001, 1000 // steps))[: int(strength * steps)]
    assert levels.tolist() == [*table.sigmas[times[::-1]].tolist(), 0.0]
