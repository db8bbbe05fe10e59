"""Inversion: textual inversion embeddings, which stand in a prompt as `embedding:name`."""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from torch import Tensor

from detailer.engines.painters.diffusion.loading.faults import as_engine_error
from detailer.engines.painters.diffusion.loading.headers import read_header
from detailer.engines.painters.diffusion.loading.quiet import quiet
from detailer.engines.painters.diffusion.shelf import Shelf
from detailer.errors import EngineError, InputError

_WIDTHS = {
    768: "Stable Diffusion 1",
    1024: "Stable Diffusion 2",
    1280: "SDXL",
    4096: "a model with T5",
}
_OLD = "string_to_param"


class Inversion:
    """The embeddings of some folders, each read once, and those that a LoRA brings with it.

    Attributes:
        bundled: The latter, tensors by key by name, which come before a folder's.
    """

    bundled: Mapping[str, Mapping[str, Tensor]]

    def __init__(self, folders: tuple[str, ...], allow_pickle: tuple[str, ...] = ()) -> None:
        """Nothing is read yet."""
        self.bundled = {}
        self._shelf = Shelf("embeddings", folders, allow_pickle)
        self._read: dict[Path, Mapping[str, Tensor]] = {}

    def vectors(self, name: str, width: int, key: str) -> Tensor:
        """(n, width) float32: what stands in the place of the n tokens of an embedding.

        Args:
            name: The file's name, with its suffix or without.
            width: How many numbers the text encoder's tokens have.
            key: What files for two encoders call this one: clip_l or clip_g.

        Raises:
            InputError: If there is none of that name, or it is for another text encoder.
            EngineError: If the file is broken or holds no embedding.
        """
        source: Path | str
        if name in self.bundled:
            source = f"bundle_emb.{name}"
            tensors = embeddings_of(self.bundled[name], source)
        else:
            source = path = self._shelf.find(name)
            if path not in self._read:
                self._read[path] = _loaded(path)
            tensors = self._read[path]
        fitting = [vectors for vectors in tensors.values() if vectors.shape[-1] == width]
        if key in tensors and tensors[key].shape[-1] == width:
            return tensors[key]
        # Two encoders may be of one width; a file that names them has nothing for a third.
        if fitting and not {"clip_l", "clip_g"} & set(tensors):
            return fitting[0]
        raise InputError(_other_width(source, tensors, width))


def _loaded(path: Path) -> Mapping[str, Tensor]:
    """Every embedding of a file by its key, (n, width) each."""
    if path.suffix.lower() == ".safetensors":
        read_header(path)
        with as_engine_error(path):
            found: Any = load_file(path)
    else:
        found = _unpickled(path)
    return embeddings_of(found.get(_OLD, found) if isinstance(found, dict) else {}, path)


def embeddings_of(held: Mapping[str, Any], source: Path | str) -> Mapping[str, Tensor]:
    """The embeddings among what a file holds by key, (n, width) float32 each.

    Raises:
        EngineError: If there is none.
    """
    tensors = {
        str(key): each.detach().float().reshape(-1, each.shape[-1])
        for key, each in dict(held).items()
        if isinstance(each, Tensor)
        and each.ndim in (1, 2)
        and each.is_floating_point()
        and each.numel()
    }
    if not tensors:
        raise EngineError(f"{source} holds no embedding; it should have one tensor of vectors")
    return tensors


def _unpickled(path: Path) -> Any:
    """A pickle that was allowed; read without running what it asks for, all the same."""
    try:
        with quiet(), as_engine_error(path):
            return torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise EngineError(
            f"{path} is broken or asks to run code; take a .safetensors file of the embedding"
        ) from error


def _other_width(path: Path | str, tensors: Mapping[str, Tensor], width: int) -> str:
    widths = sorted({vectors.shape[-1] for vectors in tensors.values()})
    family = " or ".join(_WIDTHS[each] for each in widths if each in _WIDTHS)
    made = f"; it was made for {family}" if family else ""
    sizes = " and ".join(map(str, widths))
    return f"{path} has vectors of {sizes} numbers, this text encoder reads {width}{made}"
