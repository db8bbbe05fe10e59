"""Golden 20, UNet: what a small model predicts is what ComfyUI's predicts."""

from __future__ import annotations

import numpy as np
import pytest

from tests.golden.loader import Case, cases

torch = pytest.importorskip("torch", reason="needs detailer[diffusion]")
pytest.importorskip("diffusers", reason="needs detailer[diffusion]")

from torch import Tensor  # noqa: E402  # after the skip

from detailer.core.geometry import Size  # noqa: E402
from detailer.engines.painters.diffusion.condition import Condition  # noqa: E402
from detailer.engines.painters.diffusion.forward import Forward, Guides  # noqa: E402
from tests.golden.small_model import golden_model  # noqa: E402

TOLERANCE = 1e-5


def predicted(inputs: dict[str, Tensor]) -> Tensor:
    x, sigma = inputs["x"], inputs["sigma"]
    said = [Condition({"hidden": text}) for text in inputs["cond"]]
    size = Size(8 * x.shape[-1], 8 * x.shape[-2])
    with torch.no_grad():
        return golden_model().family.predict(Forward(x, sigma, said, Guides(size)))


@cases("20_unet")
def test_the_clean_latents_are_comfyuis(case: Case) -> None:
    inputs = {name: torch.from_numpy(array) for name, array in case.inputs.items()}
    clean = predicted(inputs)
    x, sigma = inputs["x"], inputs["sigma"].view(-1, 1, 1, 1)
    close = 3 * TOLERANCE * max(1.0, float(sigma.max()))
    np.testing.assert_allclose(clean, case.outputs["x0"], rtol=0, atol=close)
    # At high noise levels the noise itself shows smaller faults than the latents do.
    noise = (x - clean) / sigma
    floor = 2e-7 * float(x.abs().max()) / float(sigma.min())
    np.testing.assert_allclose(noise, case.outputs["eps"], rtol=0, atol=TOLERANCE + floor)


@cases("20_unet")
def test_the_timestep_of_a_noise_level_is_comfyuis(case: Case) -> None:
    table = golden_model().family.table(Size(64, 64))
    ours = table.timestep(torch.from_numpy(case.inputs["sigma"]))
    np.testing.assert_array_equal(ours.numpy(), case.inputs["timestep"])
