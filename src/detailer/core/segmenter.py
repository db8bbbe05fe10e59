"""Segmenter: what makes masks of boxes and points, what it is shown, and what it proposes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar, runtime_checkable

from detailer.core.geometry import Box, Point
from detailer.core.matte import Matte
from detailer.core.pixels import Picture
from detailer.errors import InputError


@dataclass(frozen=True)
class Prompt:
    """What a segmenter is shown: a box, and points that lie in the thing or not; in pixels."""

    box: Box | None = None
    points: tuple[Point, ...] = ()
    positive: tuple[bool, ...] = ()

    def __post_init__(self) -> None:
        if len(self.points) != len(self.positive):
            raise InputError(
                f"{len(self.points)} points, but {len(self.positive)} times whether they lie in"
                " the thing; give it for each"
            )
        if self.box is None and not self.points:
            raise InputError("a prompt shows neither a box nor a point; give one of them")


class Candidate(Protocol):
    """A mask that a segmenter proposes, and how sure it is, 0..1.

    Only of those that count the mask is asked for, so it can be made then.
    """

    @property
    def mask(self) -> Matte:
        """What is meant, in the picture's pixels."""
        ...

    @property
    def score(self) -> float:
        """The overlap (IoU) with the right mask, as far as the segmenter foresees it."""
        ...


@dataclass(frozen=True, eq=False)
class Guess:
    """A candidate whose mask is there already."""

    mask: Matte
    score: float


AnyCandidate = TypeVar("AnyCandidate", bound=Candidate)


class Scene(Protocol):
    """A picture that a segmenter has looked at."""

    def masks(self, prompts: Sequence[Prompt], /) -> Iterable[Sequence[Candidate]]:
        """The candidates for each prompt, in order; they may come one prompt at a time."""
        ...


@runtime_checkable
class Segmenter(Protocol):
    """Anything that makes masks of boxes and points."""

    def look(self, picture: Picture, /) -> Scene:
        """Look at (h, w, 3) uint8 RGB once, for any number of prompts."""
        ...
