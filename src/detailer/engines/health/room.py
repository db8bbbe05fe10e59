"""Room: whether a diffusion model fits this machine's memory."""

from __future__ import annotations

from collections.abc import Iterable

from detailer.engines.health.builds import FAILURES
from detailer.engines.health.finding import Finding
from detailer.engines.health.machine import memory_bytes

_GIB = 1 << 30
_PAINTER = "diffusion:"


def look_at_model(model: str) -> Iterable[Finding]:
    """What a model is, and whether there is memory for it; its weights are not loaded.

    Raises:
        InputError, MissingEngineError, EngineError: If it is not there or is broken.
    """
    from detailer.engines.painters.diffusion.loading.families import recognised
    from detailer.engines.painters.diffusion.loading.source import Source

    card = recognised(Source.parse(model.removeprefix(_PAINTER)))
    width, free, place = _room(card.flow)
    yield Finding("model", True, f"{card.family}, {card.parameters / 1e9:.2f} billion numbers")
    if free:
        yield memory_for(card.bytes_at(width), free, place)


def _room(flow: bool) -> tuple[int, int, str]:
    """Bytes of a number as models are run here, bytes that are free for them, and where."""
    try:
        import torch

        from detailer.engines.device import device_of
        from detailer.engines.painters.diffusion.loading.device import dtype_of
    except FAILURES:
        return 4, memory_bytes(), "memory"
    device = device_of("auto")
    width = dtype_of("auto", device, flow).itemsize
    if device.type == "cuda":
        return width, torch.cuda.mem_get_info(device)[0], "GPU memory"
    return width, memory_bytes(), "memory"


def memory_for(needed: int, free: int, place: str) -> Finding:
    """Whether a model's networks fit.

    Args:
        needed: Their bytes in the precision they are run in.
        free: Bytes that there are.
        place: Memory, or GPU memory.
    """
    found = f"{needed / _GIB:.1f} GiB for the model, {free / _GIB:.1f} GiB of {place}"
    # A fifth more for what passes through the networks, and for everything else.
    if needed * 1.2 <= free:
        return Finding(place, True, found)
    remedy = "give dtype=bf16 if it is not, or take a smaller model"
    if place != "memory":
        remedy = "give memory=model, or memory=group where that is still too much"
    return Finding(place, False, found, remedy)
