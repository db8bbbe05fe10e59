"""Preprocessors: what makes a control image of a crop."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from detailer.core.nearest import nearest
from detailer.core.pixels import LEVELS, Pixels, resize, size_of, to_bytes, to_unit
from detailer.errors import EngineError, InputError

Preprocessor: TypeAlias = Callable[[Pixels], NDArray[np.generic]]
"""(h, w, 3) float32 0..1 to a control image: of that size or another, float32 0..1 or uint8."""

_WEAK, _STRONG = 100, 200


def as_it_is(pixels: Pixels) -> Pixels:
    """The crop itself, for ControlNets such as tile."""
    return pixels


def canny(pixels: Pixels) -> Pixels:
    """White edges on black (Canny, 1986), at the thresholds that ControlNet's authors took."""
    edges = cv2.Canny(to_bytes(pixels), _WEAK, _STRONG)
    return to_unit(np.repeat(edges[..., None], 3, axis=2))


PREPROCESSORS: Mapping[str, Preprocessor] = MappingProxyType(
    {"": as_it_is, "none": as_it_is, "canny": canny}
)
"""Those that need no model; others are given to the painter by name."""


def check_name(name: str, known: Mapping[str, Preprocessor]) -> None:
    """Refuses a name that no preprocessor has.

    Raises:
        InputError: With those that there are.
    """
    if name not in known:
        names = [each for each in known if each]
        raise InputError(
            f"preprocessor {name!r} is not known; {nearest(name, names)};"
            " others are given to the painter as preprocessors={name: function}"
        )


def prepared(pixels: Pixels, name: str, known: Mapping[str, Preprocessor]) -> Pixels:
    """What a preprocessor makes of pixels, (h, w, 3) float32 0..1 at their size.

    Raises:
        InputError: If there is none of that name; it lists those that there are.
        EngineError: If what it gives is no picture, or not finite.
    """
    check_name(name, known)
    given = np.asarray(known[name](pixels))
    if given.ndim == 3 and given.shape[2] == 1:
        given = given[..., 0]
    if given.ndim == 2:
        given = np.repeat(given[..., None], 3, axis=2)
    if given.ndim != 3 or given.shape[2] != 3 or given.size == 0:
        raise EngineError(f"preprocessor {name!r} gave {given.shape}; expected (h, w, 3)")
    made = to_unit(given if given.dtype in LEVELS else given.astype(np.float32))
    if not np.isfinite(made).all():
        raise EngineError(f"preprocessor {name!r} gave values that are not finite numbers")
    size = size_of(pixels)
    return np.clip(made if size_of(made) == size else resize(made, size), 0, 1)
