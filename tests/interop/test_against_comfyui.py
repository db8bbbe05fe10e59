"""Against ComfyUI itself: the same checkpoint, the same settings, the same latents.

    COMFYUI_DIR=../ComfyUI COMFYUI_PYTHON=../ComfyUI/.venv/bin/python pytest tests/interop

DETAILER_INTEROP_CACHE is where the checkpoints are kept, 2.6 GB in all (default: the temporary
folder). DETAILER_INTEROP_RESULTS names a JSON file to write the whole table to.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from tests.interop.cases import NEGATIVE, POSITIVE, Case, arrays, sampled, table
from tests.interop.comfyui import Comfy, checkout
from tests.interop.record import TOLERANCE, Record, apart, commit

if TYPE_CHECKING:
    from tests.interop.ours import Ours

if checkout() is None:
    pytest.skip("COMFYUI_DIR names no checkout of ComfyUI", allow_module_level=True)

pytestmark = pytest.mark.slow
LIBRARIES = ("torch", "diffusers", "transformers", "safetensors")
TABLES = {"narrow": tuple(table()), "real": tuple(sampled())}
RUNS = [
    pytest.param(layout, case, id=f"{layout}-{case.name}")
    for layout, cases in TABLES.items()
    for case in cases
]


@dataclass(frozen=True, eq=False)
class Pair:
    """One checkpoint in both programs."""

    layout: str
    theirs: Comfy
    ours: Ours
    conditions: tuple[np.ndarray, np.ndarray]
    record: Record


def cache() -> Path:
    default = Path(tempfile.gettempdir(), "detailer-interop")
    return Path(os.environ.get("DETAILER_INTEROP_CACHE", default))


@pytest.fixture(scope="module")
def record() -> Iterator[Record]:
    record = Record()
    yield record
    if "DETAILER_INTEROP_RESULTS" in os.environ:
        record.write(Path(os.environ["DETAILER_INTEROP_RESULTS"]))


@dataclass(eq=False)
class Stage:
    """Opens a checkpoint in both programs when it is first asked for, one checkpoint at a time."""

    record: Record
    _open: ExitStack = field(default_factory=ExitStack)
    _pair: Pair | None = None

    def pair(self, layout: str) -> Pair:
        if self._pair is None or self._pair.layout != layout:
            self.close()
            self._pair = self._opened(layout)
        return self._pair

    def close(self) -> None:
        self._pair = None
        self._open.close()

    def _opened(self, layout: str) -> Pair:
        """Made where it is missing, loaded there and here, its prompts encoded."""
        from tests.interop.configuration import configuration
        from tests.interop.ours import open_ours
        from tests.interop.weights import LAYOUTS, checkpoint_file

        folder = checkout()
        assert folder
        path = checkpoint_file(cache(), layout)
        config = configuration(LAYOUTS[layout], cache() / f"config_{layout}")
        theirs = self._open.enter_context(Comfy(folder, path))
        self.record.comfyui = {**theirs.loaded, "commit": commit(folder)}
        said = theirs.encode([POSITIVE, NEGATIVE])
        return Pair(layout, theirs, open_ours(path, config), (said[0], said[1]), self.record)


@pytest.fixture(scope="module")
def stage(record: Record) -> Iterator[Stage]:
    for library in LIBRARIES:
        pytest.importorskip(library, reason="needs detailer[diffusion]")
    stage = Stage(record)
    yield stage
    stage.close()


@pytest.mark.parametrize(("layout", "case"), RUNS)
def test_runs_end_with_the_same_latents(stage: Stage, layout: str, case: Case) -> None:
    pair = stage.pair(layout)
    positive, negative = pair.conditions
    given = {**arrays(case), "positive": positive, "negative": negative}
    theirs = pair.theirs.sample(case.settings(), given)
    ours = pair.ours.sample(case)
    distance = apart(ours.latent, theirs.arrays["latent"])
    timesteps = theirs.figures["timesteps"]
    row = {
        "apart": distance,
        "calls": len(timesteps),
        "same_timesteps": ours.timesteps == timesteps,
    }
    pair.record.add(pair.layout, case, row)
    assert distance < TOLERANCE, f"{ours.timesteps} here, {timesteps} there"


# The real one is open by now.
@pytest.mark.parametrize("layout", reversed(TABLES))
def test_prompts_and_pictures_become_the_same(stage: Stage, layout: str) -> None:
    pair = stage.pair(layout)
    for theirs, ours in zip(pair.conditions, pair.ours.said(), strict=True):
        far = float(np.abs(ours - theirs).max())
        pair.record.note(layout, "text", far)
        assert far < 2e-5
    image = np.random.default_rng(7).random((1, 8, 6, 3), np.float32)
    image = np.ascontiguousarray(image.repeat(16, 1).repeat(16, 2))
    made = pair.theirs.round_trip(image).arrays
    latent, decoded = pair.ours.round_trip(image, made["latent"])
    distances = apart(latent, made["latent"]), float(np.abs(decoded - made["decoded"]).max())
    pair.record.note(layout, "encode", distances[0])
    pair.record.note(layout, "decode", distances[1])
    assert distances[0] < 1e-4
    assert distances[1] < 2e-5
