"""Faults: what diffusers raises as well, as one error that names the file."""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path

from diffusers.loaders.single_file_utils import SingleFileComponentError

from detailer.engines import faults


def as_engine_error(path: Path | str, remedy: str = "") -> AbstractContextManager[None]:
    """What goes wrong inside, as an EngineError that begins with the file's name.

    Raises:
        EngineError: For everything that diffusers, transformers and torch are known to raise.
    """
    return faults.as_engine_error(path, remedy, (*faults.FAULTS, SingleFileComponentError))
