"""Detect: what is looked for, and which of what was found is worked on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Annotated, ClassVar, Literal, Protocol, Self, TypeAlias, runtime_checkable

from pydantic import Field, model_validator

from detailer.core.geometry import Size
from detailer.core.pixels import Picture, size_of
from detailer.core.region import LeftOut, Region, told
from detailer.core.regions.collection import Regions
from detailer.core.regions.order import Order
from detailer.core.regions.overlap import suppress
from detailer.core.regions.select import by_label, by_share, by_size, share, top_k
from detailer.core.settings import Settings

MaskChannel: TypeAlias = Literal["auto", "color", "alpha", "opacity", "red", "green", "blue"]
"""Where a picture holds a mask. color: its brightest channel, less where it is transparent.
alpha: its transparency, 1 - alpha, as ComfyUI's LoadImage gives it; opacity: alpha itself."""


@runtime_checkable
class Detector(Protocol):
    """Anything that finds regions in a picture.

    One that does not look at the pixels can say so, and is then shown a black picture of that
    size, for which nothing is computed: by an attribute `needs_pixels` that is False, or, as a
    function, by naming its one parameter `_`.
    """

    def __call__(self, picture: Picture, /) -> Regions:
        """What is found in (h, w, 3) uint8 sRGB pixels."""


@dataclass(frozen=True)
class BySize:
    """A detector that needs only the size of a picture."""

    find: Callable[[Size], Regions]
    needs_pixels: ClassVar[bool] = False

    def __call__(self, picture: Picture, /) -> Regions:
        """The regions for a picture of its size."""
        return self.find(size_of(picture))


@dataclass(frozen=True)
class Composed:
    """A detector made of others, which looks at the pixels if one of them does."""

    find: Callable[[Picture], Regions]
    parts: tuple[Detector, ...]

    @property
    def needs_pixels(self) -> bool:
        """Whether one of them looks."""
        return any(map(needs_pixels, self.parts))

    def __call__(self, picture: Picture, /) -> Regions:
        """What they find together."""
        return self.find(picture)


def needs_pixels(detector: Detector) -> bool:
    """Whether a detector looks at the pixels: yes, unless it says that it does not."""
    code = getattr(detector, "__code__", None)
    unused = code is not None and code.co_argcount == 1 and code.co_varnames[0] == "_"
    return bool(getattr(detector, "needs_pixels", not unused))


@runtime_checkable
class Scaling(Protocol):
    """A detector of faces that brings every picture to a size of its own.

    `long_side` is the most that the long side is then, `least_side` that of the smallest face it
    can find there, pixels. Large pictures are looked at in tiles (`tile="auto"`).
    """

    long_side: int
    least_side: int


class Find(Settings):
    """What one detector looks for, and what of it stays."""

    detector: str = Field("auto", description="Detector: a name, or name:path of its model.")
    detector_options: dict[str, bool | int | float | str] = Field(
        {}, description="Options of its own, such as blur=7."
    )
    tile: Annotated[int, Field(ge=0, le=16384)] | Literal["auto"] = Field(
        "auto",
        description="Look at tiles of this side, for large pictures, px; 0: off; auto: where a face"
        " of 20 px would be seen too small.",
    )
    tile_overlap: int = Field(256, ge=0, le=4096, description="Overlap of such tiles, px.")
    threshold: float = Field(0.5, ge=0, le=1, description="Least score.")
    labels: tuple[str, ...] = Field(
        (), description="Labels that stay, none: all; what a detector of words looks for."
    )
    top_k: int = Field(0, ge=0, le=10000, description="Keep so many of each detector; 0: all.")
    top_k_by: Literal["area", "score"] = Field("area", description="Keep the largest or surest.")
    top_k_ties: Literal["first", "last"] = Field(
        "first",
        description="Of equally large or sure ones keep the first; or the last, and hand on the"
        " largest or surest first, as ADetailer does.",
    )
    mask_threshold: float = Field(
        0.5,
        ge=0,
        le=1,
        description="Leave out parts of a given mask that nowhere reach this, of 1 (0.5 is 128 of"
        " 255); others keep all their soft values.",
    )
    mask_min_area: int = Field(
        64, ge=0, description="Leave out parts of a given mask that cover less, square px."
    )
    mask_channel: MaskChannel = Field(
        "auto",
        description="Where a mask picture holds the mask: color is its brightest channel, alpha"
        " its transparent parts (ComfyUI's LoadImage), opacity its opaque parts.",
    )

    @model_validator(mode="after")
    def _tiles_that_advance(self) -> Self:
        if self.tile != "auto" and 0 < self.tile < 2 * self.tile_overlap:
            raise ValueError(
                f"tile_overlap={self.tile_overlap} is above half of tile={self.tile};"
                " make the tile larger or the overlap smaller"
            )
        return self


