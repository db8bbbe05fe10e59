"""Shards: the weights of one part of a folder, in one file or in several with a list."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from detailer.engines.painters.diffusion.loading.headers import Header, Weight, read_header
from detailer.errors import EngineError

_STEMS = ("diffusion_pytorch_model", "model")
_LARGEST_LIST = 100_000_000


def read_json(path: Path) -> dict[str, Any]:
    """A table from a JSON file.

    Raises:
        EngineError: If it cannot be read or is no table.
    """
    try:
        if path.stat().st_size > _LARGEST_LIST:
            raise EngineError(f"{path} is too large for a list of settings")
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise EngineError(f"{path} cannot be read ({error})") from error
    if not isinstance(found, dict):
        raise EngineError(f"{path} holds no table; fetch it again")
    return found


def weights_file(folder: Path, variant: str = "") -> Path | None:
    """The safetensors file of a part's folder, or the list of its shards; None without either.

    A variant is preferred, and the plain file taken where there is none, as diffusers does.
    """
    kinds = (f".{variant}", "") if variant else ("",)
    for kind in kinds:
        for stem in _STEMS:
            for name in (f"{stem}{kind}.safetensors", f"{stem}.safetensors.index{kind}.json"):
                if (folder / name).is_file():
                    return folder / name
    return None


def read_part(folder: Path, variant: str = "") -> Header | None:
    """The headers of a part's folder as one; None where it has no safetensors weights.

    Raises:
        EngineError: If a file is broken, or a shard of the list is not there.
    """
    file = weights_file(folder, variant)
    if file is None:
        return None
    if file.suffix != ".json":
        return read_header(file)
    listed = read_json(file).get("weight_map")
    if not isinstance(listed, dict) or not all(_is_beside(name) for name in listed.values()):
        raise EngineError(f"{file} is no list of weights; fetch it again")
    weights: dict[str, Weight] = {}
    for name in sorted(set(listed.values())):
        if not (folder / name).is_file():
            raise EngineError(f"{folder} lacks {name}, which {file.name} names; fetch it again")
        weights |= read_header(folder / name).weights
    lost = sorted(set(listed) - set(weights))
    if lost:
        raise EngineError(f"{folder} lacks {lost[0]}, which {file.name} names; fetch it again")
    return Header(file, weights, {})


def _is_beside(name: Any) -> bool:
    # A list that names files elsewhere on the machine is not to be followed.
    return isinstance(name, str) and Path(name).name == name
