"""Words: labels as a person writes them, and what they mean to a model."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from typing import Final

from detailer.core.regions.select import PARTS
from detailer.errors import InputError

FACE: Final = ("face",)
"""What is looked for where nothing is said, as the nodes' face detailers do."""

_MOST_TOLD = 12


def kept_classes(labels: Sequence[str], names: Sequence[str], text: str) -> list[int]:
    """The numbers of the classes that labels mean; no labels, or `all`, mean every class.

    Args:
        labels: Names of classes, or `eyes` and its like for both of a pair.
        names: Of a model's classes, by number; several classes may share one.
        text: The model, as a person wrote it.

    Raises:
        InputError: If the model has no class of such a name; it tells the nearest ones.
    """
    wanted = set(labels)
    for label in labels:
        pair = PARTS.get(label, set()) & set(names)
        if label != "all" and label not in names and not pair:
            raise InputError(f"no label {label!r} in {text}; {_near(label, names)}")
        wanted |= pair
    every = not wanted or "all" in wanted
    return [number for number, name in enumerate(names) if every or name in wanted]


def _near(label: str, names: Sequence[str]) -> str:
    lower = {name.lower(): name for name in names}
    near = difflib.get_close_matches(label.lower(), lower, n=3)
    if near:
        return f"did you mean {' or '.join(lower[one] for one in near)}?"
    told = list(dict.fromkeys(names))
    more = f" and {len(told) - _MOST_TOLD} more" if len(told) > _MOST_TOLD else ""
    return f"it knows: {', '.join(told[:_MOST_TOLD])}{more}"
