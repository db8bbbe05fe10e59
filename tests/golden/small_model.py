"""The recorded small model, loaded as people load a checkpoint: a single file and its config."""

from __future__ import annotations

from functools import cache

from detailer.engines.painters.diffusion.model import Model, open_model
from detailer.engines.painters.diffusion.options import Options
from tests.golden.checkpoint import golden_checkpoint
from tests.golden.loader import folder


def options() -> Options:
    """On the CPU in fp32, as it was recorded; one at a time."""
    return Options(config=str(folder() / "20_diffusers_config"), device="cpu", dtype="fp32")


@cache
def golden_model() -> Model:
    """Loaded once in a process."""
    return open_model(str(golden_checkpoint()), options())
