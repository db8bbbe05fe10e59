"""Window: where a patch is cut from the picture, and how much larger it is painted."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from detailer.core.geometry import Box, Point, Size
from detailer.errors import InputError

_NEARLY = 1e-6


@dataclass(frozen=True, slots=True)
class Window:
    """A rectangle of the picture that is painted at `size`, enlarged by `scale`.

    Its extent in the picture is size ÷ scale, so its aspect is the painted one by construction.
    `left` and `top` are where it starts before it is turned by `angle` degrees clockwise about
    its centre. `scale_y` differs from `scale` only where the nodes' stretching is asked for.
    """

    left: float
    top: float
    size: Size
    scale: float
    angle: float = 0.0
    scale_y: float | None = None

    def __post_init__(self) -> None:
        if not (self.scale > 0 and self.vertical_scale > 0) or self.size.area == 0:
            raise InputError(
                f"a window of {self.size} at scale {self.scale} shows nothing;"
                " size and scale must be above 0"
            )
        if not all(map(math.isfinite, (self.left, self.top, self.scale, self.angle))):
            raise InputError(f"{self} has a value that is not a finite number")

    @property
    def vertical_scale(self) -> float:
        """Painted pixels for each pixel of the picture, from top to bottom."""
        return self.scale if self.scale_y is None else self.scale_y

    @property
    def box(self) -> Box:
        """What it covers before it is turned; may end between pixels."""
        return Box(
            self.left,
            self.top,
            self.left + _tidy(self.size.width / self.scale),
            self.top + _tidy(self.size.height / self.vertical_scale),
        )

    @property
    def footprint(self) -> Box:
        """The whole pixels of the picture that it can read."""
        if self.angle == 0:
            return self.box.whole()
        xs, ys = zip(*self.corners, strict=True)
        # One pixel more on each side: turned windows read between pixels.
        return Box(min(xs), min(ys), max(xs), max(ys)).whole().grown(1)

    @property
    def corners(self) -> tuple[Point, ...]:
        """The four corners in the picture, clockwise from the one at the top left."""
        width, height = self.size.width, self.size.height
        ends = np.array([[0, 0, 1], [width, 0, 1], [width, height, 1], [0, height, 1]], float)
        return tuple((float(x), float(y)) for x, y in ends @ self.to_picture.T)

    @property
    def to_picture(self) -> NDArray[np.float64]:
        """(2, 3) matrix from painted to picture coordinates, pixel edges at whole numbers."""
        box, turn = self.box, math.radians(self.angle)
        cosine, sine = math.cos(turn), math.sin(turn)
        rotation = np.array([[cosine, -sine], [sine, cosine]])
        linear = rotation / np.array([self.scale, self.vertical_scale])
        centre = np.array(box.centre)
        return np.column_stack(
            [linear, centre - linear @ np.array([self.size.width / 2, self.size.height / 2])]
        )

    def holds(self, box: Box) -> bool:
        """Whether a box of the picture lies wholly inside, turned or not."""
        if self.angle == 0:
            return self.box.holds(box)
        matrix = np.vstack([self.to_picture, [0, 0, 1]])
        ends = np.array([[x, y, 1] for x in (box.left, box.right) for y in (box.top, box.bottom)])
        painted = (np.linalg.inv(matrix) @ ends.T)[:2]
        limit = np.array([[self.size.width], [self.size.height]])
        return bool((painted >= -_NEARLY).all() and (painted <= limit + _NEARLY).all())


def _tidy(length: float) -> float:
    # 384 ÷ (384 ÷ 128) may come out as 128.00000000000003, which would read one pixel more.
    whole = round(length)
    return float(whole) if abs(length - whole) < _NEARLY else length
