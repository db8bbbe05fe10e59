"""Told: what a patch's settings say to the text encoders, and the LoRAs that they name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from detailer.core.paint import Lora, Paint
from detailer.engines.painters.diffusion.text.brackets import literal, to_the_letter
from detailer.errors import InputError
from detailer.prompts.wording import untagged

_READ: Final[Mapping[str, Callable[[str], str]]] = {
    "auto": literal,
    "nodes": to_the_letter,
    "adetailer": str,
}


@dataclass(frozen=True)
class Told:
    """The texts of a patch without LoRA tags, those of the refiner filled in."""

    prompt: str
    negative: str
    refiner_prompt: str
    refiner_negative: str
    loras: tuple[Lora, ...]


def told(paint: Paint) -> Told:
    """What some settings say, be it from a plan or given to the painter as they are.

    `[word]` counts less to ADetailer's prompts alone; to all others brackets are letters, as in
    ComfyUI. `\\[` is a bracket too, but to the nodes' prompts, which have no such escape.

    Raises:
        InputError: If a LoRA tag is wrong, or a LoRA has weights by blocks.
    """
    prompt, loras = untagged(paint.prompt, paint.loras)
    for lora in loras:
        if lora.blocks:
            raise InputError(
                f"LoRA {lora.name} has weights by blocks, LBW={lora.blocks}, which this painter"
                " does not know; leave LBW= out"
            )
    as_read = _READ[paint.prompt_syntax]
    return Told(
        as_read(prompt),
        as_read(paint.negative),
        as_read(paint.refiner_prompt or prompt),
        as_read(paint.refiner_negative or paint.negative),
        loras,
    )
