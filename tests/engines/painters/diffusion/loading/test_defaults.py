"""What a family decides where nobody has said otherwise."""

from __future__ import annotations

import pytest

from detailer.core.paint import Paint
from detailer.engines.painters.diffusion.loading.card import FAMILIES, Card
from detailer.engines.painters.diffusion.loading.defaults import defaults_for, defaults_of
from detailer.errors import MissingEngineError
from detailer.stages.crop import Crop
from tests.engines.painters.diffusion import tiny


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("few_steps", [False, True])
def test_every_familys_defaults_are_settings_that_there_are(family, few_steps):
    told = defaults_for(Card(family, few_steps=few_steps))
    paint, crop = Paint(**told["paint"]), Crop(**told["crop"])
    assert crop.guide_size <= crop.max_size
    assert crop.max_size % crop.multiple == 0
    assert not few_steps or (paint.steps <= 8 and paint.cfg == 1)


def test_sd15_has_the_nodes_defaults():
    told = defaults_of(str(tiny.folder("sd15")))
    assert Paint(**told["paint"]) == Paint()
    assert Crop(**told["crop"]) == Crop()


def test_a_fill_model_wants_strong_guidance():
    told = defaults_of(str(tiny.folder("flux_fill")))
    assert told["paint"]["guidance"] == 30


def test_stable_diffusion_2_is_painted_at_the_size_it_was_trained_at():
    sizes = [
        defaults_for(Card("sd2", prediction=each))["crop"]["guide_size"]
        for each in ("epsilon", "v_prediction")
    ]
    assert sizes == [512, 768]


def test_nothing_is_known_of_other_families_of_pickles_and_of_what_is_not_here(tmp_path):
    (tmp_path / "a.ckpt").touch()
    assert defaults_for(Card("other")) == {}
    assert defaults_of(str(tmp_path / "a.ckpt")) == {}
    assert defaults_of("nobody/nothing-at-all") == {}


def test_a_model_that_is_not_there_is_said_to_be_missing():
    with pytest.raises(MissingEngineError, match="nothing is at"):
        defaults_of("no-such.safetensors")
