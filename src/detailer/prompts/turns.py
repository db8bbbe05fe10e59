"""Turns: prompts that are given out one after the other."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import cycle, islice

from detailer.core.regions import Regions
from detailer.prompts.separators import Item


@dataclass(frozen=True)
class InTurn:
    """One prompt for each region, in order.

    Where there are more regions than prompts, `wraps` starts over, as the nodes do; else the last
    prompt goes on, as in ADetailer.
    """

    items: tuple[Item, ...]
    wraps: bool

    def shared(self, regions: Regions) -> list[Item]:
        """The prompt of each region."""
        if self.wraps:
            return list(islice(cycle(self.items), len(regions)))
        last = len(self.items) - 1
        return [self.items[min(place, last)] for place in range(len(regions))]


@dataclass(frozen=True)
class Shuffled:
    """The prompts in an order that a seed decides, and another when all have been given out."""

    items: tuple[Item, ...]
    seed: int

    def shared(self, regions: Regions) -> list[Item]:
        """The prompt of each region."""
        return list(islice(self._endless(), len(regions)))

    def _endless(self) -> Iterator[Item]:
        # Python's own generator, which the nodes use, though without a seed. They have drawn the
        # seeds of all [SEP:R] from it before they shuffle.
        generator, items = random.Random(self.seed), list(self.items)
        for item in items:
            if item.seed == "random":
                generator.randint(0, 2**50)
        while True:
            generator.shuffle(items)
            yield from items
