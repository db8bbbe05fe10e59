"""Suited: the settings that suit a model, and the few-step LoRAs that a prompt asks for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

from detailer.core.paint import Lora
from detailer.engines.painters.diffusion.adapters import fast
from detailer.engines.painters.diffusion.loading.defaults import Defaults, defaults_of
from detailer.engines.painters.diffusion.options import Options
from detailer.engines.painters.diffusion.shelf import Shelf
from detailer.errors import DetailerError
from detailer.prompts.lora import TAG


def suited(
    path: str,
    prompt: str = "",
    options: Options | None = None,
    loras: Sequence[Lora] = (),
) -> Defaults:
    """What a model decides where nobody has set it, as settings of paint and crop.

    A LoRA that makes it a model of few steps has the last word on steps, cfg, sampler and
    schedule: a given one, or any that the prompt names, also in braces or for one region only.
    Only headers are read.
    """
    found = defaults_of(path)
    for name in _named(prompt, loras):
        preset = _preset(name, options or Options())
        if preset is not None:
            values = {key: value for key, value in asdict(preset).items() if key != "name"}
            found = {**found, "paint": {**found.get("paint", {}), **values}}
    return found


def _named(prompt: str, loras: Sequence[Lora]) -> Iterator[str]:
    yield from (lora.name for lora in loras)
    yield from (tag[1].strip() for tag in TAG.finditer(prompt))


def _preset(name: str, options: Options) -> fast.Preset | None:
    try:
        return fast.recognised(Path(Shelf("loras", options.loras, options.allow_pickle).find(name)))
    except DetailerError:
        # A LoRA that is not there is told where it is loaded, with all that is known of it.
        return None
