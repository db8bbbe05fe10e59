"""Paint: what a painter is told."""

from __future__ import annotations

from typing import Any

import pytest

from detailer.core.paint import Paint
from detailer.errors import InputError

TEXTS = ("prompt", "negative", "main_prompt", "main_negative", "refiner_prompt", "refiner_negative")


@pytest.mark.parametrize("name", TEXTS)
def test_no_text_is_an_empty_one(name: str) -> None:
    assert getattr(Paint(**{name: None}), name) == ""
    assert getattr(Paint(**{name: "x"}).but(**{name: None}), name) == ""
    assert getattr(Paint.model_validate({name: None}), name) == ""


@pytest.mark.parametrize("name", TEXTS)
@pytest.mark.parametrize("value", [5, 0.5, True, ["a"], b"a", {"a": 1}])
def test_what_is_no_text_is_refused_with_its_value(name: str, value: Any) -> None:
    with pytest.raises(InputError) as error:
        Paint(**{name: value})
    assert str(error.value) == f"{name}={value!r}: it must be a text, in quotes"
