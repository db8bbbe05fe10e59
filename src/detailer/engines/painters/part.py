"""Part: the stretch of a cutout that comes back into the picture; the rest need not be painted."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from detailer.core.geometry import Box, Size
from detailer.core.pixels import Pixels, resize
from detailer.core.plan import Cutout, Failed, Painted, Patch, Progress
from detailer.errors import EngineError
from detailer.stages.paint import Answer


@dataclass(frozen=True, eq=False)
class Part:
    """A box of whole pixels of a cutout; `whole` is all of the cutout at the painted size."""

    patch: Patch
    whole: Pixels
    box: Box

    @property
    def unit(self) -> float:
        """Painted pixels for each pixel of the picture; 1 where the painted size is smaller."""
        window = self.patch.window
        return max(1.0, min(window.scale, window.vertical_scale))

    @property
    def pixels(self) -> Pixels:
        """What the cutout has there, a view."""
        return self.whole[self.box.slices]

    @property
    def size(self) -> Size:
        """Its size in pixels of the picture."""
        return self.share(1.0)

    def share(self, share: float) -> Size:
        """A share of its size in pixels of the picture, at least 1×1."""
        width, height = self.box.width / self.unit, self.box.height / self.unit
        return Size(max(1, round(width * share)), max(1, round(height * share)))

    def at_picture_size(self, pixels: Pixels) -> Pixels:
        """Pixels over this part as the picture will show them."""
        return resize(pixels, self.size)

    def grown(self, margin: float) -> Part:
        """With so many pixels of the picture more around it, as far as the cutout goes."""
        box = self.box.grown(margin * self.unit).whole()
        return replace(self, box=box.clipped(self.patch.size.box))

    def put_back(self, pixels: Pixels) -> Pixels:
        """The whole cutout with this part replaced; 0..1, or as far as the cutout itself goes."""
        out = self.whole.copy()
        least, most = min(0.0, float(out.min())), max(1.0, float(out.max()))
        out[self.box.slices] = np.clip(pixels, least, most)
        return out


def paint_parts(
    cutouts: Sequence[Cutout], paint: Callable[[Part], Painted], name: str
) -> Iterator[Answer]:
    """Paint what comes back of each cutout, one after the other: a CPU gains nothing from a batch.

    What cannot be painted, or comes out as something else than finite numbers, has failed.

    Args:
        cutouts: The work.
        paint: Paints a part that is not empty; may raise EngineError.
        name: What the progress is called.
    """
    for index, cutout in enumerate(cutouts):
        yield Progress(index, len(cutouts), name)
        yield _answer(cutout, paint)


def _answer(cutout: Cutout, paint: Callable[[Part], Painted]) -> Painted | Failed:
    patch, whole = cutout.patch, cutout.pixels
    if not np.isfinite(whole).all():
        return Failed(patch, "the picture has pixels here that are not finite numbers")
    part = Part(patch, whole, _pasted(patch))
    if part.box.empty:
        return Painted(patch, whole)
    try:
        painted = paint(part)
    except EngineError as error:
        return Failed(patch, str(error))
    if not np.isfinite(painted.pixels).all():
        return Failed(patch, "painted pixels are not finite numbers")
    return painted


def _pasted(patch: Patch) -> Box:
    pasted, window = patch.paste_mask.box, patch.window
    inward = np.linalg.inv(np.vstack([window.to_picture, [0, 0, 1]]))[:2]
    ends = np.array(
        [[x, y, 1] for x in (pasted.left, pasted.right) for y in (pasted.top, pasted.bottom)]
    )
    x, y = inward @ ends.T
    # Coming back to the picture's size reads a few pixels beyond: Lanczos 3, and turning 2 more.
    reach = 5 * max(1.0, window.scale, window.vertical_scale)
    box = Box(x.min(), y.min(), x.max(), y.max()).grown(reach).whole()
    return box.clipped(window.size.box)
