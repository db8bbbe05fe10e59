"""Restore: sharper where it was blurred, the same where it was not, and never another tone."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from detailer.core.geometry import Box, Size
from detailer.core.pixels import Pixels, resize, to_unit
from detailer.core.plan import Failed
from detailer.core.window import Window
from detailer.engines.painters.restore import Restore, gain_for, looks_at
from detailer.engines.painters.sharpness import SHARP, gradient, luma, soft
from detailer.engines.realesrgan import Network
from detailer.errors import EngineError, InputError, MissingEngineError
from tests.engines import contract
from tests.engines.places import data_file
from tests.engines.realesrgan_here import need_realesrgan

pytestmark = pytest.mark.slow

SIDE = 96
BOX = Box(24, 24, 72, 72)
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
    return contract.painted(restore, [work])[0]


@pytest.mark.parametrize("check", contract.CHECKS)
def test_restore_keeps_the_contract_of_painters(check, plain: Restore) -> None:
    check(plain)


def test_with_its_network_too_every_bit_is_the_same_in_any_company(restore: Restore) -> None:
    contract.minds_nobody_elses_business(restore)


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


def test_a_sharp_face_is_not_harmed(restore, face) -> None:
    small, box = resize(face, Size(120, 120)), FACE.scaled(0.5, 0.5).whole()
    answer = one(restore, contract.cutout(small, Window(0, 0, Size(120, 120), 1.0), box))
    before, after = small[box.slices], answer.pixels[box.slices]
    assert np.abs(after - before).mean() < 0.02
    share = gradient(luma(after)).mean() / gradient(luma(before)).mean()
    assert share == pytest.approx(1, abs=0.2)


def test_what_is_large_and_sharp_is_left_bit_for_bit(restore: Restore) -> None:
    picture = contract.shapes(Size(700, 700), 2)
    work = contract.cutout(picture, Window(0, 0, Size(700, 700), 1.0), Box(20, 20, 680, 680))
    answer = one(restore, work)
    assert np.array_equal(answer.pixels, work.pixels)
    assert answer.notes["left"] == "large and sharp already"


def test_the_notes_say_which_network_and_how_blurred_it_was(plain: Restore) -> None:
    blurred = soft(contract.shapes(Size(SIDE, SIDE)), 2.0)
    notes = one(plain, contract.cutout(blurred, WINDOW, BOX)).notes
    assert notes["network"] == "realesrgan-x4plus"
    assert notes["edge_width"] == pytest.approx(2, abs=0.4)


def test_what_is_coarser_than_the_blur_stays_whatever_the_network_says(restore, monkeypatch):
    blurred = soft(contract.shapes(Size(SIDE, SIDE)), 1.5)
    monkeypatch.setattr(Network, "__call__", lambda self, pixels: nearest(self, pixels) * 0.9)
    answer = one(restore, contract.cutout(blurred, WINDOW, BOX))
    before, after = (soft(pixels[BOX.slices], 8) for pixels in (blurred, answer.pixels))
    np.testing.assert_allclose(after, before, atol=0.01)


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
    work = contract.cutout(contract.shapes(Size(SIDE, SIDE)), WINDOW, BOX)
    failed = list(restore([work]))[-1]
    assert isinstance(failed, Failed)
    assert failed.patch is work.patch
    assert reason in failed.reason


def test_one_that_fails_does_not_stop_the_others(plain: Restore) -> None:
    pixels = contract.shapes(Size(SIDE, SIDE))
    work = [contract.cutout(pixels, WINDOW, BOX, index) for index in range(2)]
    work[0] = contract.with_hole(work[0])
    failed, painted = (answer for answer in plain(work) if hasattr(answer, "patch"))
    assert isinstance(failed, Failed)
    assert painted.patch is work[1].patch


def test_what_the_network_sees_is_bounded_however_large_the_part() -> None:
    for width in (0.5, 1.0, 1.6, 4.0):
        for side in (40, 200, 800, 3000):
            looks = looks_at(Size(side, side), width)
            seen = sum((share * side) ** 2 for share in looks.shares)
            assert looks.strength == 0 or seen <= 64_000 * 1.01


def test_a_blurred_part_is_seen_at_the_size_at_which_it_is_sharp() -> None:
    blurred = looks_at(Size(100, 100), 4 * SHARP)
    assert blurred.shares[1] == pytest.approx(1 / 4)
    assert looks_at(Size(100, 100), SHARP).shares == (1.0,)
    assert looks_at(Size(100, 100), 0.3).shares == (1.0,)


def test_detail_is_given_back_but_a_sharp_part_is_not_sharpened() -> None:
    sharp = luma(contract.shapes(Size(SIDE, SIDE), 1))
    assert gain_for(soft(sharp, 2), soft(sharp, 1.5), 2.0) == 1.5
    assert gain_for(sharp, soft(sharp, 0.5), SHARP) == 1.0
    assert gain_for(soft(sharp, 2), 3 * sharp, 2.0) == 0.7
    assert gain_for(sharp, np.zeros_like(sharp), 2.0) == 1.0


def test_an_unknown_style_is_refused_with_the_known_ones() -> None:
    with pytest.raises(InputError, match=r"style='oil'.*photo.*drawing"):
        Restore("oil")  # type: ignore[arg-type]


def test_without_ncnn_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "ncnn", None)
    with pytest.raises(MissingEngineError, match=r"pip install 'detailer\[restore\]'"):
        Restore()
