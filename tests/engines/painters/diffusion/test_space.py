"""How latents and noise mix."""

from __future__ import annotations

import pytest
import torch

from detailer.engines.painters.diffusion.space import EXPLODING, FLOW, Space, across

LEVELS = torch.tensor([0.03, 0.3, 0.9])
SPACES = pytest.mark.parametrize("space", [EXPLODING, FLOW], ids=["exploding", "flow"])
LATENTS = torch.arange(12.0).reshape(3, 1, 2, 2)
NOISE = torch.ones(3, 1, 2, 2)


def test_across_gives_each_sample_its_own_value() -> None:
    assert torch.equal((across(LEVELS, NOISE) * NOISE)[:, 0, 1, 1], LEVELS)


@SPACES
def test_sigma_at_undoes_half_log_snr(space: Space) -> None:
    torch.testing.assert_close(space.sigma_at(space.half_log_snr(LEVELS)), LEVELS)


@SPACES
def test_half_log_snr_is_the_logarithm_of_picture_by_noise(space: Space) -> None:
    torch.testing.assert_close(space.half_log_snr(LEVELS), (space.alpha(LEVELS) / LEVELS).log())


def test_a_flow_at_one_is_noise_alone() -> None:
    assert torch.equal(FLOW.noised(LATENTS, NOISE, torch.ones(3)), NOISE)


@SPACES
def test_at_zero_there_is_no_noise(space: Space) -> None:
    assert torch.equal(space.noised(LATENTS, NOISE, torch.zeros(3)), LATENTS)


def test_only_samples_from_the_top_start_with_full_noise() -> None:
    full = torch.tensor([True, False, False])
    x = EXPLODING.start(LATENTS, NOISE, LEVELS, full)
    torch.testing.assert_close(x[0] - LATENTS[0], NOISE[0] * (1 + 0.03**2) ** 0.5)
    torch.testing.assert_close(x[1:], EXPLODING.noised(LATENTS, NOISE, LEVELS)[1:])


def test_a_flow_starts_as_it_is_noised() -> None:
    full = torch.tensor([True, True, False])
    x = FLOW.start(LATENTS, NOISE, LEVELS, full)
    assert torch.equal(x, FLOW.noised(LATENTS, NOISE, LEVELS))


def test_below_the_brim_the_ratio_is_a_number() -> None:
    levels = torch.tensor([[1.0, 0.5, 0.0]])
    lowered = FLOW.below_brim(levels)
    assert FLOW.half_log_snr(lowered[:, :2]).isfinite().all()
    assert torch.equal(lowered[:, 1:], levels[:, 1:])
    assert EXPLODING.below_brim(levels) is levels
