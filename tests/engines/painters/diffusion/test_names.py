"""Names that are known without torch are those that there are."""

from __future__ import annotations

import pytest

from detailer.core.paint import Paint
from detailer.engines.painters.diffusion import names
from detailer.engines.painters.diffusion.guiders import GUIDERS
from detailer.engines.painters.diffusion.samplers import SAMPLERS
from detailer.engines.painters.diffusion.schedules import SCHEDULERS
from detailer.errors import InputError


def test_every_name_is_listed_and_nothing_else() -> None:
    assert list(names.SAMPLERS) == list(SAMPLERS)
    assert list(names.SCHEDULERS) == [n for n in SCHEDULERS if not n.startswith("GITS")]
    assert list(names.GUIDERS) == list(GUIDERS)


@pytest.mark.parametrize("scheduler", SCHEDULERS)
def test_every_schedule_passes(scheduler: str) -> None:
    names.check(Paint(scheduler=scheduler))


@pytest.mark.parametrize(
    ("setting", "wrong", "right"),
    [
        ("sampler_name", "eular", "euler"),
        ("scheduler", "carras", "karras"),
        ("guider", "cgf", "cfg"),
    ],
)
def test_a_misspelt_name_is_told_with_what_was_meant(setting: str, wrong: str, right: str) -> None:
    with pytest.raises(
        InputError, match=rf"{setting}='{wrong}' is not known; did you mean {right}"
    ):
        names.check(Paint(**{setting: wrong}))
