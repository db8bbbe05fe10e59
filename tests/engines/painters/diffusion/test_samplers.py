"""Ways from noise to picture."""

from __future__ import annotations

from itertools import product

import pytest
import torch
from torch import Tensor

from detailer.engines.painters.diffusion.noise import own_noise, recorded_noise
from detailer.engines.painters.diffusion.samplers import (
    RENOISED,
    SAMPLERS,
    TREES,
    Run,
    sampler,
)
from detailer.engines.painters.diffusion.schedules import Steps, sigmas
from detailer.engines.painters.diffusion.space import across
from detailer.engines.painters.diffusion.tree import tree_noise
from detailer.errors import InputError
from tests.engines.painters.diffusion.toy import (
    MEAN,
    SHAPE,
    TABLES,
    VARIANCE,
    Toy,
    begun,
    exact,
    sampled,
)

NAMES = sorted(set(SAMPLERS) - RENOISED - {f"{name}_gpu" for name in SAMPLERS})
EACH = pytest.mark.parametrize("name", NAMES)
SPACES = pytest.mark.parametrize("kind", sorted(TABLES))
FRESH = {name for name in NAMES if "ancestral" in name or "sde" in name or "seeds" in name}
FRESH |= {"ddpm", "lcm", "sa_solver", "sa_solver_pece"}
STRAIGHT = sorted(set(NAMES) - FRESH)
# They take sigma for what it is where variance explodes, as they do in ComfyUI.
EXPLODING_ONLY = {
    "ddpm", "dpmpp_2s_ancestral_cfg_pp", "res_multistep_ancestral",
    "res_multistep_ancestral_cfg_pp",
}  # fmt: skip
# One jumps to the clean latents, which are a mean; the other's two negatives are of two levels.
NO_SAMPLES = {"lcm", "dpmpp_2s_ancestral_cfg_pp"}


def levels_of(kind: str, name: str, *wishes: tuple[str, int, float]) -> Tensor:
    """(B, N+1)."""
    table = TABLES[kind]
    return torch.stack([sigmas(Steps(*wish, sampler_name=name), table) for wish in wishes])


@EACH
@SPACES
def test_a_batch_of_different_levels_equals_its_samples_alone(name: str, kind: str) -> None:
    table = TABLES[kind]
    wishes = [("karras", 6, 1.0), ("normal", 6, 0.4), ("simple", 6, 0.001), ("beta", 6, 0.8)]
    levels = levels_of(kind, name, *wishes)
    levels[3, -1] = levels[3, -2] / 2  # a refiner would go on here
    x = begun(table, levels)
    together = sampled(name, table, levels, x)
    assert len(together) == 6
    for index in range(len(levels)):
        one = slice(index, index + 1)
        noise = own_noise(SHAPE, [index])
        alone = sampled(name, table, levels[one], x[one], noise)
        for ours, theirs in zip(together, alone, strict=True):
            assert ours.isfinite().all()
            torch.testing.assert_close(ours[one], theirs, rtol=1e-5, atol=1e-5)


@EACH
@SPACES
def test_what_is_not_finite_stays_in_its_sample(name: str, kind: str) -> None:
    table = TABLES[kind]
    levels = levels_of(kind, name, ("karras", 5, 1.0), ("karras", 5, 0.5), ("normal", 5, 0.7))
    x = begun(table, levels)
    fine = sampled(name, table, levels, x)[-1]
    run = Run(Toy(table.space, (1,)), levels, table.space, own_noise(SHAPE, range(3)))
    *_, broken = sampler(name)(run, x)
    assert not broken[1].isfinite().any()
    assert torch.equal(broken[[0, 2]], fine[[0, 2]])


@EACH
@SPACES
@pytest.mark.parametrize("steps", [1, 2, 3])
def test_few_steps_of_any_strength_are_sound(name: str, kind: str, steps: int) -> None:
    wishes = product(["simple", "karras", "sgm_uniform"], [steps], [1.0, 0.5, 0.0001])
    levels = levels_of(kind, name, *wishes)
    x = begun(TABLES[kind], levels)
    results = sampled(name, TABLES[kind], levels, x)
    assert len(results) == steps
    for result, start in zip(torch.stack(results, dim=1), x, strict=True):
        assert result.isfinite().all()
        assert result[-1].abs().max() < start.abs().max().clamp(min=4)


@EACH
@SPACES
def test_the_last_step_of_a_single_one_is_clean(name: str, kind: str) -> None:
    levels = levels_of(kind, name, ("normal", 1, 1.0))
    x = begun(TABLES[kind], levels)
    clean = Toy(TABLES[kind].space)(x, levels[:, 0])
    (result,) = sampled(name, TABLES[kind], levels, x)
    torch.testing.assert_close(result, clean, rtol=0, atol=0.02)


