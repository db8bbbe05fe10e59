"""Golden 11: noise levels as ComfyUI and the Impact Pack choose them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.golden.loader import Case, cases, check

pytest.importorskip("torch", reason="needs detailer[diffusion]")

import torch

from detailer.engines.painters.diffusion.schedules import Steps, sigmas
from detailer.engines.painters.diffusion.table import Table, betas

TABLE = Table.trained(betas())


def check_sigmas(case: Case) -> None:
    asked = case.params
    wish = Steps(
        asked["scheduler"],
        asked["steps"],
        asked.get("denoise", 1.0),
        asked.get("sampler", "euler"),
        from_start=case.stratum == "impact",
    )
    theirs = np.asarray(case.outputs["sigmas"])
    ours = sigmas(wish, TABLE).numpy()
    assert np.isfinite(ours).all()
    # With one step kl_optimal divides zero by zero there; ours starts from the highest level.
    theirs = np.where(np.isnan(theirs), TABLE.highest, theirs)
    np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=0)


def check_table(case: Case) -> None:
    asked, theirs = case.params, case.outputs
    if "sigmas" in theirs:
        np.testing.assert_allclose(TABLE.sigmas, theirs["sigmas"], rtol=1e-6)
        return
    steps = TABLE.timestep(torch.tensor(asked["sigma"]))
    assert steps.tolist() == theirs["timestep"]
    levels = TABLE.sigma(torch.tensor(asked["timestep"]))
    np.testing.assert_allclose(levels, theirs["sigma"], rtol=1e-6)


CHECKS: dict[str, Any] = {
    "table": check_table,
    "discard_penultimate": check_sigmas,
    "edge": check_sigmas,
    "ays_gits": check_sigmas,
    "impact": check_sigmas,
} | {
    f"ksampler:{name}": check_sigmas
    for name in (
        "normal", "karras", "exponential", "sgm_uniform", "simple", "ddim_uniform", "beta",
        "linear_quadratic", "kl_optimal",
    )
}  # fmt: skip


@cases("11_sigmas")
def test_noise_levels_are_comfyuis(case: Case) -> None:
    check(case, CHECKS)
