"""Weights: how likely each alternative is, as 2::a says."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np

from detailer.errors import InputError

_NUMBER = re.compile(r"-?(?:\d+\.?\d*|\.\d+)", re.ASCII)
_PREFIX = re.compile(r"\s*(-?(?=\.*[0-9])[0-9.]+)\s*::")


def is_number(text: str) -> bool:
    """Whether a text is a number as the Impact Pack writes weights: 1, 1., .5, -1.5; not 1e3."""
    return _NUMBER.fullmatch(text) is not None


@dataclass(frozen=True)
class Weighed:
    """An alternative with its weight."""

    text: str
    weight: float = 1.0

    @classmethod
    def parsed(cls, text: str) -> Self:
        """`2::a` weighs 2, `a` weighs 1; what has no digits is text, as in `a::b`.

        Raises:
            InputError: If the weight is below 0, too large or no number, as in 1.2.3::a.
        """
        prefix = _PREFIX.match(text)
        if prefix is None:
            return cls(text)
        weight = float(prefix[1]) if is_number(prefix[1]) else math.nan
        if not 0 <= weight <= 1e9:
            raise InputError(f"{text!r} has the weight {prefix[1]}; write a number from 0 to 1e9")
        return cls(text[prefix.end() :], weight)


def drawn(alternatives: Sequence[Weighed], count: int, random: np.random.Generator) -> list[str]:
    """So many of the alternatives, each once at most, in the order in which they are drawn.

    An alternative that weighs 0 is never drawn. Where more are asked than there are, it is all of
    them, shuffled.

    Raises:
        InputError: If there are alternatives and none of them weighs more than 0.
    """
    likely = [each for each in alternatives if each.weight > 0]
    if alternatives and not likely:
        raise InputError(
            f"all of {', '.join(repr(each.text) for each in alternatives)} weigh 0;"
            " give one of them a weight above 0"
        )
    if count > len(likely):
        order = list(range(len(likely)))
        random.shuffle(order)
    else:
        weights = np.array([each.weight for each in likely])
        share = weights / weights.sum() if likely else None
        order = list(random.choice(len(likely), count, replace=False, p=share))
    return [likely[i].text for i in order]
