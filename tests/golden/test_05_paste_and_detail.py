"""Golden 05: whole runs of the nodes with a known painter instead of diffusion."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import pytest

from detailer.core.canvas import Canvas
from detailer.core.compatible import bilinear
from detailer.core.geometry import Box, Size
from detailer.core.matte import Matte
from detailer.core.plan import Cutout, Failed, Painted, Patch, Plan
from detailer.core.region import Region
from detailer.core.regions import Regions
from detailer.core.regions.scaling import scaled_to
from detailer.core.window import Window
from detailer.errors import InputError
from detailer.flow import Detailer
from detailer.recipe import Recipe
from detailer.stages.blend import Blend, paste_mask
from detailer.stages.crop import cut
from detailer.stages.paint import Answer, Paint, resolved
from tests.fakes import finds
from tests.golden.loader import Case, cases, check
from tests.golden.segs import regions_of

PAINTERS: dict[str, Callable[[np.ndarray, int], np.ndarray | None]] = {
    "identity": lambda x, n: x,
    "invert": lambda x, n: 1 - x,
    "half": lambda x, n: 0.5 * x,
    "const": lambda x, n: np.full_like(x, 0.1 + 0.2 * (n % 5)),
    "overrange": lambda x, n: 1.5 * x - 0.25,
    "skip_odd": lambda x, n: None if n % 2 else 1 - x,
    "rot_channels": lambda x, n: x[..., [1, 2, 0]],
}


@dataclass
class KnownPainter:
    """The recorded painter; remembers what it was asked, as the recording does."""

    name: str
    calls: list[dict[str, object]] = field(default_factory=list)

    def __call__(self, cutouts: Sequence[Cutout], /) -> Iterator[Answer]:
        for cutout in cutouts:
            painted = self.paint(cutout)
            if painted is None:
                yield Failed(cutout.patch, "skipped")
            else:
                yield Painted(cutout.patch, painted)

    def paint(self, cutout: Cutout) -> np.ndarray | None:
        patch = cutout.patch
        number, pixels = len(self.calls), cutout.pixels
        self.calls.append(
            {
                "bbox": list(patch.region.box),
                "seed": patch.paint.seed,
                "crop_shape": [1, *pixels.shape],
                "noise_mask": list(pixels.shape[:2]) if patch.paint.noise_mask else None,
                "crop_mean": float(pixels.mean(dtype=np.float64)),
            }
        )
        return PAINTERS[self.name](pixels, number)


def as_cropped(region: Region) -> Window:
    """The window of SEGS, painted at its own size: the recording replaces the size decision."""
    assert region.crop is not None
    return Window(region.crop.left, region.crop.top, region.crop.size, 1.0, scale_y=1.0)


def planned(regions: Regions, paint: Paint, feather: int) -> Plan:
    blend = Blend(feather_mode="gaussian", feather=feather)
    patches = [
        Patch(
            index,
            region,
            as_cropped(region),
            paste_mask(region, as_cropped(region), regions.size, blend),
            resolved(paint, region, index, regions.size),
        )
        for index, region in enumerate(regions)
        if not region.mask.empty
    ]
    return Plan(regions.size, tuple(patches))


def assert_calls(ours: list[dict[str, object]], theirs: list[dict[str, object]]) -> None:
    assert len(ours) == len(theirs)
    for mine, recorded in zip(ours, theirs, strict=True):
        for key in ("bbox", "seed", "crop_shape", "noise_mask"):
            assert mine[key] == recorded[key]
        assert mine["crop_mean"] == pytest.approx(recorded["crop_mean"], abs=1e-6)


def check_detail(case: Case) -> None:
    image = case.inputs["image"][0]
    size = Size(image.shape[1], image.shape[0])
    regions = regions_of(case.inputs["segs"])
    if regions.size != size:
        # Where the peer's crossed ratios end in an error, each axis by its own ratio works.
        regions = scaled_to(regions, size, compatible=not case.raises)
    params = case.params
    paint = Paint(
        seed=params.get("seed", 0),
        seed_mode="increment",
        noise_mask=params.get("noise_mask", True),
    )
    plan = planned(regions, paint, params["feather"])
    painter, canvas = KnownPainter(params["painter"]), Canvas(image, bounded=False)
    run = Detailer(finds(), painter, Recipe(paint=Paint(batch_size=1)))
    list(run.carry_out(plan, canvas))
    if case.raises:
        assert len(painter.calls) == len(plan.patches) > 0
        return
    assert_calls(in_order(painter.calls, plan), case.recorded["outputs"]["calls"])
    np.testing.assert_allclose(canvas.pixels, case.outputs["image"][0], rtol=0, atol=1e-5)


def in_order(calls: list[dict[str, object]], plan: Plan) -> list[dict[str, object]]:
    """Calls in the plan's order; waves may call a later region before an overlapping one."""
    order = [patch.paint.seed for patch in plan.patches]
    return sorted(calls, key=lambda call: order.index(call["seed"]))


def check_segs_detailer(case: Case) -> None:
    image, params = case.inputs["image"][0], case.params
    regions = regions_of(case.inputs["segs"])
    canvas = Canvas(image, bounded=False)
    painter, painted = KnownPainter(params["painter"]), []
    for number in range(params["batch_size"]):
        paint = Paint(seed=params["seed"] + 1 + number, seed_mode="same")
        for index, region in enumerate(regions):
            settings = resolved(paint, region, index, regions.size)
            patch = Patch(index, region, as_cropped(region), region.mask, settings)
            own = region.picture
            cutout = (
                cut(canvas, patch)
                if own is None
                else Cutout(patch, own, canvas.size, bounded=False)
            )
            result = None if region.mask.empty else painter.paint(cutout)
            painted.append(cutout.pixels if result is None else result)
    assert_calls(painter.calls, case.recorded["outputs"]["calls"])
    theirs = case.outputs["segs"]["segs"]
    assert len(painted) == len(theirs)
    for mine, seg in zip(painted, theirs, strict=True):
        np.testing.assert_allclose(mine, seg["cropped_image"][0], rtol=0, atol=1e-6)


def check_paste(case: Case) -> None:
    if case.raises:
        # The peer fails on a corner outside the picture; ours refuses the paste.
        assert min(case.params["left_top"]) < 0
        return
    image, patch = case.inputs["image1"][0], case.inputs["image2"][0]
    left, top = case.params["left_top"]
    size = Size(patch.shape[1], patch.shape[0])
    alpha = case.inputs["mask"][0, ..., 0]
    alpha = alpha if alpha.shape == size.shape else bilinear(alpha, size)
    canvas = Canvas(image, bounded=False)
    box = Box(left, top, left + size.width, top + size.height)
    inside = box.clipped(canvas.size.box)
    part = patch[inside.shifted(-left, -top).slices]
    canvas.blend(part, Matte(alpha, box).over(inside))
    np.testing.assert_allclose(canvas.pixels, case.outputs["image1_after"][0], rtol=0, atol=1e-5)


def check_error(case: Case) -> None:
    with pytest.raises(InputError, match="a picture of shape"):
        Canvas(case.inputs["image"])


CHECKS = {
    "tensor_paste": check_paste,
    "detail": check_detail,
    "handmade": check_detail,
    "scale_match": check_detail,
    "cond_mask": check_detail,
    "segsdetailer": check_segs_detailer,
    "error": check_error,
}


@cases("05_paste_and_detail")
def test_a_run_with_a_known_painter_is_the_nodes(case: Case) -> None:
    check(case, CHECKS)
