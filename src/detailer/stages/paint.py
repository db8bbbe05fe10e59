"""Paint: what each patch is told, and the painter that does it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias, runtime_checkable

from detailer.core.adaptive import dynamic_denoise
from detailer.core.geometry import Size
from detailer.core.paint import Paint
from detailer.core.pixels import Pixels
from detailer.core.plan import Cutout, Failed, Painted, Progress, Skipped
from detailer.core.region import Region
from detailer.core.regions import Regions
from detailer.prompts.regions import Share
from detailer.prompts.wording import STOPPED, Wording

__all__ = [
    "Answer", "Assigned", "Paint", "Painter", "assigned", "each", "resolved", "stable_seed",
]  # fmt: skip

_LEAST_DENOISE = 0.0001

Answer: TypeAlias = Progress | Painted | Skipped | Failed


@runtime_checkable
class Painter(Protocol):
    """Anything that paints cutouts; one answer, Painted, Skipped or Failed, for each of them.

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


@dataclass(frozen=True)
class Assigned:
    """A region with all that its painter is told, or the reason why it is left out.

    `index` is its place in the order that the prompt asks for; those left out are counted.
    """

    index: int
    region: Region
    told: Paint | str


def assigned(paint: Paint, regions: Regions) -> tuple[Assigned, ...]:
    """The regions in the order that the prompt asks for, each with what its painter is told.

    As in the nodes, a region with an empty mask is left out before it takes a share of the prompt,
    and one that is left out for [SKIP] has taken its own.

    Raises:
        InputError: If a prompt cannot be taken apart, or a choice in it cannot be made.
    """
    wording = Wording.of(paint)
    ordered = wording.prompts.ordered(regions)
    there = ordered.filter(lambda region: not region.mask.empty)
    shares = iter(wording.prompts.shares(there))
    found: list[Assigned] = []
    stopped = False
    for index, region in enumerate(ordered):
        told: Paint | str = "empty mask"
        if not region.mask.empty:
            share = next(shares)
            told = STOPPED if stopped else _told(wording, share, region, index, regions.size)
            stopped = told == STOPPED
        found.append(Assigned(index, region, told))
    return tuple(found)


def _told(wording: Wording, share: Share, region: Region, index: int, picture: Size) -> Paint | str:
    paint = wording.paint
    numbers = _numbers(paint, region, index, picture)
    if share.seed == "random":
        numbers["seed"] = _random_seed(paint.seed, region, picture)
    elif share.seed is not None:
        numbers["seed"] = share.seed
    words = wording.words(share, numbers["seed"])
    return words if isinstance(words, str) else paint.but(**numbers, **words.changes(paint))


def resolved(paint: Paint, region: Region, index: int, picture: Size) -> Paint:
    """The settings for one region: its own seed, and its denoise by its share of the picture.

    Args:
        index: Place among all ordered regions of the picture, skipped ones counted.
    """
    return paint.but(**_numbers(paint, region, index, picture))


def _numbers(paint: Paint, region: Region, index: int, picture: Size) -> dict[str, Any]:
    denoise = dynamic_denoise(paint.denoise_power, paint.denoise, region.box, picture)
    return {
        "seed": seed_for(paint, region, index, picture),
        "denoise": max(_LEAST_DENOISE, denoise),
    }


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
    return _hash(f"{seed}/{region.label}/{cell[0]}/{cell[1]}")


def _random_seed(seed: int, region: Region, picture: Size) -> int:
    """What [SEP:R] gives a region, whatever the seed mode: as the nodes', 0..2^50 - 1."""
    return _hash(f"{stable_seed(seed, region, picture)}/R") % 2**50


def _hash(text: str) -> int:
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big")
