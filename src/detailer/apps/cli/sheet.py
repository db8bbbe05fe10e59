"""Sheet: each region before and after, and the mask that it was pasted through."""

from __future__ import annotations

import io
import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from detailer.apps.cli.done import Done, Entry
from detailer.apps.cli.ink import ACCENT, BAD, BRIGHT, CARD, DIM, PAPER, Pen
from detailer.apps.files.store import store
from detailer.core.canvas import Canvas
from detailer.core.geometry import Box, Size
from detailer.core.pixels import Pixels, resize, to_bytes

FORMATS = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG", ".webp": "WEBP"}

_MARGIN, _GAP, _PAD = 24, 6, 14
_TITLE, _HEAD = 64, 60
_AROUND = 1.15

# What is masked is lit and warm, so that what lies under it can be seen.
_TINT = np.array([0.35, 0.15, 0], np.float32)


@dataclass(frozen=True)
class Title:
    """What a sheet says on top."""

    name: str
    about: str = ""


@dataclass(frozen=True)
class Layout:
    """Where the cards of a sheet lie: square tiles of a side, px, three to a card."""

    cards: int
    tile: int
    columns: int

    @classmethod
    def of(cls, cards: int) -> Layout:
        """Large tiles for few cards; columns so that the sheet is about as wide as high."""
        tile = 448 if cards <= 2 else 336 if cards <= 6 else 256
        layout = cls(cards, tile, 1)
        width, height = layout.card
        return cls(cards, tile, max(1, round(math.sqrt(cards * height / width))))

    @property
    def card(self) -> tuple[int, int]:
        """Width and height of a card with its gap."""
        width = 3 * self.tile + 2 * _GAP + 2 * _PAD
        return width + _PAD, _HEAD + self.tile + _PAD + _PAD

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the sheet."""
        width, height = self.card
        rows = -(-self.cards // self.columns)
        return 2 * _MARGIN - _PAD + self.columns * width, _TITLE + _MARGIN + rows * height

    def corner(self, number: int) -> tuple[int, int]:
        """The top left of a card, left to right and then down."""
        row, column = divmod(number, self.columns)
        width, height = self.card
        return _MARGIN + column * width, _TITLE + row * height


def draw(before: Canvas, after: Canvas, done: Done, title: Title) -> Image.Image:
    """The sheet of one picture, an RGB image.

    Args:
        before: The picture as it was, of the same size as after.
        after: As it is now.
        done: What was done to it.
        title: What stands on top.
    """
    entries = done.entries()
    layout = Layout.of(max(len(entries), 1))
    image = Image.new("RGB", layout.size, PAPER)
    pen = Pen(ImageDraw.Draw(image), 24)
    end = pen.write((_MARGIN, 18), title.name)
    counts = [f"{done.count(s)} {s}" for s in ("painted", "skipped", "failed") if done.count(s)]
    text = ", ".join([*(counts or [done.remark]), str(done.size), title.about])
    small = Pen(pen.draw, 15)
    left = layout.size[0] - _MARGIN - end - 20
    small.write((end + 20, 26), small.shortened(text.rstrip(", "), left), DIM)
    for number, entry in enumerate(entries):
        _card(image, layout, number, Cut(entry, before, after))
    return image


def save(image: Image.Image, path: Path) -> None:
    """Write a sheet or a drawing in the format of its suffix, whole or not at all.

    Raises:
        OutputError: If it cannot be written.
    """
    file = io.BytesIO()
    image.save(file, FORMATS.get(path.suffix.lower(), "PNG"))
    store(file.getvalue(), path)


@dataclass(frozen=True)
class Cut:
    """What a card shows: a region, and the part of the picture around it, before and after."""

    entry: Entry
    before: Canvas
    after: Canvas

    @property
    def view(self) -> Box:
        """A square around all that is pasted, inside the picture where it fits."""
        region, patch = self.entry.region, self.entry.patch
        picture = self.before.size
        box = region.box.joined(patch.paste_mask.box if patch else region.mask.box)
        box = box.clipped(picture.box)
        side = max(8, math.ceil(max(box.width, box.height) * _AROUND))
        width, height = min(side, picture.width), min(side, picture.height)
        x, y = box.centre
        left = min(max(round(x - width / 2), 0), picture.width - width)
        top = min(max(round(y - height / 2), 0), picture.height - height)
        return Box(left, top, left + width, top + height)

    def tiles(self, side: int) -> list[tuple[str, Image.Image]]:
        """The pictures of the card with their names."""
        view = self.view
        before = _fitted(self.before.read(view), side)
        tiles = [("before", _image(before))]
        if self.entry.state == "painted" and self.entry.patch is not None:
            mask = self.entry.patch.paste_mask.within(view)
            shown = _fitted(np.repeat(mask[..., None], 3, axis=2), side)
            grey = before.mean(axis=2, keepdims=True)
            lit = grey * (0.3 + 0.7 * shown) + _TINT * shown * (1 - grey)
            tiles.append(("after", _image(_fitted(self.after.read(view), side))))
            tiles.append(("mask", _image(lit)))
        return tiles


def _card(image: Image.Image, layout: Layout, number: int, cut: Cut) -> None:
    left, top = layout.corner(number)
    width, height = (length - _PAD for length in layout.card)
    drawing = ImageDraw.Draw(image)
    drawing.rounded_rectangle((left, top, left + width, top + height), 10, fill=CARD)
    _head(drawing, (left + _PAD, top + 9), width - 2 * _PAD, cut.entry)
    x, y = left + _PAD, top + _HEAD
    for name, tile in cut.tiles(layout.tile):
        inset = (layout.tile - tile.width) // 2, (layout.tile - tile.height) // 2
        image.paste(tile, (x + inset[0], y + inset[1]))
        _tag(drawing, (x, y + layout.tile), name)
        x += layout.tile + _GAP
    if cut.entry.reason:
        said = Pen(drawing, 18)
        text = f"{cut.entry.state}: {cut.entry.reason}"
        room = left + width - _PAD - x - 16
        said.write((x + 16, y + layout.tile / 2 - 12), said.shortened(text, room), BAD)


def _head(drawing: ImageDraw.ImageDraw, at: tuple[int, int], width: int, entry: Entry) -> None:
    """Two lines: what it is; where it is and how it was painted."""
    left, top = at
    region, patch = entry.region, entry.patch
    large, small = Pen(drawing, 19), Pen(drawing, 14)
    end = large.write((left, top), f"{entry.index}  ", ACCENT)
    end = large.write((end, top), region.label or "region", BRIGHT)
    small.write((end + 10, top + 4), f"score {region.score:.2f}", DIM)
    box = region.box
    x, y, right, bottom = (f"{side:.0f}" for side in box)
    facts = [f"box {x},{y} to {right},{bottom} ({box.width:.0f} x {box.height:.0f})"]
    if patch is not None:
        facts += [f"painted {patch.size}", f"seed {patch.paint.seed}", patch.paint.painter]
    small.write((left, top + 24), small.shortened("    ".join(facts), width), DIM)


def _tag(drawing: ImageDraw.ImageDraw, at: tuple[int, int], name: str) -> None:
    pen = Pen(drawing, 13)
    left, bottom = at
    width = pen.width(name)
    drawing.rectangle((left, bottom - 22, left + width + 14, bottom - 1), fill=PAPER)
    pen.write((left + 7, bottom - 20), name, BRIGHT)


def _fitted(pixels: Pixels, side: int) -> Pixels:
    height, width = pixels.shape[:2]
    scale = side / max(height, width)
    size = Size(max(1, round(width * scale)), max(1, round(height * scale)))
    return np.clip(resize(pixels, size), 0, 1)


def _image(pixels: Pixels) -> Image.Image:
    return Image.fromarray(to_bytes(pixels))
