"""From CLIPSeg's map to regions: the nodes' steps, and nothing of the picture's size."""

from __future__ import annotations

import tracemalloc

import cv2
import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs detailer[transformers]")

from detailer.core.geometry import Size  # noqa: E402  # after the check for torch
from detailer.core.regions import Regions, Trace  # noqa: E402
from detailer.engines.detectors.transformers.smoothing import Smoothing  # noqa: E402

PLAIN = Smoothing(threshold=0.4, blur=0, dilation=0)


def blobs(seed, side=64, number=9):
    """A map with some soft discs of several heights."""
    generator = np.random.default_rng(seed)
    y, x = np.mgrid[:side, :side]
    out = np.zeros((side, side), np.float32)
    for _ in range(number):
        row, column = generator.random(2) * side
        radius, peak = generator.uniform(1, side / 8), generator.uniform(0.3, 1)
        out = np.maximum(out, peak * np.exp(-((y - row) ** 2 + (x - column) ** 2) / radius**2))
    return out.astype(np.float32)


def whole(smooth, size, label="a"):
    """The same by way of a mask as large as the picture."""
    full = torch.nn.functional.interpolate(
        torch.from_numpy(smooth)[None, None], size.shape, mode="bilinear"
    )
    return Regions.from_mask(full[0, 0].numpy() > 0, Trace(drop_size=0, label=label))


def placed(regions):
    return sorted(
        (tuple(region.box), region.label, region.mask.alpha.tobytes()) for region in regions
    )


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize(
    "size", [Size(300, 300), Size(640, 360), Size(90, 160), Size(20, 33), Size(300, 7)], ids=str
)
@pytest.mark.parametrize("how", [PLAIN, Smoothing(0.4, 1, 0), Smoothing(0.4, 0, 2)], ids=str)
def test_regions_are_those_of_a_mask_as_large_as_the_picture(seed, size, how):
    probability = blobs(seed)
    found = list(how.regions(probability, size, "a"))
    assert found
    assert placed(found) == placed(whole(how.applied(probability), size))


@pytest.mark.parametrize("seed", range(4))
def test_a_score_is_the_peak_of_its_region_and_above_the_threshold(seed):
    probability = blobs(seed)
    size = Size(512, 512)
    found = list(Smoothing(0.4, 1, 1).regions(probability, size, "a"))
    for region in found:
        mask = region.mask.within(size.box)
        seen = cv2.resize(probability, (512, 512), interpolation=cv2.INTER_NEAREST)
        assert region.score == pytest.approx((seen * mask).max())
        assert region.score > 0.4
    assert len(found) > 1


def test_the_nodes_steps_one_by_one():
    probability = np.zeros((9, 9), np.float32)
    probability[4, 4], probability[0, 0] = 0.8, 0.4
    assert np.array_equal(PLAIN.applied(probability) > 0, probability == np.float32(0.8))
    assert PLAIN.applied(probability)[4, 4] == 1
    grown = Smoothing(0.4, 0, 2).applied(probability)
    assert np.array_equal(np.argwhere(grown).min(axis=0), [2, 2])
    assert np.array_equal(np.argwhere(grown).max(axis=0), [6, 6])
    blurred = Smoothing(0.4, 1, 0).applied(probability)
    assert blurred.max() == 1
    # Cut off at four sigmas: the corners of nine pixels are the farthest it reaches.
    assert (blurred.min(), blurred[4, 0] > 0) == (0, True)


def test_the_blur_is_scipys():
    scipy = pytest.importorskip("scipy.ndimage", reason="compared with scipy where it is")
    probability = blobs(3)
    sure = np.where(probability > 0.4, probability, 0)
    theirs = scipy.gaussian_filter(sure, sigma=3)
    theirs = (theirs - theirs.min()) / (theirs.max() - theirs.min())
    ours = Smoothing(0.4, 3, 0).applied(probability)
    assert np.allclose(ours, theirs, atol=1e-5)
    assert np.array_equal(ours > 1e-6, theirs > 1e-6)


@pytest.mark.parametrize("level", [0.0, 0.3, 0.9, 1.0])
@pytest.mark.parametrize("how", [PLAIN, Smoothing()], ids=str)
def test_a_map_that_is_the_same_everywhere_finds_nothing(level, how):
    assert not list(how.regions(np.full((64, 64), level, np.float32), Size(99, 55), "a"))


def test_compatible_regions_are_filled_boxes_in_the_same_places():
    probability, size = blobs(1), Size(400, 300)
    filled = list(Smoothing(0.4, 0, 0, compatible=True).regions(probability, size, "a"))
    real = list(PLAIN.regions(probability, size, "a"))
    assert [one.box for one in filled] == [one.box for one in real]
    assert all(one.mask.alpha.min() == 1 and one.mask.box == one.box for one in filled)
    assert any(one.mask.alpha.min() == 0 for one in real)


def test_a_small_thing_in_a_large_picture_costs_little():
    probability = np.zeros((352, 352), np.float32)
    probability[100:104, 200:204] = 0.9
    tracemalloc.start()
    try:
        [region] = Smoothing().regions(probability, Size(8192, 8192), "a")
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert region.mask.alpha.shape[0] < 2000
    assert peak < 60 << 20  # a mask of the picture in floats is 256 MiB
