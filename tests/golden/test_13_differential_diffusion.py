"""Golden 13: the mask of differential diffusion at every step."""

from __future__ import annotations

import numpy as np
import pytest

from tests.golden.loader import Case, cases, check

torch = pytest.importorskip("torch", reason="needs detailer[diffusion]")

from detailer.engines.painters.diffusion.masks import Act, Kept  # noqa: E402  # after the skip
from detailer.engines.painters.diffusion.table import Table, betas  # noqa: E402


def check_steps(case: Case) -> None:
    sigmas = torch.from_numpy(case.inputs["sigmas"])[None]
    mask = torch.from_numpy(case.inputs["denoise_mask"])
    nothing = torch.zeros_like(mask)
    table = Table.trained(betas())
    # With strength 0 the peer leaves its strength out altogether.
    act = Act("differential_comfy", case.params["strength"] or 1.0)
    kept = Kept(nothing, nothing, mask, [act], sigmas, table)
    ours = torch.stack([kept.at(sigma) for sigma in sigmas[0, :-1].split(1)])
    np.testing.assert_array_equal(ours.numpy(), case.outputs["masks_per_step"])


@cases("13_differential_diffusion")
def test_the_mask_of_every_step_is_comfyuis(case: Case) -> None:
    check(case, {"dd": check_steps})
