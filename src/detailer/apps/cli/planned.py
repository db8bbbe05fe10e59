"""Planned: a plan read from a file, with what the options change in it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from detailer.core.plan import Patch, Plan
from detailer.core.planfile import loads
from detailer.errors import InputError
from detailer.stages.paint import Paint
from detailer.stages.paint import resolved as resolved_paint


def read_plan(path: str) -> Plan:
    """The plan in a file.

    Raises:
        InputError: If it cannot be read or is no plan; it names the file.
    """
    try:
        return loads(Path(path).expanduser().read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"plan {path} cannot be read: {error}") from error
    except InputError as error:
        raise InputError(f"{path}: {error}") from error


def repainted(plan: Plan, changes: Mapping[str, Any]) -> Plan:
    """The plan with some paint settings changed in all its patches; seeds are derived again."""
    if not changes:
        return plan
    patches = tuple(_repainted(patch, plan, changes) for patch in plan.patches)
    return replace(plan, patches=patches)


def _repainted(patch: Patch, plan: Plan, changes: Mapping[str, Any]) -> Patch:
    paint: Paint = patch.paint.but(**changes)
    derived = resolved_paint(paint, patch.region, patch.index, plan.size)
    if changes.keys() & {"seed", "seed_mode"}:
        paint = paint.but(seed=derived.seed)
    if changes.keys() & {"denoise", "denoise_power"}:
        paint = paint.but(denoise=derived.denoise)
    return replace(patch, paint=paint)
