"""Photo: a picture as it lay in its file, with all that is needed to write it back."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from pydantic import Field

from detailer.apps.files.encoding import Encoding
from detailer.apps.files.palette import Palette
from detailer.core.colour import Colour
from detailer.core.geometry import Size
from detailer.core.pixels import Native, size_of
from detailer.core.settings import Settings
from detailer.errors import InputError

_Encoding = TypeVar("_Encoding", bound=Encoding)


class Limits(Settings):
    """What is too large to be read."""

    max_pixels: int = Field(
        200_000_000, ge=1, description="Most pixels of a picture, all its frames together."
    )

    def check(self, path: Path, size: Size, frames: int = 1) -> None:
        """Refuses a picture that would not fit into memory, before it is decoded."""
        if size.area == 0:
            raise InputError(f"{path} is a picture of {size}, which has no pixels")
        if size.area * frames > self.max_pixels:
            many = f"{frames} frames of {size}" if frames > 1 else str(size)
            raise InputError(
                f"{path} holds {many}, {size.area * frames:,} pixels, above the limit"
                f" max_pixels={self.max_pixels:,}; raise it if you trust the file"
            )


@dataclass(frozen=True, slots=True)
class Text:
    """A text that a file carries under a keyword: A1111's `parameters`, ComfyUI's `workflow`."""

    keyword: str
    value: str


@dataclass(frozen=True, slots=True)
class Metadata:
    """What a file says beside its pixels, in the forms that all formats share.

    Attributes:
        exif: The EXIF block, beginning with its byte order.
        xmp: The XMP packet.
        icc: The profile as it is in the file, even a broken one.
        dpi: Pixels per inch, (x, y).
        texts: PNG texts, or a JPEG's comments under the keyword "Comment".
    """

    exif: bytes | None = None
    xmp: bytes | None = None
    icc: bytes | None = None
    dpi: tuple[float, float] | None = None
    texts: tuple[Text, ...] = ()

    def text(self, keyword: str) -> str | None:
        """The first text under a keyword."""
        return next((text.value for text in self.texts if text.keyword == keyword), None)


@dataclass(frozen=True, eq=False, slots=True)
class Photo:
    """One picture, upright, in its own channels and depth.

    Attributes:
        path: The file that it was read from.
        pixels: (h, w) grey, (h, w, 2) grey and alpha, (h, w, 3) RGB, (h, w, 4) RGB and alpha or
            CMYK; uint8, uint16 or float32; read only.
        colour: What the channels mean, alpha not counted.
        encoding: How the format held it: tables, compression, blocks of its own.
        frame: Which one, where the file holds several.
        palette: What a palette picture's pixels were before they became RGB.
    """

    path: Path
    pixels: Native
    colour: Colour
    metadata: Metadata
    encoding: Encoding
    frame: int = 0
    palette: Palette | None = None

    @property
    def format(self) -> str:
        """PNG, JPEG, WebP, TIFF or AVIF, by the file's content."""
        return self.encoding.format

    def encoded_as(self, kind: type[_Encoding]) -> _Encoding:
        """How a format held it; that format's defaults where the file was of another."""
        return self.encoding if isinstance(self.encoding, kind) else kind()

    @property
    def size(self) -> Size:
        """Width and height, upright."""
        return size_of(self.pixels)

    @property
    def has_alpha(self) -> bool:
        """Whether the last channel is alpha."""
        return channels_of(self.pixels) > self.colour.channels


def channels_of(pixels: Native) -> int:
    """How many channels an array of pixels has, alpha counted."""
    return 1 if pixels.ndim == 2 else int(pixels.shape[2])


def colour_of(pixels: Native, icc: bytes | None) -> Colour:
    """The colour that 1 to 4 channels stand for where the file does not say CMYK."""
    return Colour("grey" if channels_of(pixels) < 3 else "rgb", icc)
