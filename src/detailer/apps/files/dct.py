"""DCT: a JPEG's coefficients, kept in every block of which no pixel has changed."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from detailer.core.pixels import Native

Cells: TypeAlias = NDArray[np.bool_]
"""(rows, columns), one for each 8 x 8 pixels, the last ones cut off by the picture's edge."""

_SIDE, _BAND = 8, 32
_FREQUENCIES, _SAMPLES = np.mgrid[:_SIDE, :_SIDE]
# The DCT-II of JPEG (ITU-T T.81, A.3.3), as a matrix: rows are frequencies.
_DCT = np.where(_FREQUENCIES == 0, 0.5**0.5, 1) * 0.5
_DCT = (_DCT * np.cos((2 * _SAMPLES + 1) * _FREQUENCIES * np.pi / 16)).astype(np.float32)

# A component is a row times the pixel's channels, plus a constant. Pillow gives CMYK inverted,
# as Adobe stores it; the numbers are libjpeg's for the color spaces of files.
_YCBCR = ((0.299, 0.587, 0.114), (-0.168736, -0.331264, 0.5), (0.5, -0.418688, -0.081312))
_COMPONENTS = {
    1: (np.eye(1), (0,)),
    2: (np.eye(3), (0, 0, 0)),
    3: (np.array(_YCBCR), (0, 128, 128)),
    4: (-np.eye(4), (255, 255, 255, 255)),
    5: (np.array([*((*row, 0) for row in _YCBCR), (0, 0, 0, -1)]), (0, 128, 128, 255)),
}


def available() -> bool:
    """Whether coefficients can be read and written here."""
    try:
        # An older distribution, named as the module, ends the process over a broken file.
        return bool(version("pyjpegio"))
    except PackageNotFoundError:
        return False


