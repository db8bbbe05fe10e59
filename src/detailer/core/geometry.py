"""Size and Box: lengths and rectangles in pixels of the picture."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias

from detailer.errors import InputError

Point: TypeAlias = tuple[float, float]


@dataclass(frozen=True, slots=True, order=True)
class Size:
    """Width and height in whole pixels; either may be zero."""

    width: int
    height: int

    def __post_init__(self) -> None:
        if self.width < 0 or self.height < 0:
            raise InputError(f"size {self.width}×{self.height} is negative; sides start at 0")

    @property
    def area(self) -> int:
        """Number of pixels."""
        return self.width * self.height

    @property
    def box(self) -> Box:
        """The box that covers all of it."""
        return Box(0, 0, self.width, self.height)

    @property
    def shape(self) -> tuple[int, int]:
        """(height, width), as arrays have it."""
        return self.height, self.width

    def __str__(self) -> str:
        return f"{self.width}×{self.height}"


@dataclass(frozen=True, slots=True, order=True)
class Box:
    """Left, top, right, bottom in pixels of the picture; the far edge is exclusive.

    A found box may be fractional and may reach beyond the picture.
    """

    left: float
    top: float
    right: float
    bottom: float

    def __post_init__(self) -> None:
        if not all(map(math.isfinite, self)):
            raise InputError(f"box {tuple(self)} has a side that is not a finite number")
        if self.right < self.left or self.bottom < self.top:
            raise InputError(
                f"box {tuple(self)} ends before it starts; give left, top, right, bottom"
            )

    def __iter__(self) -> Iterator[float]:
        return iter((self.left, self.top, self.right, self.bottom))

    @property
    def width(self) -> float:
        """Right minus left."""
        return self.right - self.left

    @property
    def height(self) -> float:
        """Bottom minus top."""
        return self.bottom - self.top

    @property
    def area(self) -> float:
        """Width times height."""
        return self.width * self.height

    @property
    def centre(self) -> Point:
        """The middle, (x, y)."""
        return (self.left + self.right) / 2, (self.top + self.bottom) / 2

    @property
    def empty(self) -> bool:
        """Whether it covers nothing."""
        return self.width <= 0 or self.height <= 0

    @property
    def size(self) -> Size:
        """Width and height as whole pixels; meant for whole boxes."""
        return Size(round(self.width), round(self.height))

    @property
    def slices(self) -> tuple[slice, slice]:
        """Row and column slices of a whole box inside its picture."""
        left, top, right, bottom = map(int, self)
        return slice(top, bottom), slice(left, right)

    def whole(self) -> Box:
        """The smallest box of whole pixels around it."""
        return Box(
            math.floor(self.left),
            math.floor(self.top),
            math.ceil(self.right),
            math.ceil(self.bottom),
        )

    def truncated(self) -> Box:
        """Every side cut to an integer toward zero, as the nodes do."""
        return Box(*(int(side) for side in self))

    def shifted(self, x: float, y: float) -> Box:
        """Moved right by x and down by y."""
        return Box(self.left + x, self.top + y, self.right + x, self.bottom + y)

    def grown(self, x: float, y: float | None = None) -> Box:
        """Every side moved out by x (left, right) and y (top, bottom); inward to nothing."""
        y = x if y is None else y
        x, y = max(x, -self.width / 2), max(y, -self.height / 2)
        return Box(self.left - x, self.top - y, self.right + x, self.bottom + y)

    def scaled(self, x: float, y: float) -> Box:
        """Coordinates multiplied: the same box in a picture of another size."""
        return Box(self.left * x, self.top * y, self.right * x, self.bottom * y)

    def clipped(self, other: Box) -> Box:
        """The part inside another box; empty, at its nearest edge, where they do not meet."""
        left = min(max(self.left, other.left), other.right)
        top = min(max(self.top, other.top), other.bottom)
        right = max(min(self.right, other.right), left)
        bottom = max(min(self.bottom, other.bottom), top)
        return Box(left, top, right, bottom)

    def joined(self, other: Box) -> Box:
        """The smallest box around both; an empty one adds nothing."""
        if self.empty or other.empty:
            return other if self.empty else self
        return Box(
            min(self.left, other.left),
            min(self.top, other.top),
            max(self.right, other.right),
            max(self.bottom, other.bottom),
        )

    def meets(self, other: Box) -> bool:
        """Whether they share any area."""
        return max(self.left, other.left) < min(self.right, other.right) and max(
            self.top, other.top
        ) < min(self.bottom, other.bottom)

    def holds(self, other: Box) -> bool:
        """Whether the other lies wholly inside."""
        return (
            self.left <= other.left
            and self.top <= other.top
            and other.right <= self.right
            and other.bottom <= self.bottom
        )

    def overlap(self, other: Box) -> float:
        """Intersection over union, 0..1."""
        shared = self.clipped(other).area
        joined = self.area + other.area - shared
        return shared / joined if joined > 0 else 0.0
