"""Device: in which precision a model runs on its device."""

from __future__ import annotations

import platform
from pathlib import Path
from typing import Literal, TypeAlias

import torch

from detailer.errors import InputError

Precision: TypeAlias = Literal["auto", "fp32", "fp16", "bf16"]

_DTYPES = {"fp32": torch.float32, "fp16": torch.float16, "bf16": torch.bfloat16}
_FAST_BF16 = ("avx512_bf16", "amx_bf16")


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
