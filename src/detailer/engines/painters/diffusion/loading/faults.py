"""Faults: what the libraries raise over broken or foreign files, as one error that names them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from diffusers.loaders.single_file_utils import SingleFileComponentError
from safetensors import SafetensorError

from detailer.errors import DetailerError, EngineError

_FAULTS = (
    OSError, ValueError, RuntimeError, KeyError, TypeError, AttributeError, IndexError,
    ImportError, SafetensorError, SingleFileComponentError,
)  # fmt: skip
_LONGEST = 300


@contextmanager
def as_engine_error(path: Path | str, remedy: str = "") -> Iterator[None]:
    """What goes wrong inside, as an EngineError that begins with the file's name.

    Raises:
        EngineError: For everything that diffusers, transformers and torch are known to raise.
    """
    try:
        yield
    except DetailerError:
        raise
    except _FAULTS as fault:
        hint = f"; {remedy}" if remedy else ""
        raise EngineError(f"{path} cannot be loaded: {_said(fault)}{hint}") from fault


def _said(fault: Exception) -> str:
    """What a library says, in one line of bearable length."""
    if isinstance(fault, KeyError):
        return f"it has no {fault.args[0]}"
    if "meta tensor" in str(fault):
        # diffusers leaves what a file lacks without values, and torch stumbles over that.
        return "it lacks some of its tensors"
    said = " ".join(str(fault).split()) or type(fault).__name__
    return said if len(said) <= _LONGEST else f"{said[:_LONGEST]} …"
