"""Paint: what each patch is told, and the painter that does it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from typing import Protocol, TypeAlias, runtime_checkable

from detailer.core.adaptive import dynamic_denoise
from detailer.core.geometry import Size
from detailer.core.paint import Paint
from detailer.core.pixels import Pixels
from detailer.core.plan import Cutout, Failed, Painted, Progress
from detailer.core.region import Region

__all__ = ["Answer", "Paint", "Painter", "each", "resolved", "stable_seed"]

_LEAST_DENOISE = 0.0001

Answer: TypeAlias = Progress | Painted | Failed


@runtime_checkable
class Painter(Protocol):
    """Anything that paints cutouts; one answer, Painted or Failed, for each of them.

    Painted pixels are (h, w, 3) of the cutout's size, float32 sRGB 0..1 or uint8. Answers may
    come in any order, with Progress between them.
    """

    def __call__(self, cutouts: Sequence[Cutout], /) -> Iterator[Answer]:
        """Paint all of them, and answer for each."""


def each(function: Callable[[Cutout], Pixels]) -> Painter:
    """A painter of a plain function from one cutout to its new pixels."""

    def paint(cutouts: Sequence[Cutout], /) -> Iterator[Answer]:
        for cutout in cutouts:
            yield Painted(cutout.patch, function(cutout))

    return paint


def resolved(paint: Paint, region: Region, index: int, picture: Size) -> Paint:
    """The settings for one region: its own seed, and its denoise by its share of the picture.

    Args:
        index: Place among all ordered regions of the picture, skipped ones counted.
    """
    return paint.but(
        seed=seed_for(paint, region, index, picture),
        denoise=max(
            _LEAST_DENOISE,
            dynamic_denoise(paint.denoise_power, paint.denoise, region.box, picture),
        ),
    )


def seed_for(paint: Paint, region: Region, index: int, picture: Size) -> int:
    """The seed of one region, 0..2^64 - 1."""
    if paint.seed_mode == "same":
        return paint.seed
    if paint.seed_mode == "increment":
        return (paint.seed + index) % 2**64
    return stable_seed(paint.seed, region, picture)


def stable_seed(seed: int, region: Region, picture: Size) -> int:
    """A seed from label and place: the box's centre in 64ths of the picture.

    One more region in the picture changes nobody else's.
    """
    x, y = region.box.centre
    cell = int(64 * x / picture.width), int(64 * y / picture.height)
    text = f"{seed}/{region.label}/{cell[0]}/{cell[1]}"
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big")
