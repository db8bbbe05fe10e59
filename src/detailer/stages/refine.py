"""Refine: how the masks of found boxes are made sharper, by a segmenter or another detector."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from functools import reduce
from typing import Literal, Self

import numpy as np
from pydantic import Field, model_validator

from detailer.core.arithmetic import Arithmetic
from detailer.core.geometry import Box, Size
from detailer.core.hints import Hint, Negative, Pointing, all_centres, own_centre, point_at
from detailer.core.matte import Matte
from detailer.core.region import Region
from detailer.core.regions.algebra import intersect
from detailer.core.regions.collection import Regions
from detailer.core.regions.reshape import grow
from detailer.core.segmenter import AnyCandidate, Candidate, Prompt, Scene
from detailer.core.settings import Settings
from detailer.errors import EngineError

_TOGETHER = 3
_NOTHING = Matte(np.zeros((0, 0), np.float32), Box(0, 0, 0, 0))


class Refine(Settings):
    """What sharpens the found masks, and how; the nodes' names."""

    refine: str = Field(
        "", description="sam:MODEL, or a detector that finds masks; empty: masks stay as found."
    )
    refine_options: dict[str, bool | int | float | str] = Field(
        {}, description="Options of its own."
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
    sam_mask_hint_use_negative: Negative = Field(
        "False",
        description="Where SAM is told that nothing is: Small: hint mask-area: where the mask is"
        " 0; mask-points: in boxes below 10 px; Outter: all around.",
    )
    sam_union: bool = Field(
        False, description="As the nodes: one mask of all regions; off: each has its own."
    )
    compatible: bool = Field(
        False,
        description="As the nodes: even amounts grow lopsidedly, masks meet bit by bit, and Outter"
        " takes the picture's width for its height.",
    )

    @model_validator(mode="after")
    def _one_mask_each_to_replace(self) -> Self:
        if self.sam_union and self.combine == "replace":
            raise ValueError(
                "combine=replace takes each region's own mask, but sam_union makes one of all;"
                " set combine=and, or leave sam_union off"
            )
        return self

    @property
    def arithmetic(self) -> Arithmetic:
        """How two masks meet."""
        return "8-bit" if self.compatible else "true"


def refine(regions: Regions, scene: Scene, how: Refine) -> Regions:
    """The regions with masks as the segmenter sees them: each its own, and nobody else's.

    A region of which nothing is seen stays, with an empty mask. `sam_union` gives all of them the
    nodes' one mask instead, of which each keeps what its found mask means too.

    Raises:
        EngineError: If the segmenter does not answer each prompt once.
    """
    grown = grow(regions, how.bbox_dilation, lopsided=how.compatible)
    if not grown.items:
        return grown
    if how.sam_union:
        whole = grown.holding([Region(grown.size.box, union(grown, scene, how))])
        return intersect(grown, whole, how.arithmetic)
    answers = _answers(scene, prompts(grown, how))
    pairs = zip(grown, answers, strict=True)
    return grown.holding([_refined(region, guesses, grown, how) for region, guesses in pairs])


def prompts(regions: Regions, how: Refine) -> list[Prompt]:
    """What the segmenter is shown of each region: its box, and points.

    With mask-points no boxes are shown but centres: all at once with `sam_union`, as in the
    nodes; else each region's own.
    """
    boxes = [region.box for region in regions]
    negative = how.sam_mask_hint_use_negative
    if how.hint == "mask-points":
        small = negative == "Small"
        if how.sam_union:
            hints = [all_centres(boxes, small)] if boxes else []
        else:
            hints = [own_centre(boxes, index, small) for index in range(len(boxes))]
        return [Prompt(None, each.points, each.positive) for each in hints]
    pointing = Pointing(how.hint, how.sam_mask_hint_threshold, negative, how.compatible)
    return [_shown(region, regions.size, pointing, how.sam_bbox_expansion) for region in regions]


def _shown(region: Region, picture: Size, pointing: Pointing, expansion: int) -> Prompt:
    box = region.box.grown(expansion).clipped(picture.box)
    hints = point_at(region, box, picture, pointing)
    return Prompt(box, hints.points, hints.positive)


def sure(guesses: Sequence[AnyCandidate], threshold: float) -> list[AnyCandidate]:
    """Those that count: all at or above a threshold; else the surest, if sure at all."""
    counting = [guess for guess in guesses if guess.score >= threshold]
    surest = sorted(guesses, key=lambda guess: -guess.score)[:1]
    return counting or [guess for guess in surest if guess.score > 0]


def seen(regions: Regions, scene: Scene, how: Refine) -> Iterator[Matte]:
    """The masks that count, of all prompts, one by one."""
    for guesses in _answers(scene, prompts(regions, how)):
        yield from (guess.mask for guess in sure(guesses, how.sam_threshold))


def union(regions: Regions, scene: Scene, how: Refine) -> Matte:
    """The nodes' one mask of all regions, grown by `sam_dilation`."""
    return _grown(reduce(_joined, seen(regions, scene, how), _NOTHING), regions, how)


def in_threes(masks: Iterable[Matte]) -> list[Matte]:
    """Every three masks as one, whatever region they are of: the nodes' segmented masks."""
    each = list(masks)
    starts = range(0, len(each), _TOGETHER)
    return [reduce(_joined, each[start : start + _TOGETHER]) for start in starts]


def _refined(region: Region, guesses: Sequence[Candidate], found: Regions, how: Refine) -> Region:
    counting = (guess.mask for guess in sure(guesses, how.sam_threshold))
    mask = _grown(reduce(_joined, counting, _NOTHING), found, how)
    if how.combine == "and":
        own = found.holding([region.with_mask(mask)])
        return intersect(found.holding([region]), own, how.arithmetic)[0]
    # A window and pixels of its own were cut for the box as it was found.
    return replace(
        region, mask=mask, box=mask.box if mask.alpha.size else region.box, crop=None, picture=None
    )


def _grown(mask: Matte, found: Regions, how: Refine) -> Matte:
    one = found.holding([Region(mask.box, mask)])
    return grow(one, how.sam_dilation, lopsided=how.compatible)[0].mask.trimmed()


def _joined(one: Matte, other: Matte) -> Matte:
    box = one.box.joined(other.box)
    return Matte(np.maximum(one.within(box), other.within(box)), box)


def _answers(scene: Scene, asked: Sequence[Prompt]) -> Iterator[Sequence[Candidate]]:
    """The guesses, prompt by prompt, as many as there are prompts."""
    count = 0
    for count, guesses in enumerate(scene.masks(asked) if asked else (), 1):
        if count <= len(asked):
            yield guesses
    if count != len(asked):
        raise EngineError(f"the segmenter gave {count} answers to {len(asked)} prompts")
