"""Golden 12: the nodes' resampling of pictures and masks."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

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


def check_vae_crop(case: Case) -> None:
    pytest.importorskip("torch", reason="needs detailer[diffusion]")
    from detailer.engines.painters.diffusion.fit import vae_crop

    box = vae_crop(Size(case.params["w"], case.params["h"]))
    outputs = case.outputs
    assert (box.left, box.top) == (outputs["offset_x"], outputs["offset_y"])
    assert box.size == Size(outputs["out_w"], outputs["out_h"])
    assert [side // 8 for side in box.size.shape] == outputs["latent_hw"]


def check_latent_mask(case: Case) -> None:
    pytest.importorskip("torch", reason="needs detailer[diffusion]")
    from detailer.engines.painters.diffusion.masks import as_the_nodes

    theirs = case.outputs["result"]
    ours = as_the_nodes(case.inputs["mask"][0], theirs.shape[-2:])
    np.testing.assert_allclose(np.broadcast_to(ours, theirs.shape), theirs, rtol=0, atol=1e-6)


CHECKS = {
    "tensor_resize": check_picture,
    "general_resize": check_plane,
    "resize_mask": check_mask,
    "vae_crop": check_vae_crop,
    "latent_mask": check_latent_mask,
}


@cases("12_resize_and_latent_geometry")
def test_resampling_is_the_nodes(case: Case) -> None:
    check(case, CHECKS)
