"""Device: where a model of torch runs."""

from __future__ import annotations

import torch

from detailer.errors import EngineError, InputError

_CUDA = "https://pytorch.org/get-started/locally"


def device_of(wish: str) -> torch.device:
    """The device that is meant by auto, cpu, cuda, cuda:1 or mps.

    Raises:
        InputError: If it is none of these.
        EngineError: If it is not here; the message says what to install.
    """
    if wish == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda", torch.cuda.current_device())
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    kind, _, index = wish.partition(":")
    if kind not in ("cpu", "cuda", "mps") or (index and (kind != "cuda" or not index.isdecimal())):
        raise InputError(f"device={wish!r} is not known; give auto, cpu, cuda, cuda:1 or mps")
    if kind == "cuda":
        return torch.device("cuda", _checked_cuda(int(index or 0)))
    if kind == "mps" and not torch.backends.mps.is_available():
        raise EngineError(
            f"device=mps is not here: torch {torch.__version__} sees no Apple GPU"
            " (it needs macOS 12.3 and an M-series chip); give device=cpu"
        )
    return torch.device(kind)


def _checked_cuda(index: int) -> int:
    if not torch.cuda.is_available():
        build = f"for CUDA {torch.version.cuda}" if torch.version.cuda else "for the CPU only"
        remedy = (
            "check the NVIDIA driver with nvidia-smi"
            if torch.version.cuda
            else f"install the CUDA build: see {_CUDA}"
        )
        raise EngineError(
            f"device=cuda is not here: torch {torch.__version__} is built {build} and sees no"
            f" GPU; {remedy}, or give device=cpu"
        )
    count = torch.cuda.device_count()
    if index >= count:
        raise EngineError(f"device=cuda:{index} is not here; there are cuda:0 to cuda:{count - 1}")
    return index
