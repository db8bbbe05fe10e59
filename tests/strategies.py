"""Scenes for property tests: small pictures, regions in them, settings."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from hypothesis import strategies as st

from detailer.core.canvas import Canvas
from detailer.core.geometry import Box, Size
from detailer.core.matte import Matte
from detailer.core.pixels import Native
from detailer.core.region import Region
from detailer.core.regions import Regions
from detailer.stages.crop import Crop

DTYPES = (np.uint8, np.uint16, np.float32)


@st.composite
def sizes(draw: st.DrawFn, least: int = 16, most: int = 96) -> Size:
    return Size(draw(st.integers(least, most)), draw(st.integers(least, most)))


@st.composite
def boxes(draw: st.DrawFn, size: Size, least: int = 2) -> Box:
    width = draw(st.integers(least, max(least, size.width // 2)))
    height = draw(st.integers(least, max(least, size.height // 2)))
    left = draw(st.integers(0, size.width - width))
    top = draw(st.integers(0, size.height - height))
    return Box(left, top, left + width, top + height)


@st.composite
def regions_in(draw: st.DrawFn, size: Size, most: int = 5) -> Regions:
    return Regions(size, tuple(draw(st.lists(_regions(size), min_size=1, max_size=most))))


@st.composite
def _regions(draw: st.DrawFn, size: Size) -> Region:
    box = draw(boxes(size))
    noise = np.random.default_rng(draw(st.integers(0, 99)))
    alpha = noise.choice([0, 0.3, 1], box.size.shape).astype(np.float32)
    mask = draw(st.sampled_from([Matte.filled(box), Matte(alpha, box)]))
    tilt = draw(st.floats(-1, 1))
    eyes = ((box.left, box.top), (box.right, box.top + tilt * box.width))
    return Region(box, mask, landmarks=eyes)


@st.composite
def pictures(draw: st.DrawFn, size: Size, wild: bool = False) -> Native:
    """Noise in every dtype and number of channels; wild float32 hold more than numbers."""
    noise = np.random.default_rng(draw(st.integers(0, 2**32)))
    channels = draw(st.sampled_from([(), (1,), (2,), (3,), (4,)]))
    dtype = draw(st.sampled_from(DTYPES))
    shape = (*size.shape, *channels)
    if dtype is np.float32:
        picture = noise.random(shape, np.float32)
        if wild:
            flat, odd = picture.reshape(-1), np.float32([np.inf, -np.inf, np.nan, -0.0, 7.5])
            flat[noise.integers(0, flat.size, 20)] = noise.choice(odd, 20)
        return picture
    return noise.integers(0, np.iinfo(dtype).max, shape, dtype, endpoint=True)


crops = st.builds(
    Crop,
    crop_factor=st.floats(1, 4),
    guide_size=st.sampled_from([64, 128]),
    guide_size_for=st.sampled_from(["bbox", "crop_region"]),
    max_size=st.sampled_from([64, 100, 256]),
    multiple=st.sampled_from([1, 8, 16]),
    sizes=st.sampled_from(["exact", "buckets"]),
    upright=st.booleans(),
    force_inpaint=st.booleans(),
)


@dataclass(frozen=True)
class Scene:
    picture: Native
    regions: Regions
    crop: Crop

    @property
    def canvas(self) -> Canvas:
        return Canvas(self.picture)


@st.composite
def scenes(draw: st.DrawFn, wild: bool = False) -> Scene:
    size = draw(sizes())
    return Scene(draw(pictures(size, wild)), draw(regions_in(size)), draw(crops))


@st.composite
def drawn_masks(draw: st.DrawFn, most: int = 90) -> np.ndarray:
    """Masks of 0 and 1 as people draw them: boxes, discs, strokes, several, with holes, cut off."""
    size = draw(sizes(most=most))
    alpha = np.full(size.shape, draw(st.sampled_from([0, 0, 0, 1])), np.float32)
    at = st.tuples(st.integers(-5, size.width + 5), st.integers(-5, size.height + 5))
    for _ in range(draw(st.integers(1, 5))):
        value = draw(st.sampled_from([1.0, 1.0, 0.0]))
        kind = draw(st.sampled_from(["box", "disc", "stroke", "speck"]))
        if kind == "box":
            cv2.rectangle(alpha, draw(at), draw(at), value, -1)
        elif kind == "disc":
            axes = draw(st.tuples(st.integers(1, 40), st.integers(1, 40)))
            cv2.ellipse(alpha, draw(at), axes, draw(st.integers(0, 90)), 0, 360, value, -1)
        elif kind == "stroke":
            cv2.line(alpha, draw(at), draw(at), value, draw(st.integers(1, 14)))
        else:
            cv2.circle(alpha, draw(at), 0, value, -1)
    return alpha
