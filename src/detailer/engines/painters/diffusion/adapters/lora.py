"""Lora: the adapters of a pipeline, loaded once and switched by what a prompt asks for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from peft.tuners.tuners_utils import BaseTunerLayer

from detailer.core.paint import Lora
from detailer.engines.painters.diffusion.adapters.lora_fit import check_fit
from detailer.engines.painters.diffusion.loading.faults import as_engine_error
from detailer.engines.painters.diffusion.loading.quiet import quiet
from detailer.engines.painters.diffusion.shelf import Shelf
from detailer.errors import EngineError


class Loras:
    """The LoRAs of a pipeline: each is loaded once, and then only switched on and off."""

    def __init__(
        self, pipe: Any, folders: tuple[str, ...], allow_pickle: tuple[str, ...] = ()
    ) -> None:
        """Nothing is loaded yet."""
        self._pipe = pipe
        self._shelf = Shelf("loras", folders, allow_pickle)
        self._adapters: dict[Path, str] = {}
        self._paths: dict[str, Path] = {}
        self._used: tuple[Lora, ...] = ()

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
        if path in self._adapters:
            return
        if not hasattr(self._pipe, "load_lora_weights"):
            kind = type(self._pipe).__name__
            raise EngineError(f"{path} cannot be used: diffusers has no LoRA for {kind}")
        check_fit(self._pipe, path)
        name = f"lora_{len(self._adapters)}"
        try:
            with quiet(), as_engine_error(path):
                self._pipe.load_lora_weights(
                    str(path.parent),
                    weight_name=path.name,
                    adapter_name=name,
                    local_files_only=True,
                )
        except EngineError:
            self._drop(name)
            # diffusers takes off what moves networks to the device, and forgets to put it back.
            self._pipe.maybe_free_model_hooks()
            raise
        finally:
            # Loading switches the new one on.
            self._switch(self._used)
        self._adapters[path] = name

    def _drop(self, name: str) -> None:
        """Takes away what an attempt to load left behind in some of the networks."""
        if any(name in names for names in self._pipe.get_list_adapters().values()):
            self._pipe.delete_adapters(name)

    def _switch(self, loras: tuple[Lora, ...]) -> None:
        for layer in self._layers():
            layer.enable_adapters(enabled=bool(loras))
        if not loras:
            return
        parts = self._pipe.get_list_adapters()
        names = [self._adapters[self._paths[each.name]] for each in loras]
        weights = [
            {
                part: each.text_weight if part.startswith("text_encoder") else each.weight
                for part, there in parts.items()
                if name in there
            }
            for name, each in zip(names, loras, strict=True)
        ]
        with quiet():
            self._pipe.set_adapters(names, weights)

    def _layers(self) -> list[BaseTunerLayer]:
        networks = [getattr(self._pipe, each, None) for each in self._parts()]
        return [
            layer
            for network in networks
            if network is not None
            for layer in network.modules()
            if isinstance(layer, BaseTunerLayer)
        ]

    def _parts(self) -> list[str]:
        return list(getattr(self._pipe, "_lora_loadable_modules", ()))
