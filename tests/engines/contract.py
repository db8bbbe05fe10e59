"""What every painter must do: one set of checks for ours, the fakes, and anybody's."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from detailer.core.canvas import Canvas
from detailer.core.geometry import Box, Size
from detailer.core.paint import Paint
from detailer.core.pixels import Pixels
from detailer.core.plan import Cutout, Failed, Painted, Patch, Progress, Skipped
from detailer.core.region import Region
from detailer.core.window import Window
from detailer.stages.blend import shrink
from detailer.stages.crop import cut
from detailer.stages.paint import Painter


def cutout(pixels: Pixels, window: Window, box: Box, index: int = 0) -> Cutout:
    """What a window shows of a picture, (h, w, 3) float32; `box`, in the picture, comes back."""
    region = Region.from_box(box)
    patch = Patch(index, region, window, region.mask, Paint(seed=7 + index))
    return cut(Canvas(pixels), patch)


def with_hole(work: Cutout) -> Cutout:
    """The same cutout with a pixel in its middle that is not a number, as float pictures have."""
    part = work.part.copy()
    part[part.shape[0] // 2, part.shape[1] // 2] = np.nan
    return replace(work, part=part, bounded=False)


def shapes(size: Size, seed: int = 0, blur: float = 0.0) -> Pixels:
    """Discs and bars in many colours, (h, w, 3) float32 0..1: edges, flats and corners."""
    generator = np.random.default_rng(seed)
    y, x = np.mgrid[: size.height, : size.width].astype(np.float32)
    out = np.full((*size.shape, 3), 0.5, np.float32)
    for _ in range(12):
        centre = generator.random(2) * size.shape
        radius = generator.uniform(2, 0.3 * min(size.shape))
        tall = generator.uniform(0.5, 2)
        inside = np.hypot((y - centre[0]) * tall, x - centre[1]) - radius
        cover = np.clip(0.5 - inside / (1 + blur), 0, 1)[..., None]
        out += cover * (generator.random(3, np.float32) - out)
    return out.astype(np.float32)


def examples() -> list[Cutout]:
    """Cutouts of several sizes and scales; one touches the picture's corner, one is turned.

    All are blurred: a painter may leave as they are those that are sharp.
    """
    plain, blurred, large = (
        shapes(Size(64, 64), blur=4),
        shapes(Size(64, 64), 1, 6),
        shapes(Size(90, 99), 2, 6),
    )
    return [
        cutout(plain, Window(0, 0, Size(64, 64), 1.0), Box(20, 20, 44, 44)),
        cutout(blurred, Window(0, 0, Size(96, 64), 4.0), Box(0, 0, 12, 14), 1),
        cutout(large, Window(0, 9, Size(45, 45), 0.5), Box(30, 30, 60, 80), 2),
        cutout(plain, Window(14, 14, Size(72, 72), 2.0, angle=30.0), Box(26, 26, 36, 36), 3),
    ]


def painted(painter: Painter, cutouts: Sequence[Cutout]) -> dict[int, Painted]:
    """Everything that was painted, by the patch's index; nothing has failed."""
    answers = [answer for answer in painter(cutouts) if not isinstance(answer, Progress)]
    for answer in answers:
        assert isinstance(answer, Painted | Skipped), answer
    return {answer.patch.index: answer for answer in answers if isinstance(answer, Painted)}


def answers_once_for_each(painter: Painter) -> None:
    """One answer for each cutout, for its very patch; and nothing for nothing."""
    work = examples()
    answers = [answer for answer in painter(work) if not isinstance(answer, Progress)]
    skipped = [answer.index for answer in answers if isinstance(answer, Skipped)]
    patches = [answer.patch for answer in answers if not isinstance(answer, Skipped)]
    assert sorted(skipped + [patch.index for patch in patches]) == [0, 1, 2, 3]
    for patch in patches:
        assert patch is work[patch.index].patch
    assert [answer for answer in painter([]) if not isinstance(answer, Progress)] == []


def progress_never_goes_back(painter: Painter) -> None:
    """From 0 up, never more than all."""
    steps = [answer for answer in painter(examples()) if isinstance(answer, Progress)]
    shares = [step.done / step.total for step in steps]
    assert shares == sorted(shares)
    assert all(0 <= share <= 1 for share in shares)


def gives_pixels_of_the_cutouts_size(painter: Painter) -> None:
    """(h, w, 3) float32 0..1 or uint8, all finite, as the flow takes them."""
    work = examples()
    answers = painted(painter, work)
    assert answers, "all of it was skipped"
    for index, answer in answers.items():
        pixels = answer.pixels
        assert pixels.shape == (*work[index].patch.size.shape, 3)
        assert pixels.dtype in (np.float32, np.uint8)
        assert np.isfinite(pixels).all()
        if pixels.dtype == np.float32:
            assert pixels.min() >= 0
            assert pixels.max() <= 1
        assert not isinstance(shrink(answer), Failed)


def leaves_what_it_was_given(painter: Painter) -> None:
    """The cutout's own pixels are read, never written."""
    work = examples()
    before = [one.part.copy() for one in work]
    painted(painter, work)
    for one, part in zip(work, before, strict=True):
        assert np.array_equal(one.part, part)


def repeats_itself(painter: Painter) -> None:
    """The same cutout and seed give the same pixels, bit for bit."""
    first, second = (painted(painter, examples()) for _ in range(2))
    for index, answer in first.items():
        assert np.array_equal(answer.pixels, second[index].pixels)


def minds_nobody_elses_business(painter: Painter) -> None:
    """Alone, in company or in another order: the same pixels, bit for bit."""
    together = painted(painter, examples())
    reversed_order = painted(painter, examples()[::-1])
    for one in examples():
        index = one.patch.index
        if index not in together:
            assert not painted(painter, [one])
            continue
        alone = painted(painter, [one])[index].pixels
        assert np.array_equal(alone, together[index].pixels)
        assert np.array_equal(alone, reversed_order[index].pixels)


CHECKS: list[Callable[[Painter], None]] = [
    answers_once_for_each,
    progress_never_goes_back,
    gives_pixels_of_the_cutouts_size,
    leaves_what_it_was_given,
    repeats_itself,
    minds_nobody_elses_business,
]
