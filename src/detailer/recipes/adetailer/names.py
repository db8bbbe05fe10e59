"""Names: models as A1111 shows them, and what says that there is none."""

from __future__ import annotations

import re
from pathlib import PurePosixPath
from typing import Final, TypeGuard

_HASH = re.compile(r"\[[0-9a-fA-F]{6,}\]\s*$")
_FILES: Final = (".safetensors", ".ckpt", ".pt", ".pth", ".bin", ".sft", ".gguf")
_SAME: Final = (
    "",
    "None",
    "Use same checkpoint",
    "Use same VAE",
    "Use same sampler",
    "Use same scheduler",
)


def is_own(name: str | None) -> TypeGuard[str]:
    """Whether a name names anything: not "None", nor that it is the same as the picture's."""
    return name is not None and name not in _SAME


def bare(name: str) -> str:
    """A name without the hash that A1111 shows behind it, its folders divided by slashes."""
    return _HASH.sub("", name).replace("\\", "/").strip()


def file_of(name: str) -> str:
    """The file of a model, which A1111 may show without its ending."""
    plain = bare(name)
    return plain if PurePosixPath(plain).suffix.lower() in _FILES else f"{plain}.safetensors"