def changed(before: Native, after: Native) -> Cells:
    """The 8 x 8 cells of a picture in which any value differs.

    Args:
        before: (h, w) or (h, w, c) uint8.
        after: Of the same shape.
    """
    height, width = before.shape[:2]
    channels = before.size // (height * width)
    rows, columns = -(-height // _SIDE), -(-width // _SIDE)
    cells = np.empty((rows, columns), np.bool_)
    for first in range(0, rows, _BAND):
        band = slice(first * _SIDE, (first + _BAND) * _SIDE)
        one, other = (
            before[band].reshape(-1, width * channels),
            after[band].reshape(-1, width * channels),
        )
        different = np.zeros((-(-len(one) // _SIDE) * _SIDE, columns * _SIDE * channels), np.bool_)
        np.not_equal(one, other, out=different[: len(one), : width * channels])
        # Eight flags are one number.
        eights = different.view(np.uint64).reshape(-1, _SIDE, columns, channels)
        cells[first : first + _BAND] = eights.any(axis=(1, 3))
    return cells


def reach(cells: Cells, factors: Sequence[tuple[int, int]]) -> Cells:
    """The cells that may decode otherwise when all blocks that hold changed ones are replaced.

    A decoder smooths subsampled color over a block's edge, by one pixel: of the cells beside
    replaced blocks no more than that one changes.

    Args:
        cells: Those with changed pixels.
        factors: The sampling factors of each component, (horizontal, vertical).
    """
    across, down = (max(axis) for axis in zip(*factors, strict=True))
    out = np.zeros_like(cells)
    for h, v in set(factors):
        step = down // v, across // h
        rows, columns = (np.arange(n) // s for n, s in zip(cells.shape, step, strict=True))
        out |= _any(cells, step)[rows][:, columns]
    if len(set(factors)) > 1:
        out = cv2.dilate(out.view(np.uint8), np.ones((3, 3), np.uint8)).view(np.bool_)
    return out


def merged(coded: bytes, pixels: Native, cells: Cells) -> bytes:
    """The file with new coefficients for the blocks that hold any of these cells.

    Quantization tables, subsampling, restart intervals and progressive coding stay; the Huffman
    tables are made anew.

    Args:
        coded: A JPEG file.
        pixels: What it is to hold, (h, w) or (h, w, 3 or 4) uint8, as Pillow decodes it.
        cells: Where it does not hold that yet.

    Raises:
        RuntimeError: If the file's coefficients cannot be read or written.
        ValueError: If its components or tables are of a rare kind.
    """
    import jpegio

    with tempfile.TemporaryDirectory(prefix="detailer-") as folder:
        path = Path(folder) / "picture.jpg"
        path.write_bytes(coded)
        image = jpegio.read(path)
        for component in _components(image):
            component.replace(pixels, _any(cells, component.step))
        image.optimize_coding = 1
        image.write(path)
        return path.read_bytes()


@dataclass(frozen=True, eq=False)
class _Component:
    """One of a file's components.

    Attributes:
        coefficients: (8 * rows, 8 * columns) int32, block beside block, in the library's memory.
        table: (8, 8), what they are multiplied by.
        step: How many pixels, down and across, become one sample.
        weights: What a pixel's channels are multiplied by.
        level: What is added to that; a sample is 0 in the middle of its range.
    """

    coefficients: NDArray[np.int32]
    table: NDArray[np.int32]
    step: tuple[int, int]
    weights: NDArray[np.float32]
    level: float

    def replace(self, pixels: Native, blocks: Cells) -> None:
        """New coefficients for these blocks."""
        rows, columns = (side // _SIDE for side in self.coefficients.shape)
        if blocks.shape != (rows, columns):
            raise ValueError(f"{rows} x {columns} blocks are not the picture's {blocks.shape}")
        held = self.coefficients.reshape(rows, _SIDE, columns, _SIDE)
        for row in np.flatnonzero(blocks.any(axis=1)):
            where = np.flatnonzero(blocks[row])
            samples = self._samples(pixels, int(row), where)
            values = np.rint(_DCT @ samples @ _DCT.T / self.table)
            held[row, :, where] = values

    def _samples(self, pixels: Native, row: int, columns: NDArray[np.intp]) -> NDArray[np.float32]:
        """Blocks of one row of them, (n, 8, 8); the picture's last pixels go on beyond its edge."""
        (down, across), (height, width) = self.step, pixels.shape[:2]
        y = row * _SIDE * down + np.arange(_SIDE * down)
        x = columns[:, None] * _SIDE * across + np.arange(_SIDE * across)
        cut = pixels[np.minimum(y, height - 1)][:, np.minimum(x, width - 1)]
        cut = cut.reshape(*cut.shape[:3], -1).astype(np.float32)
        plane = (cut @ self.weights).transpose(1, 0, 2) + np.float32(self.level)
        squares = plane.reshape(-1, _SIDE, down, _SIDE, across)
        return np.asarray(squares.mean(axis=(2, 4)), np.float32)


def _components(image: Any) -> list[_Component]:
    weights, levels = _COMPONENTS[image.jpeg_color_space]
    tables, told = image.quant_tables, image.comp_info
    if {one.quant_tbl_no for one in told} != set(range(len(tables))):
        raise ValueError("its quantization tables are not numbered in order")
    if any(int(table.min()) < 1 for table in tables):
        raise ValueError("its quantization tables hold 0")
    across, down = image.max_h_samp_factor, image.max_v_samp_factor
    if any(across % one.h_samp_factor or down % one.v_samp_factor for one in told):
        raise ValueError("its sampling factors are no multiples of each other")
    return [
        _Component(
            coefficients=image.coef_arrays[i],
            table=tables[one.quant_tbl_no],
            step=(down // one.v_samp_factor, across // one.h_samp_factor),
            weights=weights[i].astype(np.float32),
            level=levels[i] - 128,
        )
        for i, one in enumerate(told)
    ]


def _any(cells: Cells, step: tuple[int, int]) -> Cells:
    """Cells put together, so many down and across: True where one of them is."""
    rows, columns = (range(0, n, s) for n, s in zip(cells.shape, step, strict=True))
    return np.asarray(
        np.logical_or.reduceat(np.logical_or.reduceat(cells, rows, axis=0), columns, axis=1)
    )
