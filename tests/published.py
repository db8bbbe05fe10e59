"""Engines that a package publishes: for tests of everything that finds engines by name."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from detailer.core.geometry import Box
from detailer.core.matte import Matte
from detailer.core.plan import Failed, Painted, Progress
from detailer.core.segmenter import Guess
from detailer.errors import EngineError
from detailer.stages.paint import each
from tests import fakes

FIRST, SECOND = Box(8, 8, 32, 32), Box(60, 20, 82, 42)

_ENTRIES = """\
[detailer.detectors]
two = tests.published:two
none = tests.published:none
picky = tests.published:Picky
corner = tests.published:corner

[detailer.segmenters]
upper = tests.published:Upper

[detailer.painters]
inverting = tests.published:inverting
first-only = tests.published:first_only
noting = tests.published:noting
refusing = tests.published:refusing
interrupted = tests.published:interrupted
crashing = tests.published:crashing
stepping = tests.published:stepping
styled = tests.published:Styled

[detailer.upscalers]
flat = tests.published:flat
"""


def publish(monkeypatch, folder) -> None:
    """Let the engines below be found as those of an installed package."""
    notes = folder / "published-1.0.dist-info"
    notes.mkdir()
    (notes / "METADATA").write_text("Metadata-Version: 2.1\nName: published\nVersion: 1.0\n")
    (notes / "entry_points.txt").write_text(_ENTRIES)
    monkeypatch.syspath_prepend(str(folder))


def two():
    """Finds the same two boxes everywhere."""
    return fakes.finds(FIRST, SECOND)


def corner(side: int = 40, label: str = "corner"):
    """Finds the corner of the picture, on the left above."""
    return fakes.finds(Box(0, 0, side, side), label=label)


class Upper:
    """A segmenter that masks the upper half of a box; looks are counted."""

    looks = 0

    def look(self, picture, /):
        type(self).looks += 1
        return self

    def masks(self, prompts, /):
        halves = [one.box.whole() for one in prompts]
        halves = [replace(box, bottom=(box.top + box.bottom) // 2) for box in halves]
        return [[Guess(Matte.filled(box), 1.0)] for box in halves]


def none():
    return fakes.finds()


class Picky:
    """Remembers how it was opened; opening is counted."""

    opened = 0

    def __init__(self, threshold: float = 0.9, labels: tuple[str, ...] = ()) -> None:
        type(self).opened += 1
        self.threshold, self.labels = threshold, labels

    def __call__(self, picture, /):
        return fakes.finds(FIRST)(picture)


def inverting():
    return fakes.inverted


def first_only():
    """Paints the first of all regions and fails with the others."""

    def paint(cutouts, /):
        for number, cutout in enumerate(cutouts):
            yield Progress(number, len(cutouts), "painting")
            if cutout.patch.index == 0:
                yield Painted(cutout.patch, 1 - cutout.pixels, notes={"colour": "red"})
            else:
                yield Failed(cutout.patch, "out of paint")

    return paint


NOTES = {
    "edge_width": np.float32(0.75),
    "strength": float("nan"),
    "left": True,
    "size": (np.int64(64), 64),
    "gains": np.array([[1.5, np.inf]]),
    "inner": {7: Path("x"), "none": None},
}
PLAIN_NOTES = {
    "edge_width": 0.75,
    "strength": None,
    "left": True,
    "size": [64, 64],
    "gains": [[1.5, None]],
    "inner": {"7": "x", "none": None},
}


def noting():
    """Notes values of every kind."""

    def paint(cutouts, /):
        for cutout in cutouts:
            yield Painted(cutout.patch, 1 - cutout.pixels, notes=NOTES)

    return paint


def refusing():
    """Cannot paint at all."""

    def paint(cutouts, /):
        raise EngineError("the canvas is wet")
        yield

    return paint


def interrupted():
    """Ctrl-C comes while it paints."""

    def paint(cutouts, /):
        yield Painted(cutouts[0].patch, cutouts[0].pixels)
        raise KeyboardInterrupt

    return paint


def crashing():
    """Has a fault of its own."""

    def paint(cutouts, /):
        raise ZeroDivisionError("a fault")
        yield

    return paint


def stepping():
    """Paints all of them together in twenty steps, as diffusion does."""

    def paint(cutouts, /):
        for step in range(1, 21):
            yield Progress(step, 20, f"stepping: {len(cutouts)} [regions]")
        yield from fakes.inverted(cutouts)

    return paint


class Styled:
    """Paints white for photographs and black for drawings."""

    def __init__(self, style: str = "photo") -> None:
        self.shade = 1.0 if style == "photo" else 0.0

    def __call__(self, cutouts, /):
        yield from each(lambda cutout: np.full_like(cutout.pixels, self.shade))(cutouts)


def flat():
    """Enlarges everything to mid grey."""
    return lambda pixels, size: np.full((*size.shape, 3), 0.5, np.float32)
