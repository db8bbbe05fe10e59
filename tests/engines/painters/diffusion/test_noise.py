"""Where noise comes from."""

from __future__ import annotations

import pytest
import torch

from detailer.engines.painters.diffusion.noise import (
    SEEDS,
    batch_noise,
    comfyui_noise,
    kept_noise,
    own_noise,
    recorded_noise,
    start_noise,
)
from detailer.errors import InputError

SHAPE = (4, 5, 7)
LEVELS = torch.ones(2)


def test_a_samples_noise_depends_on_its_seed_alone() -> None:
    together = start_noise(SHAPE, [7, 8, 7])
    assert torch.equal(together[1:2], start_noise(SHAPE, [8]))
    assert torch.equal(together[0], together[2])
    assert not torch.equal(together[0], together[1])


def test_the_last_seed_is_taken_and_one_more_is_refused() -> None:
    assert start_noise(SHAPE, [SEEDS - 1]).isfinite().all()
    for seed in (SEEDS, -1):
        with pytest.raises(InputError, match=f"seed={seed} is out of range"):
            start_noise(SHAPE, [seed])


def test_what_is_kept_is_noised_by_the_next_seed() -> None:
    noise = kept_noise(SHAPE, [7, SEEDS - 1])
    assert torch.equal(noise, start_noise(SHAPE, [8, 0]))


def test_own_noise_goes_on_after_the_start() -> None:
    generator = torch.Generator().manual_seed(7)
    expected = [torch.randn(SHAPE, generator=generator) for _ in range(3)]
    assert torch.equal(start_noise(SHAPE, [7])[0], expected[0])
    draw = own_noise(SHAPE, [7, 8])
    assert torch.equal(draw(LEVELS, LEVELS)[0], expected[1])
    assert torch.equal(draw(LEVELS, LEVELS)[0], expected[2])


def test_comfyuis_noise_is_the_next_seeds_on_a_cpu() -> None:
    draw = comfyui_noise(SHAPE, [7, SEEDS - 1])
    assert torch.equal(draw(LEVELS, LEVELS), start_noise(SHAPE, [8, 0]))
    assert not torch.equal(draw(LEVELS, LEVELS), start_noise(SHAPE, [8, 0]))


def test_until_december_2025_it_began_with_the_start_again() -> None:
    draw = comfyui_noise(SHAPE, [7, 8], version="comfyui-0.3.64")
    assert torch.equal(draw(LEVELS, LEVELS), start_noise(SHAPE, [7, 8]))
    assert not torch.equal(draw(LEVELS, LEVELS), start_noise(SHAPE, [7, 8]))


@pytest.mark.parametrize("kind", [own_noise, comfyui_noise])
def test_a_sample_that_needs_none_keeps_its_next_noise(kind: type) -> None:
    draw, other = kind(SHAPE, [7, 8]), kind(SHAPE, [7, 8])
    partly = draw(torch.tensor([1.0, 0.0]), LEVELS)
    first, second = other(LEVELS, LEVELS), other(LEVELS, LEVELS)
    assert torch.equal(partly[0], first[0])
    assert not partly[1].any()
    assert torch.equal(draw(LEVELS, LEVELS), torch.stack([second[0], first[1]]))


def test_recorded_noise_comes_in_order_and_ends() -> None:
    steps = [torch.full((2, *SHAPE), float(step)) for step in range(2)]
    draw = recorded_noise(steps)
    assert [draw(LEVELS, LEVELS) is step for step in steps] == [True, True]
    with pytest.raises(InputError, match="used up"):
        draw(LEVELS, LEVELS)


def test_the_same_index_of_a_batch_gets_the_same_noise() -> None:
    noise = batch_noise((3, *SHAPE), 7, [2, 0, 2])
    assert torch.equal(noise[0], noise[2])
    assert torch.equal(noise[1:2], start_noise(SHAPE, [7]))