class Detect(Find):
    """What is looked for, and which regions stay."""

    drop_size: int = Field(
        10, ge=0, le=16384, description="Drop boxes unless both sides are above this, px."
    )
    min_ratio: float = Field(
        0.0, ge=0, le=1, description="Least share of the picture that a box covers."
    )
    max_ratio: float = Field(
        1.0, ge=0, le=1, description="Largest share of the picture that a box covers."
    )
    nms: float = Field(
        1.0, ge=0, le=1, description="Of two that overlap more than this the surer stays; 1: off."
    )
    also: tuple[Find, ...] = Field(
        (), description="Further detectors; what two of them find under one label counts once."
    )
    order: Order = Field("found", description="Which is worked on first.")

    @model_validator(mode="after")
    def _ratios_in_order(self) -> Self:
        if self.min_ratio > self.max_ratio:
            raise ValueError(
                f"min_ratio={self.min_ratio} is above max_ratio={self.max_ratio}; swap them"
            )
        return self

    def each(self) -> tuple[Detect, ...]:
        """The settings of every single detector, with what counts for all of them."""
        first = self.but(also=())
        return first, *(first.but(**find.model_dump()) for find in self.also)


@dataclass(frozen=True)
class Chosen:
    """A detector that has chosen already from what it finds: that is only put in order."""

    detector: Detector

    @property
    def needs_pixels(self) -> bool:
        """Whether that detector looks at the pixels."""
        return needs_pixels(self.detector)

    def __call__(self, picture: Picture, /) -> Regions:
        """What it finds, as it is."""
        return self.detector(picture)


def explained(regions: Regions, detect: Detect) -> Regions:
    """The same, where `select` will leave something out: with that and the setting which does it.

    For what was given: that something found is left out is what those settings are for.
    """
    left_out, left = regions.left_out, regions
    for step in _steps(detect, regions.size):
        stay = step.keep(left)
        kept = {id(region) for region in stay}
        goes = [region for region in left if id(region) not in kept]
        reasons = [f"{step.why(region)}; {step.setting}" for region in goes]
        left_out += told(list(map(LeftOut, goes, reasons)), step.setting)
        left = stay
    return replace(regions, left_out=left_out)


def select(regions: Regions, detect: Detect) -> Regions:
    """The regions that are worked on, in their order."""
    return chosen(regions, detect).sorted(detect.order)


def chosen(regions: Regions, detect: Detect) -> Regions:
    """What stays of what a single detector found, in the order found."""
    for step in _steps(detect, regions.size):
        regions = step.keep(regions)
    return regions


@dataclass(frozen=True)
class _Step:
    """What one setting keeps of those that are left, and why it leaves one out."""

    setting: str
    keep: Callable[[Regions], Regions]
    why: Callable[[Region], str]


def _steps(detect: Detect, picture: Size) -> list[_Step]:
    """All of them, in the order in which they choose; those that are off leave nothing out."""
    d = detect
    return [
        _Step(
            f"threshold={d.threshold:g}",
            lambda found: found.filter(lambda region: region.score >= d.threshold),
            lambda region: f"its score is {region.score:g}",
        ),
        _Step(
            f"labels={','.join(d.labels)}",
            lambda found: by_label(found, d.labels) if d.labels else found,
            lambda region: f"its label is {region.label!r}",
        ),
        _Step(
            f"drop_size={d.drop_size}",
            lambda found: by_size(found, d.drop_size),
            lambda region: f"its box is {region.box.size}",
        ),
        _Step(
            f"min_ratio={d.min_ratio:g}",
            lambda found: by_share(found, low=d.min_ratio),
            lambda region: _covers(region, picture),
        ),
        _Step(
            f"max_ratio={d.max_ratio:g}",
            lambda found: by_share(found, high=d.max_ratio),
            lambda region: _covers(region, picture),
        ),
        _Step(
            f"nms={d.nms:g}",
            lambda found: suppress(found, d.nms) if d.nms < 1 else found,
            lambda _: "its box overlaps that of one that stays",
        ),
        _Step(
            f"top_k={d.top_k}",
            lambda found: top_k(found, d.top_k, d.top_k_by, d.top_k_ties),
            lambda _: f"its {d.top_k_by} is not among the largest",
        ),
    ]


def _covers(region: Region, picture: Size) -> str:
    return f"its box covers {share(region, picture):.3g} of the picture"
