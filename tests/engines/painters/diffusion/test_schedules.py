"""Which noise levels a sampler stops at."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from detailer.engines.painters.diffusion.samplers import DISCARD_PENULTIMATE
from detailer.engines.painters.diffusion.schedules import SCHEDULERS, Steps, sigmas
from detailer.engines.painters.diffusion.table import Table
from detailer.errors import InputError
from tests.engines.painters.diffusion.toy import TABLES

SD = TABLES["exploding"]
# Where a table has no even distance, or levels come twice, there are more or fewer steps.
UNEVEN = {"ddim_uniform", "beta"}


@given(
    st.sampled_from(sorted(SCHEDULERS)),
    st.integers(1, 40),
    st.sampled_from([0.0001, 0.01, 0.3, 0.5, 0.75, 0.99, 1.0]),
    st.sampled_from(["euler", *sorted(DISCARD_PENULTIMATE)]),
    st.sampled_from(sorted(TABLES)),
)
def test_levels_fall_to_zero_in_as_many_steps_as_asked_for(
    scheduler: str, steps: int, denoise: float, sampler: str, table: str
) -> None:
    levels = sigmas(Steps(scheduler, steps, denoise, sampler), TABLES[table])
    assert levels.dtype == torch.float32
    assert levels.isfinite().all()
    assert (levels.diff() <= 0).all()
    assert levels[-1] == 0
    assert levels[0] > 0
    if denoise < 1 or scheduler not in UNEVEN:
        assert len(levels) == steps + 1


@pytest.mark.parametrize("scheduler", sorted(SCHEDULERS))
def test_the_tail_of_a_longer_schedule_is_taken(scheduler: str) -> None:
    whole = sigmas(Steps(scheduler, 20), SD)
    assert torch.equal(sigmas(Steps(scheduler, 8, 0.4), SD), whole[-9:])


def test_no_denoise_takes_no_step() -> None:
    assert sigmas(Steps("karras", 20, 0.0), SD).shape == (0,)


def test_from_the_start_there_are_as_many_steps_as_asked_for() -> None:
    assert len(sigmas(Steps("ddim_uniform", 30), SD)) == 32
    levels = sigmas(Steps("ddim_uniform", 30, from_start=True), SD)
    assert len(levels) == 31
    assert levels[-1] == 0
    assert torch.equal(levels[:-1], sigmas(Steps("ddim_uniform", 30), SD)[:30])


@pytest.mark.parametrize("denoise", [0.0001, 0.02, 0.3])
def test_from_the_start_a_schedule_with_too_few_steps_still_gives_its_end(denoise: float) -> None:
    levels = sigmas(Steps("beta", 7, denoise, from_start=True), SD)
    assert torch.equal(levels, sigmas(Steps("beta", 7, denoise), SD))


def test_samplers_that_look_between_levels_discard_the_last_but_one() -> None:
    longer = sigmas(Steps("karras", 9), SD)
    levels = sigmas(Steps("karras", 8, sampler_name="dpm_2"), SD)
    assert torch.equal(levels, torch.cat([longer[:-2], longer[-1:]]))


def test_a_table_without_a_lowest_level_needs_no_zero_after_it() -> None:
    table = Table(
        torch.tensor([0.0, 1e-6, 0.5, 1.0]), torch.tensor([-30.0, -13.8, -0.69, 0.0]), SD.space
    )
    assert len(sigmas(Steps("normal", 6), table)) == 7
    assert sigmas(Steps("ddim_uniform", 2), table).tolist() == pytest.approx([1.0, 0.5, 1e-6])


def test_a_users_own_levels_are_taken_as_they_are() -> None:
    own = Steps("nonsense", 3, 0.2, sigmas=(3.0, 1.0, 0.5))
    assert sigmas(own, SD).tolist() == [3.0, 1.0, 0.5]


@pytest.mark.parametrize(
    "own", [(1.0,), (1.0, 1.0, 0.0), (1.0, 2.0), (1.0, -1.0), (float("nan"), 0.0)]
)
def test_levels_that_do_not_fall_are_refused(own: tuple[float, ...]) -> None:
    with pytest.raises(InputError, match="must be two or more numbers, falling, none below 0"):
        sigmas(Steps(sigmas=own), SD)


def test_a_users_function_changes_the_whole_schedule() -> None:
    seen = []

    def halved(table: Table, sampler: str, levels: torch.Tensor) -> torch.Tensor:
        seen.append((table, sampler, len(levels)))
        return levels / 2

    levels = sigmas(Steps("karras", 8, 0.5, "heun", func=halved), SD)
    assert seen == [(SD, "heun", 17)]
    assert torch.equal(levels, sigmas(Steps("karras", 8, 0.5), SD) / 2)


@pytest.mark.parametrize("name", ["GITS[coeff=1.20]", "GITS[coeff=1.2]"])
def test_a_coefficient_may_have_any_number_of_decimals(name: str) -> None:
    levels = sigmas(Steps(name, 10), SD)
    assert len(levels) == 11
    assert not torch.equal(levels, sigmas(Steps("GITS[coeff=1.25]", 10), SD))


@pytest.mark.parametrize("name", ["karas", "GITS[coeff=2]", "AYS"])
def test_an_unknown_name_lists_the_known_ones(name: str) -> None:
    with pytest.raises(InputError, match=r"is unknown; known: .*karras.*AYS SDXL.*coeff=1\.5"):
        sigmas(Steps(name), SD)


@pytest.mark.parametrize(
    ("steps", "denoise", "message"),
    [
        (0, 1.0, "steps=0 is out of range"),
        (20, 1.5, r"denoise=1\.5 is out of range"),
        (20, -0.1, r"denoise=-0\.1 is out of range"),
        (1000, 1e-6, "ask for less"),
    ],
)
def test_numbers_out_of_range_are_named(steps: int, denoise: float, message: str) -> None:
    with pytest.raises(InputError, match=message):
        sigmas(Steps("simple", steps, denoise), SD)
