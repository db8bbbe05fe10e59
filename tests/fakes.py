"""Engines that need no model: for tests of everything around them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from detailer.core.geometry import Box, Size
from detailer.core.pixels import Picture, Pixels, size_of
from detailer.core.plan import Cutout, Painted
from detailer.core.region import Region
from detailer.core.regions import Regions
from detailer.stages.paint import Answer, each


def finds(*boxes: Box, label: str = "face"):
    """A detector that always finds these boxes."""

    def detect(picture: Picture, /) -> Regions:
        items = tuple(Region.from_box(box, label=label) for box in boxes)
        return Regions(size_of(picture), items)

    return detect


def finds_regions(regions: Regions):
    """A detector that always finds these regions."""
    return lambda picture, /: regions


nothing = each(lambda cutout: cutout.pixels)
inverted = each(lambda cutout: 1 - cutout.pixels)


@each
def noise(cutout: Cutout) -> Pixels:
    """Depends on the seed and on what was cut, and on nothing else."""
    generator = np.random.default_rng(cutout.patch.paint.seed)
    pixels = cutout.pixels
    return np.clip(pixels[::-1] * generator.random(pixels.shape, np.float32), 0, 1)


@dataclass
class Recording:
    """Paints with another painter and remembers how the work was handed over."""

    painter: object
    batches: list[list[int]] = field(default_factory=list)
    seen: dict[int, Pixels] = field(default_factory=dict)

    def __call__(self, cutouts: Sequence[Cutout], /) -> Iterator[Answer]:
        self.batches.append([cutout.patch.index for cutout in cutouts])
        for cutout in cutouts:
            self.seen[cutout.patch.index] = cutout.pixels
        yield from self.painter(cutouts)


def backwards(cutouts: Sequence[Cutout], /) -> Iterator[Answer]:
    """Answers in the opposite order."""
    for cutout in reversed(cutouts):
        yield Painted(cutout.patch, 1 - cutout.pixels)


def square(side: int) -> Size:
    return Size(side, side)
