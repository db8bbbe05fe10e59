"""Length: texts of different lengths side by side in one batch."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import torch
from torch import Tensor

from detailer.errors import InputError


def common_length(lengths: Iterable[int]) -> int:
    """The shortest length that all of them fill by being repeated: their least common multiple."""
    return math.lcm(*lengths)


def repeated(hidden: Tensor, length: int) -> Tensor:
    """(n, d) repeated to (length, d), which cross attention sees as the same text.

    A softmax over k copies of the same keys gives each copy the k-th part, and the values sum up
    to what they were; padding with zeros would be attended to. InputError if n does not divide.
    """
    times, rest = divmod(length, len(hidden))
    if rest:
        raise InputError(f"a text of {len(hidden)} tokens does not fill {length} by being repeated")
    return hidden.repeat(times, *[1] * (hidden.ndim - 1))


def stacked(hiddens: Sequence[Tensor]) -> Tensor:
    """(B, common length, d) of texts (n, d), for a network that reads them by cross attention."""
    length = common_length(len(hidden) for hidden in hiddens)
    return torch.stack([repeated(hidden, length) for hidden in hiddens])
