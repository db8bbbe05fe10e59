"""Ink: the letters and colours of sheets and drawings."""

from __future__ import annotations

import functools
import unicodedata
from dataclasses import dataclass
from typing import TypeAlias

from PIL import ImageDraw, ImageFont

Colour: TypeAlias = tuple[int, int, int]

PAPER: Colour = (26, 27, 30)
CARD: Colour = (38, 40, 44)
BRIGHT: Colour = (240, 240, 238)
DIM: Colour = (158, 162, 168)
ACCENT: Colour = (255, 176, 32)
BAD: Colour = (255, 107, 97)

# Told apart by people who see few colours too (Okabe and Ito, 2008), and bright on pictures.
SERIES: tuple[Colour, ...] = (
    (255, 176, 32),
    (86, 194, 255),
    (0, 214, 143),
    (255, 121, 198),
    (240, 228, 66),
    (255, 112, 67),
)

# With letters of many languages; the one that comes with Pillow has ASCII only.
_FONTS = ("DejaVuSans.ttf", "NotoSans-Regular.ttf", "arial.ttf", "Arial.ttf", "Helvetica.ttc")


@dataclass(frozen=True)
class Pen:
    """Writes on a picture with letters of one height, in pixels."""

    draw: ImageDraw.ImageDraw
    size: float

    def write(self, place: tuple[float, float], text: str, colour: Colour = BRIGHT) -> float:
        """Write a line with its top left at a place; gives the x where it ends."""
        plain = legible(text)
        self.draw.text(place, plain, font=font(self.size, plain.isascii()), fill=colour)
        return place[0] + self.width(text)

    def width(self, text: str) -> float:
        """How long a line is, px."""
        plain = legible(text)
        return float(self.draw.textlength(plain, font=font(self.size, plain.isascii())))

    def shortened(self, text: str, width: float) -> str:
        """The line, cut at its end so that it is no longer than a width."""
        if self.width(text) <= width:
            return text
        while text and self.width(text + "...") > width:
            text = text[:-1]
        return text.rstrip() + "..."


@functools.lru_cache(maxsize=64)
def font(size: float, is_ascii: bool = True) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """Letters of a height in pixels."""
    other = None if is_ascii else _font_of_many_letters()
    return ImageFont.load_default(size) if other is None else other.font_variant(size=size)


def legible(text: str) -> str:
    """The text in letters that can be drawn here."""
    text = text.replace("×", "x")
    if text.isascii() or _font_of_many_letters() is not None:
        return text
    return unicodedata.normalize("NFKD", text).encode("ascii", "replace").decode()


@functools.lru_cache(maxsize=1)
def _font_of_many_letters() -> ImageFont.FreeTypeFont | None:
    for name in _FONTS:
        try:
            return ImageFont.truetype(name, 16)
        except OSError:
            continue
    return None
