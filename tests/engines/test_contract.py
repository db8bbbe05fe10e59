"""The checks for painters: the fakes pass them, and whatever is wrong with a painter fails one."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from detailer.core.plan import Painted
from detailer.stages.paint import each
from tests import fakes
from tests.engines import contract


@pytest.mark.parametrize("check", contract.CHECKS)
@pytest.mark.parametrize("painter", [fakes.nothing, fakes.inverted, fakes.noise, fakes.backwards])
def test_the_fakes_keep_the_contract(check, painter) -> None:
    check(painter)


def forgetful(cutouts):
    yield Painted(cutouts[0].patch, cutouts[0].pixels)


def hasty(cutouts):
    for cutout in cutouts:
        yield Painted(replace(cutout.patch), cutout.pixels)


def overwriting(cutouts):
    for cutout in cutouts:
        np.multiply(cutout.part, 0.5, out=cutout.part)
        yield Painted(cutout.patch, cutout.pixels)


def sociable(cutouts):
    mean = np.float32(np.mean([cutout.pixels.mean() for cutout in cutouts]))
    for cutout in cutouts:
        yield Painted(cutout.patch, np.full_like(cutout.pixels, mean))


BROKEN = {
    "answers_once_for_each": [forgetful, hasty],
    "gives_pixels_of_the_cutouts_size": [
        each(lambda cutout: cutout.pixels[:-1]),
        each(lambda cutout: cutout.pixels.astype(np.float64)),
        each(lambda cutout: cutout.pixels * np.nan),
        each(lambda cutout: cutout.pixels + 1),
    ],
    "leaves_what_it_was_given": [overwriting],
    "repeats_itself": [each(lambda cutout: np.random.rand(*cutout.pixels.shape))],
    "minds_nobody_elses_business": [sociable],
}


@pytest.mark.parametrize(
    ("check", "painter"),
    [(name, painter) for name, painters in BROKEN.items() for painter in painters],
)
def test_a_painter_that_breaks_the_contract_is_found_out(check: str, painter) -> None:
    with pytest.raises((AssertionError, ValueError)):
        getattr(contract, check)(painter)
