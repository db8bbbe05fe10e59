"""Part: some settings of a recipe, by stage, and what must be known of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from detailer.recipes.adetailer.note import Note


@dataclass(frozen=True)
class Part:
    """What some arguments mean: settings of one stage, and notes."""

    stage: str
    values: Mapping[str, Any] = field(default_factory=dict)
    notes: tuple[Note, ...] = ()


def joined(parts: tuple[Part, ...]) -> dict[str, dict[str, Any]]:
    """The settings of all parts, by stage."""
    stages: dict[str, dict[str, Any]] = {}
    for part in parts:
        stages.setdefault(part.stage, {}).update(part.values)
    return stages
