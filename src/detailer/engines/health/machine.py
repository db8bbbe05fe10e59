"""Machine: its memory and its NVIDIA card, asked without any library."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from typing import Any

_PATIENCE = 20  # seconds that a driver may take to answer


def memory_bytes() -> int:
    """Bytes of memory of this machine; 0 where the system does not tell."""
    if sys.platform == "win32":
        return _windows_memory()
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (ValueError, OSError, AttributeError):
        return 0


def nvidia_driver() -> str:
    """The NVIDIA card and driver, as the driver's own tool names them; empty without one."""
    tool = shutil.which("nvidia-smi")
    if tool is None:
        return ""
    query = [tool, "--query-gpu=name,driver_version", "--format=csv,noheader"]
    try:
        told = subprocess.run(query, capture_output=True, text=True, timeout=_PATIENCE, check=True)
    except (OSError, subprocess.SubprocessError):
        return ""
    lines = told.stdout.strip().splitlines()
    return lines[0].strip() if lines else ""


def _windows_memory() -> int:
    import ctypes

    kilobytes = ctypes.c_ulonglong(0)
    library: Any = getattr(ctypes, "windll", None)
    if library is None or not library.kernel32.GetPhysicallyInstalledSystemMemory(
        ctypes.byref(kilobytes)
    ):
        return 0
    return kilobytes.value * 1024
