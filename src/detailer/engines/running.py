"""Running: a network of torch at work, and what goes wrong then as an error that names it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import torch

from detailer.core.geometry import Size
from detailer.engines.faults import FAULTS, said
from detailer.errors import DetailerError, EngineError

_TILES: Final = "look at tiles (tile=1280), give device=cpu, or take a smaller model"
_FAULTS = (*FAULTS, MemoryError, ArithmeticError)
_FULL = ("out of memory", "not enough memory", "can't allocate memory")


@contextmanager
def running(engine: str, model: str, size: Size, remedy: str = _TILES) -> Iterator[None]:
    """Runs what is inside without gradients; what fails is an EngineError.

    Args:
        engine: Its name, with its kind: `detector transformers`.
        model: As a person wrote it.
        size: Of the picture that is looked at.
        remedy: What to do where memory does not suffice.

    Raises:
        EngineError: If memory does not suffice, or the network cannot do it.
    """
    try:
        with torch.inference_mode():
            yield
    except DetailerError:
        raise
    except _FAULTS as fault:
        words = f"{engine} cannot look at a picture of {size} with {model}"
        if _is_full(fault):
            raise EngineError(
                f"{words}: memory does not suffice ({said(fault)}); {remedy}"
            ) from fault
        raise EngineError(f"{words}: {said(fault)}") from fault


def _is_full(fault: Exception) -> bool:
    # torch tells an allocation that fails on the CPU by its words alone.
    full = (MemoryError, torch.OutOfMemoryError)
    return isinstance(fault, full) or any(word in str(fault).lower() for word in _FULL)
