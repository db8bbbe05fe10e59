"""Previews: a tiny VAE shows each region after every step."""

from __future__ import annotations

from pathlib import Path

import diffusers
import numpy as np
import pytest
import torch

from detailer.core.plan import Progress
from detailer.engines.painters.diffusion.loading.quiet import quiet
from detailer.engines.painters.diffusion.options import Options
from detailer.engines.painters.diffusion.painter import open_diffusion
from detailer.errors import EngineError
from tests.engines.painters.diffusion.test_every_family import cutout
from tests.engines.painters.diffusion.tiny import folder


@pytest.fixture
def taesd(tmp_path: Path) -> Path:
    torch.manual_seed(5)
    tiny = diffusers.AutoencoderTiny(
        latent_channels=4,
        encoder_block_out_channels=(8, 8, 8, 8),
        decoder_block_out_channels=(8, 8, 8, 8),
        num_encoder_blocks=(1, 1, 1, 1),
        num_decoder_blocks=(1, 1, 1, 1),
    )
    with quiet():
        tiny.save_pretrained(tmp_path / "taesd")
    return tmp_path / "taesd"


def test_every_step_shows_every_region_of_its_batch(taesd: Path) -> None:
    options = Options(device="cpu", dtype="fp32", taesd=str(taesd), batching="on")
    paint = open_diffusion(str(folder("sd15")), options)
    steps = [one for one in paint([cutout(0), cutout(1)]) if isinstance(one, Progress)]
    assert len(steps) == 4
    for step in steps:
        assert sorted(step.previews) == [0, 1]
        assert all(shown.shape == (64, 64, 3) for shown in step.previews.values())
        assert all(shown.dtype == np.uint8 for shown in step.previews.values())
    assert not np.array_equal(steps[0].previews[0], steps[-1].previews[0])


def test_a_preview_for_another_family_is_refused(taesd: Path) -> None:
    options = Options(device="cpu", dtype="fp32", taesd=str(taesd))
    with pytest.raises(EngineError, match="4 channels, the model has 16; take"):
        open_diffusion(str(folder("flux")), options)


def test_without_one_nothing_is_shown() -> None:
    paint = open_diffusion(str(folder("sd15")), Options(device="cpu", dtype="fp32"))
    assert all(not one.previews for one in paint([cutout(0)]) if isinstance(one, Progress))
