"""Golden 04: the nodes' blur of a mask."""

from __future__ import annotations

import numpy as np

from detailer.core.alpha import gaussian
from tests.golden.loader import Case, cases, check


def check_blur(case: Case) -> None:
    mask, result = case.inputs["mask"], case.outputs["result"]
    height, width = mask.shape[-2:] if mask.shape[-1] != 1 or mask.ndim < 4 else mask.shape[1:3]
    params = case.params
    blurred = [
        gaussian(plane, params["kernel_size"], params["sigma"])
        for plane in mask.reshape(-1, height, width)
    ]
    np.testing.assert_allclose(
        np.stack(blurred), result.reshape(-1, height, width), rtol=0, atol=1e-5
    )


@cases("04_gaussian_blur_mask")
def test_the_blur_is_the_nodes(case: Case) -> None:
    check(case, dict.fromkeys(["blur", "batch", "node"], check_blur))
