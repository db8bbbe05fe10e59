"""Brownian paths."""

from __future__ import annotations

import math

import pytest
import torch

from detailer.engines.painters.diffusion.tree import Path, tree_noise

SHAPE = (4, 32, 32)
LEVELS = torch.tensor([[14.6, 5.0, 1.0, 0.03, 0.0], [3.0, 2.0, 1.0, 0.5, 0.0]])


def path(seed: int = 7) -> Path:
    return Path(seed, 0.03, 14.6, SHAPE, torch.device("cpu"))


def test_noise_of_every_step_is_standard_normal_and_independent() -> None:
    draw = tree_noise(SHAPE, [1, 2], LEVELS)
    steps = [draw(LEVELS[:, index], LEVELS[:, index + 1]) for index in range(3)]
    for noise in torch.cat(steps):
        assert abs(noise.mean()) < 5 / math.sqrt(noise.numel())
        assert noise.std() == pytest.approx(1, abs=0.05)
    flat = torch.cat(steps).flatten(1)
    alike = (flat @ flat.T / flat.shape[1]).fill_diagonal_(0)
    assert alike.abs().max() < 0.08


def test_a_path_is_the_same_wherever_it_was_looked_at_before() -> None:
    plain, looked = path(), path()
    for before, after in ((14.6, 7.0), (3.3, 3.2), (0.5, 0.04)):
        looked.step(before, after)
    assert torch.equal(plain.step(5.0, 1.0), looked.step(5.0, 1.0))


def test_halves_of_a_step_are_the_whole() -> None:
    whole, halves = path(), path()
    joined = math.sqrt(3.0) * halves.step(5.0, 2.0) + halves.step(2.0, 1.0)
    torch.testing.assert_close(joined, math.sqrt(4.0) * whole.step(5.0, 1.0), atol=1e-5, rtol=0)


def test_a_samples_path_depends_on_its_seed_and_levels_alone() -> None:
    together = tree_noise(SHAPE, [1, 2], LEVELS)(LEVELS[:, 0], LEVELS[:, 1])
    alone = tree_noise(SHAPE, [2], LEVELS[1:])(LEVELS[1:, 0], LEVELS[1:, 1])
    assert torch.equal(together[1:], alone)
    assert not torch.equal(path(1).step(5.0, 1.0), path(2).step(5.0, 1.0))


def test_no_step_and_no_need_give_no_noise() -> None:
    assert not path().step(1.0, 1.0).any()
    assert not path().step(0.0, 1.0).any()


def test_beyond_its_ends_a_path_stands_still() -> None:
    assert not path().step(20.0, 14.6).any()
    torch.testing.assert_close(path().step(1.0, 0.03) * math.sqrt(0.97), path().step(1.0, 0.0))
