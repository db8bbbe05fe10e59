"""Golden 20, VAE: latents and pictures of a small model are ComfyUI's."""

from __future__ import annotations

import numpy as np
import pytest

from tests.golden.loader import Case, cases, check

torch = pytest.importorskip("torch", reason="needs detailer[diffusion]")
pytest.importorskip("diffusers", reason="needs detailer[diffusion]")

from detailer.engines.painters.diffusion.vae import Vae  # noqa: E402  # after the skip
from tests.golden.small_model import golden_model  # noqa: E402

LATENTS, PICTURE = 1e-4, 2e-5


def vae() -> Vae:
    return golden_model().family.vae


def encodes(case: Case) -> None:
    pixels = torch.from_numpy(case.inputs["image"]).permute(0, 3, 1, 2)
    with torch.no_grad():
        ours = vae().encode(pixels).numpy()
    scale = case.params["scaling_factor"]
    np.testing.assert_allclose(ours, case.outputs["latent_scaled"], rtol=0, atol=LATENTS * scale)
    np.testing.assert_allclose(ours / scale, case.outputs["latent_raw"], rtol=0, atol=LATENTS)


def decodes(case: Case) -> None:
    latents = torch.from_numpy(case.inputs["latent_raw"]) * case.params["scaling_factor"]
    with torch.no_grad():
        ours = vae().decode_safely(latents)
    for picture, theirs in zip(ours, case.outputs["image"], strict=True):
        assert picture is not None
        np.testing.assert_allclose(picture.permute(1, 2, 0), theirs, rtol=0, atol=PICTURE)


@cases("20_vae")
def test_the_vae_gives_what_comfyuis_gives(case: Case) -> None:
    check(case, {"encode": encodes, "decode": decodes})
