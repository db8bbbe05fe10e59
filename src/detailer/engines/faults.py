"""Faults: what the libraries raise over broken or foreign files, as one error that names them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from huggingface_hub.errors import StrictDataclassError
from safetensors import SafetensorError

from detailer.errors import DetailerError, EngineError

FAULTS: Final = (
    OSError, ValueError, RuntimeError, KeyError, TypeError, AttributeError, IndexError,
    ImportError, SafetensorError, StrictDataclassError,
)  # fmt: skip
"""What transformers, safetensors and torch are known to raise."""

_LONGEST = 300


@contextmanager
def as_engine_error(
    path: Path | str, remedy: str = "", faults: tuple[type[Exception], ...] = FAULTS
) -> Iterator[None]:
    """What goes wrong inside, as an EngineError that begins with the file's name.

    Raises:
        EngineError: For everything that is among the faults.
    """
    try:
        yield
    except DetailerError:
        raise
    except faults as fault:
        hint = f"; {remedy}" if remedy else ""
        raise EngineError(f"{path} cannot be loaded: {said(fault)}{hint}") from fault


def said(fault: BaseException) -> str:
    """What a library says, in one line of bearable length."""
    if isinstance(fault, KeyError) and fault.args:
        return f"it has no {fault.args[0]}"
    if "meta tensor" in str(fault):
        # What a file lacks is left without values, and torch stumbles over that.
        return "it lacks some of its tensors"
    words = " ".join(str(fault).split()) or type(fault).__name__
    return words if len(words) <= _LONGEST else f"{words[:_LONGEST]} …"
