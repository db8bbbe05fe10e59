"""Refine: how the masks of found boxes are made sharper, by a segmenter or another detector."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol, TypeAlias, runtime_checkable

from pydantic import Field

from detailer.core.geometry import Box, Point
from detailer.core.matte import Matte
from detailer.core.pixels import Picture
from detailer.core.settings import Settings

Hint: TypeAlias = Literal[
    "center-1",
    "horizontal-2",
    "vertical-2",
    "rect-4",
    "diamond-4",
    "mask-area",
    "mask-points",
    "mask-point-bbox",
    "none",
]


class Refine(Settings):
    """What sharpens the found masks, and how; the nodes' names."""

    refine: str = Field(
        "", description="sam:MODEL, or a detector that finds masks; empty: masks stay as found."
    )
    refine_options: dict[str, bool | int | float | str] = Field(
        default_factory=dict, description="Options of its own."
    )
    combine: Literal["and", "replace"] = Field(
        "and", description="What both mean, or only what the refined mask means."
    )
    bbox_dilation: int = Field(
        10, ge=-512, le=512, description="Grow the found mask by half of this before that, px."
    )
    hint: Hint = Field("center-1", description="Where SAM is told that something is.")
    sam_dilation: int = Field(
        0, ge=-512, le=512, description="Grow SAM's mask by half of this, px."
    )
    sam_threshold: float = Field(
        0.93,
        ge=0,
        le=1,
        description="SAM's masks that are this sure count; if none is, the surest.",
    )
    sam_bbox_expansion: int = Field(
        0, ge=0, le=1000, description="Grow the box that SAM is shown, px."
    )
    sam_mask_hint_threshold: float = Field(
        0.7, ge=0, le=1, description="hint mask-area: mask values above this are pointed at."
    )
    sam_mask_hint_use_negative: Literal["False", "Small", "Outter"] = Field(
        "False", description="Where SAM is told that nothing is: small boxes, or all around."
    )
    sam_union: bool = Field(
        False, description="As the nodes: one mask of all regions; off: each has its own."
    )


@dataclass(frozen=True)
class Prompt:
    """What a segmenter is shown: a box, and points that lie in the thing or not; in pixels."""

    box: Box | None = None
    points: tuple[Point, ...] = ()
    positive: tuple[bool, ...] = ()


@dataclass(frozen=True, eq=False)
class Guess:
    """A mask that a segmenter proposes, and how sure it is, 0..1."""

    mask: Matte
    score: float


class Scene(Protocol):
    """A picture that a segmenter has looked at."""

    def masks(self, prompts: Sequence[Prompt], /) -> list[list[Guess]]:
        """The guesses for each prompt."""
        ...


@runtime_checkable
class Segmenter(Protocol):
    """Anything that makes masks of boxes and points."""

    def look(self, picture: Picture, /) -> Scene:
        """Look at (h, w, 3) uint8 RGB once, for any number of prompts."""
        ...
