"""Clock: how long the networks themselves take of a run, whoever calls them."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from transformers import CLIPTextModel

WATCHED = (
    (UNet2DConditionModel, "forward", "unet"),
    (AutoencoderKL, "encode", "vae"),
    (AutoencoderKL, "decode", "vae"),
    (CLIPTextModel, "forward", "text"),
)


@dataclass
class Clock:
    """Seconds of the whole and of each kind of network, and how often each was called."""

    whole: float = 0.0
    busy: float = 0.0
    """Processor seconds of all threads: where other work goes on beside, wall time counts it."""
    seconds: dict[str, float] = field(default_factory=dict)
    calls: dict[str, int] = field(default_factory=dict)

    @property
    def outside(self) -> float:
        """Seconds outside all networks."""
        return self.whole - sum(self.seconds.values())

    def report(self) -> dict[str, Any]:
        return {
            "seconds": round(self.whole, 3),
            "cpu_seconds": round(self.busy, 3),
            "unet": round(self.seconds.get("unet", 0.0), 3),
            "vae": round(self.seconds.get("vae", 0.0), 3),
            "text": round(self.seconds.get("text", 0.0), 3),
            "outside": round(self.outside, 4),
            "share_outside": round(self.outside / self.whole, 5),
            "calls": dict(self.calls),
        }


def now() -> float:
    """Seconds, when all that was asked of a graphics card is done."""
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return time.perf_counter()


@contextmanager
def timed() -> Iterator[Clock]:
    """A clock that runs within; the networks' own methods are watched, of every program."""
    clock = Clock()
    with ExitStack() as stack:
        for kind, method, name in WATCHED:
            stack.enter_context(_watched(kind, method, _counted(clock, name)))
        start, busy = now(), time.process_time()
        yield clock
        clock.whole, clock.busy = now() - start, time.process_time() - busy


@contextmanager
def _watched(kind: type, method: str, count: Callable[..., Any]) -> Iterator[None]:
    plain = getattr(kind, method)

    @functools.wraps(plain)
    def watched(*given: Any, **named: Any) -> Any:
        return count(functools.partial(plain, *given, **named))

    setattr(kind, method, watched)
    try:
        yield
    finally:
        setattr(kind, method, plain)


def _counted(clock: Clock, name: str) -> Callable[..., Any]:
    def count(call: Callable[[], Any]) -> Any:
        start = now()
        result = call()
        clock.seconds[name] = clock.seconds.get(name, 0.0) + now() - start
        clock.calls[name] = clock.calls.get(name, 0) + 1
        return result

    return count
