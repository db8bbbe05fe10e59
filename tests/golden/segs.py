"""SEGS as recorded, and as our regions."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import numpy as np

from detailer.core.context import crop_region
from detailer.core.geometry import Box, Size
from detailer.core.matte import Matte
from detailer.core.region import Region
from detailer.core.regions import Regions


def size_of(header: list[int]) -> Size:
    return Size(header[1], header[0])


def regions_of(segs: dict[str, Any]) -> Regions:
    """Recorded SEGS as regions; several frames of a mask must be one."""
    return Regions(size_of(segs["header"]), tuple(_region(seg) for seg in segs["segs"]))


def _region(seg: dict[str, Any]) -> Region:
    crop = Box(*seg["crop_region"])
    picture = seg.get("cropped_image")
    return Region(
        Box(*seg["bbox"]),
        Matte(plane(seg["cropped_mask"]), crop),
        label=seg["label"],
        score=seg["confidence"],
        crop=crop,
        picture=None if picture is None else picture[0],
    )


def plane(mask: np.ndarray) -> np.ndarray:
    """A mask (1, h, w) or (h, w) as (h, w)."""
    return mask[0] if mask.ndim == 3 else mask


def cropped(regions: Regions, crop_factor: float, crop_min_size: int | None = None) -> Regions:
    """Regions with the crop that SEGS carry."""
    return regions.map(
        lambda region: replace(
            region, crop=crop_region(region.box, regions.size, crop_factor, crop_min_size or 0)
        )
    )


def assert_same(regions: Regions, segs: dict[str, Any], within: float = 1e-6) -> None:
    """Box, crop, label, score and mask of every region, in order."""
    assert regions.size == size_of(segs["header"])
    assert [list(region.box) for region in regions] == [seg["bbox"] for seg in segs["segs"]]
    for region, seg in zip(regions, segs["segs"], strict=True):
        assert region.crop is not None
        assert list(region.crop) == seg["crop_region"]
        assert region.label == seg["label"]
        assert region.score == seg["confidence"]
        assert_masks(region.mask.within(region.crop), plane(seg["cropped_mask"]), within)
        assert_pictures(region.picture, seg.get("cropped_image"))


def assert_masks(ours: np.ndarray, theirs: np.ndarray, within: float = 1e-6) -> None:
    """Equal within a tolerance. Theirs may leave 0..1 where the input did; ours never do."""
    assert ours.shape == theirs.shape
    np.testing.assert_allclose(ours, np.clip(theirs, 0, 1), rtol=0, atol=within)


def assert_pictures(ours: np.ndarray | None, theirs: np.ndarray | None) -> None:
    assert (ours is None) == (theirs is None)
    if ours is not None and theirs is not None:
        np.testing.assert_allclose(ours, theirs[0], rtol=0, atol=1e-6)


def labels(regions: Iterable[Region]) -> list[str]:
    return [region.label for region in regions]
