"""A1111's names of samplers and schedules."""

from __future__ import annotations

import pytest

from detailer.recipes.adetailer.samplers import SAMPLERS, SCHEDULES, sampling

OF_A1111 = (
    "DPM++ 2M", "DPM++ SDE", "DPM++ 2M SDE", "DPM++ 2M SDE Heun", "DPM++ 2S a", "DPM++ 3M SDE",
    "Euler a", "Euler", "LMS", "Heun", "DPM2", "DPM2 a", "DPM fast", "DPM adaptive", "Restart",
    "DDIM", "DDIM CFG++", "PLMS", "UniPC", "LCM",
)  # fmt: skip
SCHEDULES_OF_A1111 = (
    "Automatic", "Uniform", "Karras", "Exponential", "Polyexponential", "SGM Uniform", "KL Optimal",
    "Align Your Steps", "Simple", "Normal", "DDIM", "Beta",
)  # fmt: skip


@pytest.mark.parametrize("sampler", OF_A1111)
@pytest.mark.parametrize("scheduler", SCHEDULES_OF_A1111)
def test_every_sampler_of_a1111_has_a_counterpart_with_every_schedule(
    sampler: str, scheduler: str
) -> None:
    assert sampling(sampler, scheduler) is not None


def test_every_counterpart_is_there() -> None:
    pytest.importorskip("torch", reason="needs detailer[diffusion]")
    from detailer.engines.painters.diffusion.samplers import SAMPLERS as OURS
    from detailer.engines.painters.diffusion.schedules import scheduler

    for way in SAMPLERS.values():
        assert way.sampler_name in OURS
        scheduler(way.automatic)
    for levels in SCHEDULES.values():
        scheduler(levels.scheduler)


@pytest.mark.parametrize(
    ("sampler", "scheduler", "ours"),
    [
        ("DPM++ 2M Karras", "Use what you like", ("dpmpp_2m", "karras")),
        ("DPM++ 2M SDE Heun Exponential", "Karras", ("dpmpp_2m_sde_heun", "exponential")),
        ("DPM++ 2S a Karras", "Automatic", ("dpmpp_2s_ancestral", "karras")),
        ("DPM++ 2M", "Uniform", ("dpmpp_2m", "normal")),
        ("DPM++ 2M", "Automatic", ("dpmpp_2m", "karras")),
        ("DPM++ 3M SDE", "", ("dpmpp_3m_sde", "exponential")),
        ("Euler a", "Automatic", ("euler_ancestral", "normal")),
        ("euler", "sgm_uniform", ("euler", "sgm_uniform")),
        ("Euler SGM Uniform", "Automatic", ("euler", "sgm_uniform")),
        ("Euler", "SGMUniform", ("euler", "sgm_uniform")),
        ("LMS Karras", "Automatic", ("lms", "karras")),
        ("DDIM", "Karras", ("ddim", "ddim_uniform")),
        ("Euler", "Align Your Steps", ("euler", "AYS SD1")),
        (" Heun ", " Beta ", ("heun", "beta")),
    ],
)
def test_names_mean_what_they_mean_in_a1111(
    sampler: str, scheduler: str, ours: tuple[str, str]
) -> None:
    found = sampling(sampler, scheduler)
    assert found is not None
    assert (found.way.sampler_name, found.levels.scheduler) == ours


def test_an_sdxl_aligns_its_steps_by_its_own_figures() -> None:
    found = sampling("Euler", "Align Your Steps", xl=True)
    assert found is not None
    assert found.levels.scheduler == "AYS SDXL"


@pytest.mark.parametrize("sampler", ["Eular", "Karras", "Euler Karas", ""])
def test_an_unknown_sampler_has_no_counterpart(sampler: str) -> None:
    assert sampling(sampler, "Karras") is None


def test_instead_of_an_unknown_schedule_the_samplers_own_is_taken_with_a_remark() -> None:
    found = sampling("DPM++ 2M", "Karas")
    assert found is not None
    assert found.levels.scheduler == "karras"
    assert "not known" in found.remarks[0]


@pytest.mark.parametrize(
    ("sampler", "scheduler"),
    [
        ("Euler", "KL Optimal"),
        ("PLMS", ""),
        ("DPM adaptive", ""),
        ("Restart", ""),
        ("Heun", "Beta"),
    ],
)
def test_what_is_not_quite_the_same_says_so(sampler: str, scheduler: str) -> None:
    found = sampling(sampler, scheduler)
    assert found is not None
    assert found.remarks


@pytest.mark.parametrize("name", ["DPM++ 2M Karras", "Euler a", "DPM++ SDE Karras", "DPM2 Karras"])
def test_what_is_the_same_says_nothing(name: str) -> None:
    found = sampling(name, "Automatic")
    assert found is not None
    assert found.remarks == ()
