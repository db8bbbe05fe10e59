"""Device: where a model runs, and in which precision."""

from __future__ import annotations

import platform
from pathlib import Path
from typing import Literal, TypeAlias

import torch

from detailer.errors import EngineError, InputError

Precision: TypeAlias = Literal["auto", "fp32", "fp16", "bf16"]

_DTYPES = {"fp32": torch.float32, "fp16": torch.float16, "bf16": torch.bfloat16}
_CUDA = "https://pytorch.org/get-started/locally"
_FAST_BF16 = ("avx512_bf16", "amx_bf16")


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


def dtype_of(wish: Precision, device: torch.device, flow: bool = False) -> torch.dtype:
    """The networks' precision; `flow` says that the model was trained on flows.

    auto is bf16 where that is fast and good, else what is: on CPUs bf16 if they compute in it
    (measured 1.4 to 2 times as fast; emulated it is slower than fp32), on GPUs fp16 for Stable
    Diffusion and bf16 for flow models, whose activations leave fp16's range.

    Raises:
        InputError: If fp16 is asked for on a CPU, which has no kernels worth the name.
    """
    if wish == "fp16" and device.type == "cpu":
        raise InputError("dtype=fp16 does not run on a CPU; give dtype=bf16, fp32 or auto")
    if wish != "auto":
        return _DTYPES[wish]
    if device.type == "cpu":
        return torch.bfloat16 if has_fast_bf16() else torch.float32
    if device.type == "cuda" and flow:
        return torch.bfloat16 if _cuda_has_bf16(device) else torch.float32
    return torch.float16


def vae_dtype_of(dtype: torch.dtype, force_upcast: bool, device: torch.device) -> torch.dtype:
    """The VAE's precision: fp16 only for one that says it bears it, else bf16 or fp32."""
    if dtype != torch.float16 or not force_upcast:
        return dtype
    if device.type == "cuda" and _cuda_has_bf16(device):
        return torch.bfloat16
    return torch.float32


def has_fast_bf16() -> bool:
    """Whether this CPU computes in bf16 itself, as far as torch or the system can tell."""
    asked = getattr(torch.cpu, "get_capabilities", None)
    if asked is not None:
        found = asked()
        return any(found.get(name, False) for name in _FAST_BF16)
    asked = getattr(torch.cpu, "_is_avx512_bf16_supported", None)
    if asked is not None:
        return bool(asked())
    if platform.system() != "Linux":
        return False
    try:
        flags = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return False
    return any(name in flags for name in _FAST_BF16)


def _cuda_has_bf16(device: torch.device) -> bool:
    # torch says yes to cards before Ampere as well, where it is emulated and slow.
    return torch.cuda.get_device_capability(device) >= (8, 0)


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