def error(name: str, kind: str, steps: int) -> float:
    levels = levels_of(kind, name, ("karras", steps, 1.0), ("normal", steps, 0.5))
    x = begun(TABLES[kind], levels)
    result = sampled(name, TABLES[kind], levels, x)[-1]
    space = TABLES[kind].space
    ends = torch.zeros(2)
    if name == "dpm_fast":
        ends = levels[:, -2]
    right = exact(space, x, levels[:, 0], ends)
    return float((result - right).abs().max())


@pytest.mark.parametrize("name", STRAIGHT)
@SPACES
def test_samplers_without_noise_reach_the_same_end_as_steps_grow(name: str, kind: str) -> None:
    first_order = {"euler", "euler_cfg_pp"}
    few, many = error(name, kind, 10), error(name, kind, 160)
    assert many < few or many < 2e-3
    assert many < (0.06 if name in first_order else 0.03)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        *product(sorted(FRESH - NO_SAMPLES), ["exploding"]),
        *product(sorted(FRESH - NO_SAMPLES - EXPLODING_ONLY), ["flow"]),
    ],
)
def test_samplers_with_noise_give_the_right_distribution(name: str, kind: str) -> None:
    table, shape = TABLES[kind], (4, 32, 32)
    levels = levels_of(kind, name, ("karras", 40, 1.0), ("sgm_uniform", 40, 0.6))
    result = sampled(name, table, levels, begun(table, levels, shape))[-1]
    for sample in result:
        assert sample.mean() == pytest.approx(MEAN, abs=0.06)
        assert sample.std() == pytest.approx(VARIANCE**0.5, rel=0.1)


def test_on_a_brownian_path_a_sampler_with_two_looks_is_right_as_well() -> None:
    table, shape = TABLES["exploding"], (4, 32, 32)
    levels = levels_of("exploding", "dpmpp_sde", ("karras", 30, 1.0))
    noise = tree_noise(shape, [3], levels)
    result = sampled("dpmpp_sde", table, levels, begun(table, levels, shape), noise)[-1]
    assert result.mean() == pytest.approx(MEAN, abs=0.05)
    assert result.std() == pytest.approx(VARIANCE**0.5, rel=0.08)


@pytest.mark.parametrize("name", ["euler", "euler_ancestral", "ddpm", "lcm", "heun", "dpm_2"])
def test_a_split_run_is_the_whole_run(name: str) -> None:
    table = TABLES["exploding"]
    levels = levels_of("exploding", name, ("karras", 8, 0.8))
    x, noise = begun(table, levels), own_noise(SHAPE, [0])
    whole = sampled(name, table, levels, x)[-1]
    half = sampled(name, table, levels[:, :5], x, noise)[-1]
    assert torch.equal(sampled(name, table, levels[:, 4:], half, noise)[-1], whole)


@pytest.mark.parametrize("name", sorted(FRESH))
def test_no_noise_is_drawn_for_the_last_step(name: str) -> None:
    table = TABLES["exploding"]
    levels = levels_of("exploding", name, ("karras", 4, 1.0))
    draws = 3 * {"dpmpp_sde": 2, "seeds_2": 2, "seeds_3": 3}.get(name, 1)
    noise = recorded_noise(torch.zeros(draws, 1, *SHAPE))
    sampled(name, table, levels, begun(table, levels), noise)
    with pytest.raises(InputError, match="used up"):
        noise(levels[:, 0], levels[:, 1])


def test_lcm_noises_the_clean_latents_again() -> None:
    table = TABLES["flow"]
    levels = levels_of("flow", "lcm", ("normal", 3, 1.0))
    x, noise = begun(table, levels), torch.ones(1, *SHAPE)
    first, *_, last = sampled("lcm", table, levels, x, recorded_noise([noise, noise]))
    clean = Toy(table.space)(x, levels[:, 0])
    assert torch.equal(first, table.space.noised(clean, noise, levels[:, 1]))
    assert last.isfinite().all()


def test_a_negative_tells_the_noise_in_cfg_plus_plus() -> None:
    class Guided(Toy):
        def pair(self, x: Tensor, sigma: Tensor) -> tuple[Tensor, Tensor]:
            clean = self(x, sigma)
            return clean, clean - 1

    table = TABLES["exploding"]
    levels = levels_of("exploding", "euler", ("karras", 3, 1.0))
    x = begun(table, levels)
    run = Run(Guided(table.space), levels, table.space, own_noise(SHAPE, [0]))
    first = next(sampler("euler_cfg_pp")(run, x))
    plain = next(sampler("euler")(run, x))
    left = across(levels[:, 1] / levels[:, 0], x)
    torch.testing.assert_close(first - plain, left.expand_as(x))


def test_names_that_need_care_are_known() -> None:
    assert set(RENOISED) | set(TREES) <= set(SAMPLERS)
    assert SAMPLERS["ddim"] is SAMPLERS["euler"]
    assert SAMPLERS["dpmpp_2m_sde_gpu"] is SAMPLERS["dpmpp_2m_sde"]


def test_an_unknown_name_lists_the_known_ones() -> None:
    with pytest.raises(InputError, match=r"'eular' is unknown; known: euler, .*uni_pc_bh2"):
        sampler("eular")
