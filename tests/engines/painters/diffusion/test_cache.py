"""Caches: the same painter, hurried; off unless asked for."""

from __future__ import annotations

import numpy as np
import pytest

from detailer.core.plan import Cutout, Painted
from detailer.engines.painters.diffusion.options import Options
from detailer.engines.painters.diffusion.painter import Diffusion, open_diffusion
from detailer.errors import EngineError
from tests.engines.painters.diffusion.test_every_family import cutout
from tests.engines.painters.diffusion.tiny import folder

TOLD = {"steps": 12, "denoise": 0.9, "cfg": 1.0}


def opened(name: str, cache: str) -> Diffusion:
    options = Options(device="cpu", dtype="fp32", cache=cache, batching="on")
    painter = open_diffusion(str(folder(name)), options)
    assert isinstance(painter, Diffusion)
    return painter


def painted(painter: Diffusion, *cutouts: Cutout) -> np.ndarray:
    return np.stack([each.pixels for each in painter(cutouts) if isinstance(each, Painted)])


@pytest.mark.parametrize("kind", ["first_block", "taylor"])
@pytest.mark.parametrize("name", ["flux", "qwen_image"])
def test_a_cached_run_is_near_the_whole_one_and_leaves_nothing_behind(name: str, kind: str) -> None:
    whole = painted(opened(name, "none"), cutout(**TOLD))
    painter = opened(name, kind)
    first = painted(painter, cutout(**TOLD))
    painted(painter, cutout(1, **TOLD))
    assert np.array_equal(painted(painter, cutout(**TOLD)), first)
    assert np.abs(first - whole).mean() < 0.02


def test_texts_of_several_lengths_are_painted_without_the_cache() -> None:
    told = [TOLD | {"prompt": "a face"}, TOLD | {"prompt": "somebody else, at some length"}]
    work = [cutout(i, **each) for i, each in enumerate(told)]
    whole = painted(opened("qwen_image", "none"), *work)
    painter = opened("qwen_image", "first_block")
    np.testing.assert_allclose(painted(painter, *work), whole, atol=1e-5)
    assert painter.model.cache._denoiser.is_cache_enabled


def test_a_unet_has_no_cache_and_says_so() -> None:
    with pytest.raises(EngineError, match="UNet2DConditionModel has none"):
        opened("sd15", "taylor")
