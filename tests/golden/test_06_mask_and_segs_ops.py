"""Operations on masks, as the nodes do them."""

from __future__ import annotations

import numpy as np
import pytest

from detailer.core import arithmetic
from detailer.core.alpha import dilate, gaussian
from detailer.core.canvas import Canvas
from detailer.core.conditioning import within
from detailer.core.geometry import Box, Size
from detailer.core.matte import Matte
from detailer.core.region import Region
from detailer.core.regions import Regions, subtract
from detailer.errors import InputError
from tests.golden.loader import Case, cases, check
from tests.golden.segs import assert_masks, plane, regions_of
from tests.golden.segs_operations import OPERATIONS
from tests.golden.tile_layouts import LAYOUTS


@cases("06_mask_and_segs_ops")
def test_operations_on_masks_and_segs_are_those_of_the_nodes(case: Case) -> None:
    check(
        case,
        {
            "dilate": dilated,
            "mask_algebra": algebra,
            "segs_paste": pasted,
            "crop_condition_mask": cut_to_a_region,
        }
        | OPERATIONS
        | LAYOUTS,
    )


def dilated(case: Case) -> None:
    mask = plane(case.inputs["mask"])
    ours = dilate(mask.astype(np.float32), case.params["dilation_factor"])
    assert np.array_equal(ours, case.outputs["result"].astype(np.float32))


def algebra(case: Case) -> None:
    inputs, result = case.inputs, case.outputs["result"]
    verb = case.function.rsplit(".", 1)[-1]
    if verb == "to_binary_mask":
        ours = arithmetic.above(inputs["mask"], case.params["threshold"])
    elif inputs["mask1"].shape != inputs["mask2"].shape:
        refused(plane(inputs["mask1"]), plane(inputs["mask2"]))
        return
    else:
        ours = OF_TWO[verb](inputs["mask1"], inputs["mask2"])
    np.testing.assert_allclose(ours, result, rtol=0, atol=1e-6)


def refused(mask: np.ndarray, other: np.ndarray) -> None:
    # The nodes silently leave the first as it is where the second is of another size.
    size = Size(mask.shape[1], mask.shape[0])
    regions = Regions(size, (Region(size.box, Matte(mask, size.box)),))
    with pytest.raises(InputError, match="do not fit"):
        subtract(regions, other)


OF_TWO = {
    "bitwise_and_masks": lambda a, b: arithmetic.common(a, b, "float-bits"),
    "subtract_masks": lambda a, b: arithmetic.without(a, b, "8-bit"),
    "add_masks": arithmetic.added,
}


def pasted(case: Case) -> None:
    """SEGSPaste: every region's own picture, or its part of another, under its soft mask."""
    inputs, params = case.inputs, case.params
    segs, reference = inputs["segs"], inputs.get("ref_image_opt")
    for i, image in enumerate(inputs["image"]):
        canvas = Canvas(image)
        for region, seg in zip(regions_of(segs), segs["segs"], strict=True):
            picture = seg["cropped_image"] if reference is None else reference
            if picture is None:
                continue
            pixels = picture[i]
            if reference is not None:
                pixels = pixels[region.mask.box.slices]
            mask = gaussian(region.mask.alpha, params["feather"])
            strength = np.float32(params["alpha"] / 255)
            canvas.blend(pixels, Matte(mask * strength, region.mask.box))
        assert_masks_of_colours(canvas.pixels, case.outputs["image"][i])


def cut_to_a_region(case: Case) -> None:
    """A conditioning's mask inside a crop region; the nodes swap the axes' scales."""
    _, height, width, _ = case.params["image_shape"]
    box = Box(*case.params["crop_region"])
    result = case.outputs["result"]
    for mask, theirs in zip(case.inputs["mask"], result, strict=True):
        ours = within(mask, box, Size(width, height), compatible=True)
        assert np.array_equal(ours, theirs)


def assert_masks_of_colours(ours: np.ndarray, theirs: np.ndarray) -> None:
    for channel in range(theirs.shape[2]):
        assert_masks(ours[..., channel], theirs[..., channel], 1e-5)
