"""Patch, Plan, Cutout and what a painter gives back: the work, as data."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Self

import numpy as np

from detailer.core.alpha import gaussian
from detailer.core.canvas import Canvas
from detailer.core.feather import Feather, feather_alpha
from detailer.core.focus import Focus
from detailer.core.geometry import Size
from detailer.core.matte import Matte
from detailer.core.paint import Paint
from detailer.core.pixels import Alpha, Pixels
from detailer.core.region import Region
from detailer.core.view import to_painted
from detailer.core.window import Window
from detailer.errors import InputError


@dataclass(frozen=True)
class Patch:
    """One piece of work: what is repainted, where it is cut, and how it is painted.

    `index` counts all ordered regions of the picture, skipped ones too. `paste_mask` says what
    comes back into the picture; the region's own mask says what the painter may change.
    `group` is kept free for the same window over several frames. `focus` is how sharp the region
    was when it was planned, where that was asked for.
    """

    index: int
    region: Region
    window: Window
    paste_mask: Matte
    paint: Paint = field(default_factory=Paint)
    picture: int = 0
    group: str = ""
    focus: Focus | None = None

    @property
    def size(self) -> Size:
        """The size that it is painted at."""
        return self.window.size


@dataclass(frozen=True)
class Skipped:
    """A region that is not painted, and why; a painter may answer so too."""

    index: int
    region: Region
    reason: str
    notes: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, patch: Patch, reason: str, notes: Mapping[str, Any] | None = None) -> Self:
        """A planned patch that its painter leaves as it is."""
        return cls(patch.index, patch.region, reason, notes or {})


@dataclass(frozen=True)
class Plan:
    """All that will be done to one picture, decided before anything is painted.

    `picture` is the fingerprint of the pixels it was made for, or empty.
    """

    size: Size
    patches: tuple[Patch, ...] = ()
    skipped: tuple[Skipped, ...] = ()
    picture: str = ""

    def check(self, canvas: Canvas) -> None:
        """Raise InputError unless this plan was made for that picture."""
        if self.size != canvas.size:
            raise InputError(f"this plan is for a picture of {self.size}, not of {canvas.size}")
        if self.picture and self.picture != canvas.fingerprint:
            raise InputError("this plan was made for a picture with other pixels; plan it again")

    def waves(self) -> Iterator[tuple[Patch, ...]]:
        """Patches that can be cut together, wave by wave, in order inside each.

        A patch comes after the waves of earlier ones that paste into its window, and not before
        those whose window it pastes into: painted wave by wave, all is as if one by one.
        """
        numbers = self.wave_numbers()
        for wave in range(max(numbers, default=-1) + 1):
            yield tuple(
                p for p, number in zip(self.patches, numbers, strict=True) if number == wave
            )

    def wave_numbers(self) -> list[int]:
        """The wave of every patch, from 0."""
        numbers: list[int] = []
        footprints = [patch.window.footprint for patch in self.patches]
        for j, patch in enumerate(self.patches):
            wave = 0
            for i, earlier in enumerate(self.patches[:j]):
                if footprints[j].meets(earlier.paste_mask.box):
                    wave = max(wave, numbers[i] + 1)
                elif patch.paste_mask.box.meets(footprints[i]):
                    wave = max(wave, numbers[i])
            numbers.append(wave)
        return numbers

    def only(self, indices: set[int]) -> Plan:
        """The plan with only these patches left; the others are listed as left out."""
        kept = tuple(patch for patch in self.patches if patch.index in indices)
        out = [
            Skipped(p.index, p.region, "left out") for p in self.patches if p.index not in indices
        ]
        skipped = sorted([*self.skipped, *out], key=lambda skip: skip.index)
        return replace(self, patches=kept, skipped=tuple(skipped))


@dataclass(frozen=True, eq=False)
class Cutout:
    """What a painter gets: a patch with its part of the picture as it was before the wave.

    `part` is the window's footprint, (h, w, 3) float32 sRGB; an upscaler may have enlarged it.
    `picture_size` is that of the picture which it is cut from.
    What is derived from it is made when asked for and not kept, so that many cutouts stay small.
    """

    patch: Patch
    part: Pixels
    picture_size: Size
    bounded: bool = True

    @property
    def pixels(self) -> Pixels:
        """What is to be painted, (h, w, 3) float32 sRGB 0..1 at the painted size; a new array."""
        pixels = to_painted(self.part, self.patch.window)
        return np.clip(pixels, 0, 1, out=pixels) if self.bounded else pixels

    @property
    def noise_mask(self) -> Alpha:
        """What the painter may change, (h, w) float32 0..1 at the painted size.

        It fades outward by `noise_mask_feather` pixels, at most half as far as it is thick.
        """
        window, reach = self.patch.window, self.patch.paint.noise_mask_feather
        if self.compatible:
            return np.clip(to_painted(self.noise_mask_of_crop, window), 0, 1)
        if not self.patch.paint.noise_mask:
            return np.ones(window.size.shape, np.float32)
        alpha = self.patch.region.mask.within(window.footprint)
        return feather_alpha(np.clip(to_painted(alpha, window), 0, 1), Feather(reach, 0.5))

    @property
    def noise_mask_of_crop(self) -> Alpha:
        """The nodes' noise mask, (h, w) float32 0..1 at the size of the window's footprint."""
        window, paint = self.patch.window, self.patch.paint
        if not paint.noise_mask:
            return np.ones(window.footprint.size.shape, np.float32)
        alpha = self.patch.region.mask.within(window.footprint)
        return gaussian(alpha, paint.noise_mask_feather)

    @property
    def compatible(self) -> bool:
        """Whether it is cut by the nodes' bare numbers."""
        return self.patch.window.scale_y is not None


@dataclass(frozen=True, eq=False)
class Painted:
    """A patch's new pixels, (h, w, 3) float32 sRGB 0..1 or uint8, at the painted size.

    `drifts`: what was to stay came back changed as well, as through a VAE.
    """

    patch: Patch
    pixels: Pixels
    drifts: bool = False
    notes: Mapping[str, Any] = field(default_factory=dict)
    pictures: tuple[Pixels, ...] = ()


@dataclass(frozen=True)
class Failed:
    """A patch that could not be painted, and why; the original stays."""

    patch: Patch
    reason: str


@dataclass(frozen=True)
class Progress:
    """How far something is: `done` of `total`, with a word on what it is about.

    `previews` are what patches look like so far, (h, w, 3) uint8 by their index, where the
    painter shows that.
    """

    done: float
    total: float
    text: str = ""
    previews: Mapping[int, Pixels] = field(default_factory=dict, compare=False)
