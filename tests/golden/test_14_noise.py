"""Golden 14: noise as ComfyUI draws it."""

from __future__ import annotations

import numpy as np
import pytest

from tests.golden.loader import Case, cases, check

pytest.importorskip("torch", reason="needs detailer[diffusion]")

from detailer.engines.painters.diffusion.noise import batch_noise, start_noise


def check_noise(case: Case) -> None:
    shape, seed = tuple(case.params["shape"]), case.params["seed"]
    theirs = case.outputs["noise"]
    ours = batch_noise(shape, seed, case.params["batch_inds"])
    assert np.array_equal(ours.numpy(), theirs)
    if shape[0] == 1 and case.params["batch_inds"] is None:
        assert np.array_equal(start_noise(shape[1:], [seed]).numpy(), theirs)


@cases("14_noise")
def test_noise_is_comfyuis(case: Case) -> None:
    # All of this set is one function, whatever a stratum is called.
    check(case, {case.stratum: check_noise})
