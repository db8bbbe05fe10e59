"""Drawing: what was found or planned, drawn over the picture, with a list below it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from PIL import Image, ImageDraw

from detailer.apps.cli.ink import BAD, BRIGHT, CARD, PAPER, SERIES, Colour, Pen
from detailer.core.canvas import Canvas
from detailer.core.geometry import Box, Point
from detailer.core.plan import Plan
from detailer.core.region import Region
from detailer.core.regions import Regions

_LEAST, _MOST = 1000, 2600
_DARK: Colour = (16, 16, 18)
_TINT = 110  # of 255


@dataclass(frozen=True)
class Line:
    """One line of the list: its columns, in a colour."""

    columns: tuple[str, ...]
    colour: Colour = BRIGHT


@dataclass
class Drawing:
    """A picture at a size at which lines and letters can be read, and what is drawn on it.

    Places are in pixels of the picture that was given.
    """

    image: Image.Image
    scale: float
    _taken: list[Box] = field(default_factory=list)

    @classmethod
    def of(cls, canvas: Canvas) -> Drawing:
        """A copy of the picture, its long side brought to 1000 to 2600 px."""
        pixels = Image.fromarray(np.ascontiguousarray(canvas.picture()))
        long = max(pixels.size)
        scale = min(max(long, _LEAST), _MOST) / long
        size = max(1, round(pixels.width * scale)), max(1, round(pixels.height * scale))
        how = Image.Resampling.LANCZOS if scale < 1 else Image.Resampling.BICUBIC
        return cls(pixels.resize(size, how) if scale != 1 else pixels, scale)

    @property
    def unit(self) -> float:
        """The width of a line, px of the drawing: as thick at every size."""
        return max(2.0, max(self.image.size) / 500)

    @property
    def pen(self) -> Pen:
        """Letters that go with the lines."""
        return Pen(ImageDraw.Draw(self.image), round(7 * self.unit))

    def outline(self, corners: Sequence[Point], colour: Colour, width: float = 1.0) -> None:
        """A closed line with a dark edge, so that it is seen on every ground."""
        points = [(x * self.scale, y * self.scale) for x, y in (*corners, corners[0])]
        draw = ImageDraw.Draw(self.image)
        for more, ink in ((2, _DARK), (0, colour)):
            draw.line(points, ink, max(2, round(width * self.unit)) + more, joint="curve")

    def box(self, region: Region, colour: Colour) -> None:
        """A region's box and landmarks."""
        box = region.box.scaled(self.scale, self.scale)
        self.outline(_corners(region.box), colour)
        self._taken.append(box)
        draw = ImageDraw.Draw(self.image)
        large = min(1.5 * self.unit, max(2.5, box.width / 24))
        for x, y in (np.array(region.landmarks).reshape(-1, 2) * self.scale).tolist():
            for radius, ink in ((large, _DARK), (large - 1.2, colour)):
                draw.ellipse((x - radius, y - radius, x + radius, y + radius), ink)

    def mask(self, region: Region, colour: Colour) -> None:
        """What is meant of a region, tinted, where that is not a whole box."""
        if region.mask.empty or region.mask.alpha.min() == 1:
            return
        place = region.mask.box.scaled(self.scale, self.scale).whole()
        tint = Image.fromarray((region.mask.alpha * _TINT).astype(np.uint8))
        size = int(place.width), int(place.height)
        self.image.paste(colour, (int(place.left), int(place.top)), tint.resize(size))

    def tag(self, region: Region, index: int, text: str, colour: Colour) -> None:
        """A region's number, and a text where there is room; other boxes are kept free."""
        pen, pad = self.pen, self.unit
        box = region.box.scaled(self.scale, self.scale)
        longer = f"{index}  {text}"
        text = longer if pen.width(longer) <= 1.2 * box.width else str(index)
        width, height = pen.width(text) + 2 * pad, pen.size * 1.15 + 2 * pad
        at = self._free_place(box, width, height)
        self._taken.append(at)
        draw = ImageDraw.Draw(self.image)
        draw.rectangle(tuple(at), fill=colour, outline=_DARK)
        pen.write((at.left + pad, at.top + pad * 0.7), text, _DARK)

    def _free_place(self, box: Box, width: float, height: float) -> Box:
        places = [
            (box.left, box.top - height),
            (box.right - width, box.top - height),
            (box.left, box.bottom),
            (box.right - width, box.bottom),
            (box.right, box.top),
            (box.left - width, box.top),
            (box.left, box.top),
        ]
        tried = [self._inside(Box(x, y, x + width, y + height)) for x, y in places]
        return min(tried, key=lambda place: sum(place.clipped(one).area for one in self._taken))

    def _inside(self, box: Box) -> Box:
        x = min(max(box.left, 0), max(self.image.width - box.width, 0))
        y = min(max(box.top, 0), max(self.image.height - box.height, 0))
        return Box(x, y, x + box.width, y + box.height)

    def with_list(self, title: str, lines: Sequence[Line]) -> Image.Image:
        """The drawing with a list below it; wider than the drawing where the list needs it."""
        size = max(14.0, 5.5 * self.unit)
        height, margin = round(size * 1.6), size * 0.8
        measure = Pen(ImageDraw.Draw(self.image), size)
        starts = _starts(measure, lines)
        width = max(self.image.width, min(_MOST, round(_reach(measure, lines) + 2 * margin)))
        sheet = Image.new("RGB", (width, self.image.height + (len(lines) + 2) * height), PAPER)
        sheet.paste(self.image, ((width - self.image.width) // 2, 0))
        pen, top, room = (
            Pen(ImageDraw.Draw(sheet), size),
            self.image.height + margin,
            width - margin,
        )
        pen.write((margin, top), pen.shortened(title, room - margin), BRIGHT)
        for number, line in enumerate(lines, 1):
            y = top + number * height
            if number % 2:
                pen.draw.rectangle((0, y - size * 0.2, width, y + height - size * 0.2), CARD)
            for start, text in zip(starts, line.columns, strict=False):
                x = margin + start
                pen.write((x, y), pen.shortened(text, max(room - x, 1)), line.colour)
        return sheet


def draw_found(canvas: Canvas, regions: Regions, name: str) -> Image.Image:
    """Boxes with number and score, masks tinted, landmarks as dots; all of it in a list too."""
    drawing = Drawing.of(canvas)
    for index, region in enumerate(regions):
        drawing.mask(region, SERIES[index % len(SERIES)])
    for index, region in enumerate(regions):
        drawing.box(region, SERIES[index % len(SERIES)])
    for index, region in enumerate(regions):
        drawing.tag(region, index, f"{region.score:.2f}", SERIES[index % len(SERIES)])
    lines = [
        Line((str(index), *_facts(region)), SERIES[index % len(SERIES)])
        for index, region in enumerate(regions)
    ]
    return drawing.with_list(f"{name}, {canvas.size}, {len(regions)} found", lines)


def draw_plan(canvas: Canvas, plan: Plan, name: str) -> Image.Image:
    """Windows in the colour of their wave, the boxes in them, what is skipped in red."""
    drawing = Drawing.of(canvas)
    waves = plan.wave_numbers()
    colours = [SERIES[wave % len(SERIES)] for wave in waves]
    for patch, colour in zip(plan.patches, colours, strict=True):
        drawing.outline(patch.window.corners, colour, 0.6)
    for skip in plan.skipped:
        drawing.box(skip.region, BAD)
    for patch, colour in zip(plan.patches, colours, strict=True):
        drawing.mask(patch.region, colour)
    for patch, colour in zip(plan.patches, colours, strict=True):
        drawing.box(patch.region, colour)
    for skip in plan.skipped:
        drawing.tag(skip.region, skip.index, "skipped", BAD)
    for patch, colour in zip(plan.patches, colours, strict=True):
        drawing.tag(patch.region, patch.index, str(patch.size), colour)
    counts = f"{len(plan.patches)} to paint in {max(waves, default=-1) + 1} waves"
    title = f"{name}, {canvas.size}, {counts}, {len(plan.skipped)} skipped"
    return drawing.with_list(title, list(_plan_lines(plan, waves)))


def _plan_lines(plan: Plan, waves: Sequence[int]) -> Iterator[Line]:
    for patch, wave in zip(plan.patches, waves, strict=True):
        window = patch.window.box
        place = f"at {window.left:.0f},{window.top:.0f}"
        facts = (
            f"window {window.width:.0f}x{window.height:.0f} {place}",
            f"painted {patch.size}",
            f"scale {patch.window.scale:.2f}",
            f"wave {wave}",
            f"seed {patch.paint.seed}",
            *([patch.paint.prompt] if patch.paint.prompt else []),
        )
        colour = SERIES[wave % len(SERIES)]
        yield Line((str(patch.index), *_facts(patch.region), *facts), colour)
    for skip in plan.skipped:
        yield Line((str(skip.index), *_facts(skip.region), f"skipped: {skip.reason}"), BAD)


def _facts(region: Region) -> tuple[str, ...]:
    box = region.box
    return (
        region.label or "region",
        f"{region.score:.2f}",
        f"{box.width:.0f}x{box.height:.0f} at {box.left:.0f},{box.top:.0f}",
        *(["empty mask"] if region.mask.empty else []),
    )


def _corners(box: Box) -> list[Point]:
    left, top, right, bottom = box
    return [(left, top), (right, top), (right, bottom), (left, bottom)]


def _starts(pen: Pen, lines: Sequence[Line]) -> list[float]:
    """Where each column starts, so that all of the one before fits."""
    starts, x = [], 0.0
    columns = max((len(line.columns) for line in lines), default=0)
    for column in range(columns):
        starts.append(x)
        # The last column of a line may be as long as it likes.
        texts = [line.columns[column] for line in lines if len(line.columns) > column + 1]
        x += max(map(pen.width, texts), default=0) + pen.size * 1.2
    return starts


def _reach(pen: Pen, lines: Sequence[Line]) -> float:
    """How wide the list is with all its text."""
    starts = _starts(pen, lines)
    return max(
        (starts[len(line.columns) - 1] + pen.width(line.columns[-1]) for line in lines), default=0
    )
