"""Builds: whether torch and what stands on it were built for each other and for this machine."""

from __future__ import annotations

from collections.abc import Iterable
from importlib import import_module
from typing import Any

from detailer.engines.health.finding import Finding, version_of
from detailer.engines.health.machine import nvidia_driver

_CUDA_BUILD = "https://pytorch.org/get-started/locally"
FAILURES = (ImportError, OSError, RuntimeError, AttributeError)
"""What importing a package raises that was built for another one."""


def look_at_torch() -> Iterable[Finding]:
    """What there is to say of torch, its companions, the GPU, and diffusers; nothing without it."""
    if not version_of("torch"):
        return
    try:
        import torch
    except FAILURES as failure:
        said = " ".join(str(failure).split())[:200]
        remedy = f"install torch anew: see {_CUDA_BUILD}"
        yield Finding("torch", False, f"cannot be imported: {said}", remedy)
        return
    others = {name: found for name in ("torchvision", "torchaudio") if (found := version_of(name))}
    # A wheel's own version has the build; that in its metadata may not.
    yield torch_builds(str(torch.__version__), others)
    for name in others:
        yield from _import_of(name, f"pip uninstall {name}; if you need it, install that for torch")
    yield _gpu(torch)
    for name in ("diffusers", "transformers"):
        if version_of(name):
            remedy = "see torch builds above, or run: pip install --upgrade transformers diffusers"
            yield from _import_of(name, remedy)


def _gpu(torch: Any) -> Finding:
    if torch.cuda.is_available():
        names = [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())]
        return Finding("GPU", True, ", ".join(names))
    if torch.backends.mps.is_available():
        return Finding("GPU", True, "Apple GPU (mps)")
    driver = nvidia_driver()
    if not driver:
        return Finding("GPU", True, "none; models run on the CPU")
    built = f"built for CUDA {torch.version.cuda}" if torch.version.cuda else "built for CPUs only"
    remedy = f"install the CUDA build of torch: see {_CUDA_BUILD}"
    if torch.version.cuda:
        remedy = f"update the NVIDIA driver, or install torch for an older CUDA: {_CUDA_BUILD}"
    return Finding("GPU", False, f"{driver} is here, but torch is {built} and sees none", remedy)


def _import_of(name: str, remedy: str) -> Iterable[Finding]:
    """Imports what loading needs: a fault of one package often shows in another one only."""
    try:
        module = import_module(name)
        if name == "transformers":
            # Its parts are imported when they are asked for.
            _ = module.CLIPTextModel
    except FAILURES as failure:
        said = " ".join(str(failure).split())[:200]
        yield Finding(name, False, f"{version_of(name)} cannot be imported: {said}", remedy)
        return
    yield Finding(name, True, version_of(name))


def torch_builds(torch: str, others: dict[str, str]) -> Finding:
    """Whether packages were built for the torch that is there.

    Args:
        torch: Its version with the build, such as 2.15.0+cu132 or 2.15.0+cpu.
        others: Versions of torchvision and torchaudio by name.
    """
    build = _build(torch)
    wrong = [
        f"{name} {other}"
        for name, other in others.items()
        if build and _build(other) and _build(other) != build
    ]
    found = ", ".join([f"torch {torch}", *(f"{name} {other}" for name, other in others.items())])
    if not wrong:
        return Finding("torch builds", True, found)
    names = " ".join(each.split()[0] for each in wrong)
    index = f" --index-url https://download.pytorch.org/whl/{build}" if build else ""
    return Finding(
        "torch builds",
        False,
        f"{', '.join(wrong)} was not built for torch {torch}; transformers may fail with"
        " 'Could not import module'",
        f"pip uninstall {names}; if you need it: pip install {names}{index}",
    )


def _build(told: str) -> str:
    return told.partition("+")[2]
