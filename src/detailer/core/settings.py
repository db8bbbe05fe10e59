"""Settings: the base of every stage's settings, with messages that name value and remedy."""

from __future__ import annotations

from typing import Any, Self

from pydantic import BaseModel, ConfigDict, ValidationError, model_validator

from detailer.core.nearest import nearest
from detailer.errors import InputError


class Settings(BaseModel):
    """Frozen values with defaults, ranges and one line of help each; unknown names are refused."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", allow_inf_nan=False, validate_default=True
    )

    def __init__(self, /, **values: Any) -> None:
        try:
            super().__init__(**values)
        except ValidationError as error:
            raise InputError(explain(error)) from None

    @model_validator(mode="before")
    @classmethod
    def _known_names_only(cls, values: Any) -> Any:
        if isinstance(values, dict):
            for name in values:
                if name not in cls.model_fields:
                    hint = nearest(str(name), cls.model_fields)
                    raise ValueError(f"unknown setting {str(name)!r}; {hint}")
        return values

    def but(self, **changes: Any) -> Self:
        """The same settings with some changed, validated again.

        What was left at its default stays so: only what is changed here counts as set.
        """
        return type(self)(**{**self.as_set(), **changes})

    def as_set(self) -> dict[str, Any]:
        """The settings that were given, be it with the value of their default."""
        return {name: value for name, value in self if name in self.model_fields_set}


def explain(error: ValidationError) -> str:
    """Every fault of a validation, one sentence each; of a number or a word, one for both."""
    faults: list[Any] = list(error.errors())
    words = {fault["loc"][:-1]: fault for fault in faults if _is_word(fault)}
    sentences = []
    for fault in faults:
        place = fault["loc"][:-1]
        if place in words and not _is_word(fault):
            expected = words[place]["ctx"]["expected"]
            sentences.append(f"{_sentence({**fault, 'loc': place})}, or {expected}")
        elif place not in words:
            sentences.append(_sentence(fault))
    return "; ".join(sentences)


def _is_word(fault: dict[str, Any]) -> bool:
    """Whether it says that a value is not one of the words that stand beside a number."""
    return fault["type"] == "literal_error" and str(fault["loc"][-1]).startswith("literal[")


_OUTSIDE = {
    "greater_than_equal": ("ge", "at least"),
    "greater_than": ("gt", "above"),
    "less_than_equal": ("le", "at most"),
    "less_than": ("lt", "below"),
}


def _sentence(fault: dict[str, Any]) -> str:
    name = ".".join(str(part) for part in fault["loc"])
    if fault["type"] in _OUTSIDE:
        key, words = _OUTSIDE[fault["type"]]
        return f"{name}={fault['input']!r} is out of range: it must be {words} {fault['ctx'][key]}"
    if fault["type"] == "value_error":
        message = str(fault["ctx"]["error"])
        return f"{name}: {message}" if name else message
    return f"{name}={fault['input']!r}: {fault['msg'][0].lower()}{fault['msg'][1:]}"
