"""Told: what a patch's settings say to the text encoders, and the LoRAs that they name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from detailer.core.paint import Lora, Paint
from detailer.engines.painters.diffusion.text.brackets import literal
from detailer.errors import InputError
from detailer.prompts.wording import untagged


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

    To the nodes' prompts brackets are letters; to all others `[word]` counts less.

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
    as_read: Callable[[str], str] = literal if paint.prompt_syntax == "nodes" else str
    return Told(
        as_read(prompt),
        as_read(paint.negative),
        as_read(paint.refiner_prompt or prompt),
        as_read(paint.refiner_negative or paint.negative),
        loras,
    )
