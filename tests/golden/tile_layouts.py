"""Set 06: Make Tile SEGS, through our tiles."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from detailer.core.geometry import Size
from detailer.core.regions import Filters, Regions, Tile, make_tiles
from tests.golden.loader import Case
from tests.golden.segs import cropped, regions_of


def laid_out(case: Case) -> Regions:
    params, inputs = case.params, case.inputs
    height, width = params["image_hw"]
    tile = Tile(
        bbox_size=params["bbox_size"],
        min_overlap=params["min_overlap"],
        filter_segs_dilation=params["filter_segs_dilation"],
        mask_irregularity=params["mask_irregularity"],
        irregular_mask_mode=params.get("irregular_mask_mode", "Reuse fast"),
        compatible=True,
    )
    inside, outside = (inputs.get(name) for name in ("filter_in", "filter_out"))
    filters = Filters(
        None if inside is None else regions_of(inside),
        None if outside is None else regions_of(outside),
    )
    return cropped(make_tiles(Size(width, height), tile, filters), params["crop_factor"])


def same_places(tiles: Regions, segs: list[dict[str, Any]]) -> None:
    assert [list(region.box) for region in tiles] == [seg["bbox"] for seg in segs]
    assert [list(region.crop or ()) for region in tiles] == [seg["crop_region"] for seg in segs]


def tiles(case: Case) -> None:
    regions, segs = laid_out(case), case.outputs["segs"]
    same_places(regions, segs)
    for region, seg in zip(regions, segs, strict=True):
        assert region.label == seg["label"]
        assert region.score == seg["confidence"]
        assert region.crop is not None
        height, width = seg["mask_shape"]
        packed = np.unpackbits(seg["mask_bool_packed"])[: height * width]
        mask = region.mask.within(region.crop)
        assert np.array_equal(mask > 0, packed.reshape(height, width) > 0)
        assert np.isclose(mask.sum(dtype=float), seg["mask_sum"], rtol=1e-6)


def ragged_tiles(case: Case) -> None:
    """Their edges are random; where the tiles lie is not."""
    same_places(laid_out(case), case.outputs["segs"])


LAYOUTS: dict[str, Callable[[Case], None]] = {
    "make_tile": tiles,
    "make_tile_irregular": ragged_tiles,
}
"""By stratum."""
