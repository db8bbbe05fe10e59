"""Golden 12: the nodes' resampling of pictures and masks."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from detailer.core.compatible import bilinear, truncating_lanczos
from detailer.core.geometry import Size
from tests.golden.loader import Case, cases, check


def assert_planes(case: Case, ours: Callable[[np.ndarray], np.ndarray], name: str) -> None:
    planes = [ours(plane) for plane in case.inputs[name]]
    theirs = case.outputs["result"]
    np.testing.assert_allclose(np.stack(planes).reshape(theirs.shape), theirs, rtol=0, atol=1e-5)


def check_picture(case: Case) -> None:
    size = Size(case.params["w"], case.params["h"])
    assert_planes(case, lambda plane: truncating_lanczos(plane, size), "image")


def check_plane(case: Case) -> None:
    size = Size(case.params["w"], case.params["h"])
    assert_planes(case, lambda plane: bilinear(plane[..., 0], size), "image")


def check_mask(case: Case) -> None:
    height, width = case.params["size_hw"]
    assert_planes(case, lambda plane: bilinear(plane, Size(width, height)), "mask")


CHECKS = {"tensor_resize": check_picture, "general_resize": check_plane, "resize_mask": check_mask}


@cases("12_resize_and_latent_geometry")
def test_resampling_is_the_nodes(case: Case) -> None:
    check(case, CHECKS)
