"""Restore: sharper where it was blurred, the same where it was not, and never another tone."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest

from detailer.core.focus import Focus
from detailer.core.geometry import Box, Size
from detailer.core.pixels import Pixels, resize, to_unit
from detailer.core.plan import Failed
from detailer.core.sharpness import SHARP, SHARPNESS, gradient, luma, noise, soft
from detailer.core.window import Window
from detailer.engines.painters.restore import (
    Restore,
    affordable,
    blur_of,
    bounded,
    strength_for,
    trust_of,
)
from detailer.engines.realesrgan import Network
from detailer.errors import EngineError, InputError, MissingEngineError
from tests.engines import contract
from tests.engines.places import data_file
from tests.engines.realesrgan_here import need_realesrgan

pytestmark = pytest.mark.slow

SIDE = 192
BOX = Box(24, 24, 168, 168)
FACE = Box(77, 40, 173, 164)
WINDOW = Window(0, 0, Size(SIDE, SIDE), 1.0)


@pytest.fixture(scope="module")
def restore() -> Restore:
    need_realesrgan()
    return Restore()


@pytest.fixture(scope="module")
def face() -> Pixels:
    """A sharp face and what is around it, (240, 240, 3)."""
    picture = cv2.imread(str(data_file("images/astronaut.png")))
    return to_unit(cv2.cvtColor(picture, cv2.COLOR_BGR2RGB)[16:256, 100:340])


def nearest(network: Network, pixels: Pixels) -> Pixels:
    """What a network without any imagination would do."""
    return np.repeat(np.repeat(pixels, 4, axis=0), 4, axis=1)


@pytest.fixture
def plain(restore: Restore, monkeypatch: pytest.MonkeyPatch) -> Restore:
    """A Restore whose network only repeats pixels: for what has nothing to do with networks."""
    monkeypatch.setattr(Network, "__call__", nearest)
    return restore


def one(restore: Restore, work):
    (answer,) = contract.painted(restore, [work]).values()
    return answer


@pytest.mark.parametrize("check", contract.CHECKS)
def test_restore_keeps_the_contract_of_painters(check, plain: Restore) -> None:
    check(plain)


def test_with_its_network_too_every_bit_is_the_same_in_any_company(restore, face) -> None:
    window = Window(0, 0, Size(240, 240), 1.0)
    work = [
        contract.cutout(shrunk_to_half(pixels), window, FACE, index)
        for index, pixels in enumerate((face, face[:, ::-1].copy()))
    ]
    together = contract.painted(restore, work)
    for one_of_them in work:
        alone = one(restore, one_of_them)
        index = one_of_them.patch.index
        assert np.array_equal(alone.pixels, together[index].pixels)
        assert alone.notes["network"] == "realesr-animevideov3-x4 + realesrgan-x4plus"


def test_of_a_face_with_hardly_a_pixel_left_no_network_draws_one(restore, monkeypatch) -> None:
    monkeypatch.setattr(Network, "__call__", broken)
    work = contract.cutout(
        soft(contract.shapes(Size(96, 96)), 3.0),
        Window(0, 0, Size(96, 96), 1.0),
        Box(24, 24, 72, 72),
    )
    answer = one(restore, work)
    assert answer.notes["network"] == "none"
    assert not np.array_equal(answer.pixels, work.pixels)


def test_a_blurred_face_gets_the_gradient_of_a_sharp_one_and_keeps_its_tone(restore, face) -> None:
    sharp, box = resize(face, Size(120, 120)), FACE.scaled(0.5, 0.5).whole()
    blurred = np.clip(resize(resize(sharp, Size(40, 40)), Size(120, 120)), 0, 1)
    answer = one(restore, contract.cutout(blurred, Window(0, 0, Size(120, 120), 1.0), box))
    before, after, truth = (part[box.slices] for part in (blurred, answer.pixels, sharp))
    wanted = gradient(luma(truth)).mean()
    assert gradient(luma(before)).mean() < 0.85 * wanted
    assert 0.8 * wanted < gradient(luma(after)).mean() < 1.2 * wanted
    tones = [cv2.cvtColor(soft(part, 8), cv2.COLOR_RGB2Lab) for part in (before, after)]
    assert np.linalg.norm(tones[1] - tones[0], axis=2).mean() < 0.5


def shrunk_to_half(pixels: Pixels) -> Pixels:
    size = Size(pixels.shape[1], pixels.shape[0])
    half = Size(size.width // 2, size.height // 2)
    return np.clip(resize(resize(pixels, half), size), 0, 1)


def test_a_face_at_half_its_size_comes_closer_to_what_it_was(restore, face) -> None:
    blurred, window = shrunk_to_half(face), Window(0, 0, Size(240, 240), 1.0)
    answer = one(restore, contract.cutout(blurred, window, FACE))
    before, after, truth = (luma(p)[FACE.slices] for p in (blurred, answer.pixels, face))
    assert np.square(after - truth).mean() < 0.95 * np.square(before - truth).mean()
    assert np.quantile(gradient(after), 0.98) < 1.2 * np.quantile(gradient(truth), 0.98)


def test_a_sharp_face_that_must_be_painted_hardly_changes(restore, face) -> None:
    window = Window(0, 0, Size(240, 240), 1.0)
    answer = one(restore, contract.cutout(face, window, FACE))
    assert np.abs(answer.pixels - face)[FACE.slices].mean() < 0.01
    assert answer.notes["strength"] == 0.2


def test_how_sharp_it_was_when_it_was_planned_counts(plain: Restore) -> None:
    work = contract.cutout(soft(contract.shapes(Size(SIDE, SIDE)), 2.0), WINDOW, BOX)
    planned = replace(work, patch=replace(work.patch, focus=Focus(0.65, 1.1)))
    assert one(plain, planned).notes["edge_width"] == 1.1


def test_grain_stays_where_detail_is_added(restore: Restore, face: Pixels) -> None:
    blurred = shrunk_to_half(face)
    generator = np.random.default_rng(3)
    grain = generator.normal(0, 4 / 255, (*blurred.shape[:2], 1)).astype(np.float32)
    window = Window(0, 0, Size(240, 240), 1.0)
    work = contract.cutout(np.clip(blurred + grain, 0, 1), window, FACE)
    answer = one(restore, work)
    fine = [noise(luma(p)[FACE.slices]) for p in (work.pixels, answer.pixels)]
    assert fine[1] > 0.9 * fine[0]


def test_fast_uses_the_small_network_alone(face: Pixels) -> None:
    need_realesrgan()
    window = Window(0, 0, Size(240, 240), 1.0)
    answer = one(Restore(fast=True), contract.cutout(shrunk_to_half(face), window, FACE))
    assert answer.notes["network"] == "realesr-animevideov3-x4"


def test_the_notes_say_which_networks_and_how_blurred_it_was(plain: Restore) -> None:
    blurred = soft(contract.shapes(Size(SIDE, SIDE)), 2.0)
    notes = one(plain, contract.cutout(blurred, WINDOW, BOX)).notes
    assert notes["network"] == "realesr-animevideov3-x4 + realesrgan-x4plus"
    assert notes["edge_width"] == pytest.approx(2, abs=0.4)
    assert notes["sharpness"] < SHARPNESS
    assert notes["strength"] == 1


def test_what_is_coarser_than_the_blur_stays_whatever_the_network_says(restore, monkeypatch):
    blurred = soft(contract.shapes(Size(SIDE, SIDE)), 1.5)
    monkeypatch.setattr(Network, "__call__", lambda self, pixels: nearest(self, pixels) * 0.9)
    answer = one(restore, contract.cutout(blurred, WINDOW, BOX))
    before, after = (soft(pixels[BOX.slices], 8) for pixels in (blurred, answer.pixels))
    np.testing.assert_allclose(after, before, atol=0.02)


def broken(network: Network, pixels: Pixels) -> Pixels:
    raise EngineError("values that are not finite numbers")


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (broken, "not finite"),
        (lambda network, pixels: nearest(network, 1 - pixels) ** 2, "unlike what it was given"),
        (lambda network, pixels: nearest(network, pixels) * 1000, "unlike what it was given"),
    ],
)
def test_a_network_that_goes_wrong_paints_nothing(restore, monkeypatch, answer, reason) -> None:
    monkeypatch.setattr(Network, "__call__", answer)
    work = contract.cutout(soft(contract.shapes(Size(SIDE, SIDE)), 2.0), WINDOW, BOX)
    failed = list(restore([work]))[-1]
    assert isinstance(failed, Failed)
    assert failed.patch is work.patch
    assert reason in failed.reason


def test_one_that_fails_does_not_stop_the_others(plain: Restore) -> None:
    pixels = contract.shapes(Size(SIDE, SIDE))
    work = [contract.cutout(soft(pixels, 2.0), WINDOW, BOX, index) for index in range(2)]
    work[0] = contract.with_hole(work[0])
    failed, painted = (answer for answer in plain(work) if hasattr(answer, "patch"))
    assert isinstance(failed, Failed)
    assert painted.patch is work[1].patch


def test_what_the_large_network_sees_is_bounded_however_large_the_part() -> None:
    for side in (40, 100, 130, 800):
        seen = affordable(Size(side, side), [1.0, 0.75])
        assert sum((share * side) ** 2 for share in seen) <= 18_000
    assert affordable(Size(100, 100), [1.0, 0.75]) == [1.0, 0.75]
    assert affordable(Size(130, 130), [1.0, 0.75]) == [1.0]
    assert affordable(Size(800, 800), [1.0, 0.75]) == []


def test_strength_follows_need() -> None:
    assert [strength_for(fineness) for fineness in (0.3, 0.6, 0.66, 1.0)] == [1, 1, 0.2, 0.2]
    assert strength_for(0.63) == pytest.approx(0.5)
    blurs = [blur_of(width) for width in (0.4, 0.85, 1.0, 2.0)]
    assert blurs == sorted(blurs)


def test_networks_are_believed_by_what_is_left_of_a_face() -> None:
    assert trust_of(100, SHARP) == 1
    assert trust_of(100, 4 * SHARP) == 0
    assert trust_of(92, 2 * SHARP) == pytest.approx(0.5)
    assert trust_of(20, 0.3) == 0


def test_nothing_gets_beyond_what_is_around_it_by_more_than_a_tenth() -> None:
    step = np.zeros((9, 20, 3), np.float32)
    step[:, 10:] = 0.5
    out = step + bounded(step, np.where(step > 0, 1, -1).astype(np.float32), 2)
    assert out.max() == pytest.approx(0.5 + 0.05 + 0.01)
    assert out.min() == pytest.approx(-0.05 - 0.01)
    assert np.abs(out - step)[:, :7].max() == pytest.approx(0.01), "flat parts stay flat"


def test_an_unknown_style_is_refused_with_the_known_ones() -> None:
    with pytest.raises(InputError, match=r"style='oil'.*photo.*drawing"):
        Restore("oil")  # type: ignore[arg-type]


def test_without_ncnn_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "ncnn", None)
    with pytest.raises(MissingEngineError, match=r"pip install 'detailer\[restore\]'"):
        Restore()
