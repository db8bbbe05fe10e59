"""Golden 20, sampling: a small model's latents are those that ComfyUI ends with."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.golden.loader import Case, cases

torch = pytest.importorskip("torch", reason="needs detailer[diffusion]")

from detailer.core.geometry import Size  # noqa: E402  # after the skip
from detailer.engines.painters.diffusion.condition import Condition  # noqa: E402
from detailer.engines.painters.diffusion.families.family import Family  # noqa: E402
from detailer.engines.painters.diffusion.forward import Guides  # noqa: E402
from detailer.engines.painters.diffusion.guiders import guider  # noqa: E402
from detailer.engines.painters.diffusion.loop import Leg, Sampling, Stage, denoise  # noqa: E402
from detailer.engines.painters.diffusion.masks import Act, Kept  # noqa: E402
from detailer.engines.painters.diffusion.noise import own_noise, recorded_noise  # noqa: E402
from detailer.engines.painters.diffusion.samplers import sampler  # noqa: E402
from tests.golden.small_model import golden_model  # noqa: E402

ACTS = {"none": "off", "hard": "blend", "soft": "blend", "soft_dd": "differential_comfy"}


@pytest.fixture(scope="module")
def family() -> Family:
    return golden_model().family


def kept_of(case: Case, family: Family) -> Kept:
    inputs = {name: torch.from_numpy(array) for name, array in case.inputs.items()}
    latents = inputs["latent_raw"] * case.params["scaling_factor"]
    around = inputs.get("inpaint_noise", inputs["noise"])
    mask = inputs.get("latent_mask", torch.ones(1, 4, 1, 1))[:, :1]
    act = Act(ACTS[case.params["mask"]])  # type: ignore[arg-type]
    table = family.table(Size(128, 128))
    return Kept(latents, around, mask, [act], inputs["sigmas"][None], table)


def leg_of(case: Case, family: Family) -> Leg:
    inputs, params = case.inputs, case.params
    said = [Condition({"hidden": torch.from_numpy(inputs[key][0])}) for key in ("cond", "uncond")]
    levels = torch.tensor(case.outputs["model_call_sigmas"])
    timesteps = torch.tensor(case.outputs["model_call_timesteps"], dtype=torch.float32)
    return Leg(
        family,
        said[:1],
        said[1:] if params["cfg"] != 1 else None,
        torch.tensor([params["cfg"]]),
        guider("cfg"),
        Guides(Size(128, 128)),
        0,
        len(inputs["sigmas"]) - 1,
        lambda sigma: timesteps[(levels - sigma).abs().argmin()][None],
    )


def last_stage(case: Case, family: Family) -> Stage:
    kept = kept_of(case, family)
    recorded = case.inputs.get("step_noise")
    shape = tuple(kept.latents.shape[1:])
    noise: Any = own_noise(shape, [0])
    if recorded is not None:
        noise = recorded_noise(torch.from_numpy(np.asarray(recorded)))
    sampling = Sampling(sampler(case.params["sampler"]), noise)
    start = torch.from_numpy(case.inputs["noise"])
    with torch.no_grad():
        *_, last = denoise(kept, start, [leg_of(case, family)], sampling)
    return last


@pytest.mark.slow
@cases("20_sample")
def test_the_final_latents_are_comfyuis(case: Case, family: Family) -> None:
    stage = last_stage(case, family)
    # The detailers' own sampling returns the clean latents, the plain one the last x.
    ours = stage.clean if case.function == "impact_ksampler_wrapper" else stage.x
    theirs = case.outputs["latent_raw"] * case.params["scaling_factor"]
    limit = 1e-3 if case.params["sampler"].startswith("uni_pc") else 3e-4
    np.testing.assert_allclose(ours.numpy(), theirs, rtol=0, atol=limit)
