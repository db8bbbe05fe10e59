"""The noise levels of training."""

from __future__ import annotations

import pytest
import torch

from detailer.engines.painters.diffusion.space import EXPLODING, FLOW
from detailer.engines.painters.diffusion.table import Table, betas
from detailer.errors import InputError

SD = Table.trained(betas())
SD3 = Table.flow(3.0)


def test_stable_diffusions_levels_are_known() -> None:
    assert SD.lowest == pytest.approx(0.02916716)
    assert SD.highest == pytest.approx(14.614642)
    assert len(SD.sigmas) == 1000


@pytest.mark.parametrize("kind", ["scaled_linear", "linear", "squaredcos_cap_v2"])
def test_levels_rise(kind: str) -> None:
    assert (Table.trained(betas(kind)).sigmas.diff() > 0).all()


def test_an_unknown_beta_schedule_is_named() -> None:
    with pytest.raises(InputError, match=r"'scaled_liner' is unknown; did you mean scaled_linear"):
        betas("scaled_liner")


def test_every_level_is_its_own_time_step() -> None:
    assert torch.equal(SD.timestep(SD.sigmas), torch.arange(1000.0))


def test_time_steps_are_the_nearest_by_logarithm_in_any_shape() -> None:
    between = (SD.sigmas[10].log() * 0.6 + SD.sigmas[11].log() * 0.4).exp()
    levels = torch.stack([between, SD.sigmas[999] * 2, SD.sigmas[0] / 2, torch.tensor(0.0)])
    assert SD.timestep(levels.view(2, 2)).tolist() == [[10, 999], [0, 0]]


def test_time_steps_between_levels_undo_sigma() -> None:
    steps = torch.tensor([0.0, 0.5, 10.25, 500.75, 999.0])
    torch.testing.assert_close(SD.timestep(SD.sigma(steps), rounded=False), steps)
    outside = torch.tensor([1e-9, 1e9, 0.0])
    assert SD.timestep(outside, rounded=False).tolist() == [0, 999, 0]


def test_a_flows_time_step_is_its_level_times_what_the_network_counts_to() -> None:
    assert SD3.timestep(torch.tensor([0.25])).tolist() == [250]
    assert Table.flow(3.0, multiplier=1.0).timestep(torch.tensor([0.25])).tolist() == [0.25]


def test_a_flows_levels_are_shifted_towards_noise() -> None:
    torch.testing.assert_close(Table.flow(1.0).sigmas, torch.arange(1, 1001) / 1000)
    assert (SD3.sigmas[:-1] > Table.flow(1.0).sigmas[:-1]).all()
    assert SD3.highest == 1


@pytest.mark.parametrize("table", [SD, SD3], ids=["exploding", "flow"])
def test_levels_fall_with_the_share_of_training_that_is_done(table: Table) -> None:
    levels = [table.at_percent(share / 10) for share in range(11)]
    assert levels == sorted(levels, reverse=True)
    assert levels[0] >= table.highest
    assert levels[-1] == 0


def test_zero_terminal_training_ends_in_noise_and_begins_as_before() -> None:
    table = Table.trained(betas(), zero_terminal=True)
    assert table.highest > 4000
    assert table.lowest == pytest.approx(SD.lowest)
    assert (table.sigmas.diff() > 0).all()


def test_only_the_highest_level_is_full() -> None:
    levels = torch.tensor([SD.highest, SD.highest * (1 - 1e-6), SD.highest * 0.99, 700.0])
    assert SD.full(levels).tolist() == [True, True, False, True]


def test_the_spaces_defaults_are_those_of_the_usual_tables() -> None:
    assert SD.space.middle == pytest.approx(EXPLODING.middle)
    assert Table.flow(1.0).space.middle == pytest.approx(FLOW.middle)
    assert Table.flow(1.0).space.brim == pytest.approx(FLOW.brim)
    assert SD3.space.brim > FLOW.brim
