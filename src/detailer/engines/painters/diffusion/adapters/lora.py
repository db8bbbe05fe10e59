"""Lora: the adapters of a pipeline, loaded once and switched by what a prompt asks for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from detailer.core.paint import Lora
from detailer.engines.painters.diffusion.adapters.adapter_file import AdapterFile, read_adapter
from detailer.engines.painters.diffusion.adapters.changes import added
from detailer.engines.painters.diffusion.adapters.layers import Layers, Piece
from detailer.engines.painters.diffusion.adapters.lora_fit import Fitted, fitted
from detailer.engines.painters.diffusion.shelf import Shelf
from detailer.engines.painters.diffusion.text.inversion import Inversion


@dataclass(frozen=True, eq=False)
class _Loaded:
    """A file with what of it is for the pipeline."""

    file: AdapterFile
    fitted: Sequence[Fitted]


@dataclass(frozen=True, eq=False)
class _Effect:
    """A change that counts at a layer, and how strongly."""

    fitted: Fitted
    piece: Piece
    strength: float

    def __call__(self, x: Tensor) -> Tensor:
        """What the layer gives more."""
        change = self.fitted.on(x.device)
        return added(change, self.piece, self.fitted.layer.pieces, x) * self.strength


class Loras:
    """The LoRAs of a pipeline and their like: each is loaded once, and then switched on and off.

    Each counts by itself, from the model's own weights, so their order does not matter. The
    networks are left as they are: what a LoRA adds is added to what its layers give.

    Args:
        pipe: The pipeline.
        folders: Where the files are.
        allow_pickle: Files that may be pickles.
        inversion: What is told of the embeddings that a file brings while it counts.
    """

    def __init__(
        self,
        pipe: Any,
        folders: tuple[str, ...],
        allow_pickle: tuple[str, ...] = (),
        inversion: Inversion | None = None,
    ) -> None:
        self._pipe = pipe
        self._shelf = Shelf("loras", folders, allow_pickle)
        self._inversion = inversion
        self._layers: Layers | None = None
        self._loaded: dict[Path, _Loaded] = {}
        self._paths: dict[str, Path] = {}
        self._used: tuple[Lora, ...] = ()
        self._hooks: list[Any] = []

    def use(self, loras: tuple[Lora, ...]) -> None:
        """From now on these count and no others; () is the model as it was, to the bit.

        Raises:
            InputError: If there is no file of that name, or it is a pickle that is not allowed.
            EngineError: If a file is broken or for another family. What counted before still does.
        """
        if loras == self._used:
            return
        for each in loras:
            if each.name not in self._paths:
                self._paths[each.name] = self._shelf.find(each.name)
            self._load(self._paths[each.name])
        self._switch(loras)
        self._used = loras

    def _load(self, path: Path) -> None:
        if path in self._loaded:
            return
        if self._layers is None:
            self._layers = Layers(self._pipe)
        file = read_adapter(path)
        self._loaded[path] = _Loaded(file, fitted(file, self._layers))

    def _switch(self, loras: tuple[Lora, ...]) -> None:
        for hook in self._hooks:
            hook.remove()
        effects = self._effects(loras)
        self._hooks = [
            module.register_forward_hook(partial(_change_output, own), with_kwargs=True)
            for module, own in effects.items()
        ]
        counting = [self._loaded[self._paths[each.name]] for each in loras]
        for loaded in self._loaded.values():
            if loaded not in counting:
                for each in loaded.fitted:
                    each.rest()
        if self._inversion is not None:
            self._inversion.bundled = _embeddings(counting)
        if any(_is_compiled(part) for part in self._networks()):
            # What is compiled takes no note of hooks that come later.
            torch.compiler.reset()

    def _effects(self, loras: tuple[Lora, ...]) -> dict[nn.Module, list[_Effect]]:
        effects: dict[nn.Module, list[_Effect]] = {}
        for lora in loras:
            for each in self._loaded[self._paths[lora.name]].fitted:
                is_text = each.layer.part.startswith("text_encoder")
                strength = lora.text_weight if is_text else lora.weight
                for piece in each.layer.pieces if strength else ():
                    effect = _Effect(each, piece, strength)
                    effects.setdefault(piece.module, []).append(effect)
        return effects

    def _networks(self) -> list[nn.Module]:
        parts = getattr(self._pipe, "components", {}).values()
        return [part for part in parts if isinstance(part, nn.Module)]


def _change_output(
    effects: Sequence[_Effect],
    _module: nn.Module,
    given: tuple[Any, ...],
    named: Mapping[str, Any],
    output: Tensor,
) -> Tensor:
    """A hook of a layer: its output with what its adapters add."""
    x = given[0] if given else next(iter(named.values()))
    for effect in effects:
        output = output + effect(x).to(output.dtype)
    return output


def _is_compiled(network: nn.Module) -> bool:
    return getattr(network, "_compiled_call_impl", None) is not None


def _embeddings(loaded: Sequence[_Loaded]) -> dict[str, Mapping[str, Tensor]]:
    return {
        name: tensors for each in reversed(loaded) for name, tensors in each.file.embeddings.items()
    }
