"""Planned: a plan read from a file, with what the options change in it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from detailer.apps.cli.options import fast_painter
from detailer.core.paths import local_path
from detailer.core.plan import Patch, Plan
from detailer.core.planfile import loads
from detailer.engines.catalog import resolved_painter
from detailer.errors import InputError
from detailer.prompts.wording import TEXTS, Wording
from detailer.stages.paint import Paint
from detailer.stages.paint import resolved as resolved_paint

_MADE_OF = ("main_prompt", "main_negative", "prompt_syntax", "wildcards", "loras")


def read_plan(path: str) -> Plan:
    """The plan in a file.

    Raises:
        InputError: If it cannot be read or is no plan; it names the file.
    """
    place = local_path(path, "plan")
    try:
        return loads(place.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"plan {path} cannot be read: {error}") from error
    except InputError as error:
        raise InputError(f"{path}: {error}") from error


def repainted(plan: Plan, changes: Mapping[str, Any]) -> Plan:
    """The plan with some paint settings changed in all its patches; seeds are derived again.

    Raises:
        InputError: If a prompt among them is not the same for all regions.
    """
    if not changes:
        return plan
    changes = {**changes, **_words(changes)}
    patches = tuple(_repainted(patch, plan, changes) for patch in plan.patches)
    return replace(plan, patches=patches)


def with_fast_painters(plan: Plan) -> Plan:
    """The plan with restore-fast in place of restore.

    Raises:
        InputError: If it has another painter.
    """
    named = {patch.paint.painter for patch in plan.patches}
    fast = {painter: fast_painter(resolved_painter(painter)) for painter in named}
    patches = tuple(
        replace(patch, paint=patch.paint.but(painter=fast[patch.paint.painter]))
        for patch in plan.patches
    )
    return replace(plan, patches=patches)


def _words(changes: Mapping[str, Any]) -> dict[str, Any]:
    """The prompts among the changes as a plan has them; a prompt brings its LoRAs with it."""
    texts = [name for name in TEXTS if name in changes]
    if not texts:
        return {}
    said = {name: changes[name] for name in (*texts, *_MADE_OF) if name in changes}
    words = Wording.of(Paint(**said)).common
    if words is None:
        raise InputError(
            f"{' and '.join(texts)} would not be the same for all regions; what each is told is in"
            " the plan already: edit it there, or make the plan again with the new prompt"
        )
    names = [*texts, "loras"] if "prompt" in texts else texts
    return {name: getattr(words, name) for name in names}


def _repainted(patch: Patch, plan: Plan, changes: Mapping[str, Any]) -> Patch:
    paint: Paint = patch.paint.but(**changes)
    derived = resolved_paint(paint, patch.region, patch.index, plan.size)
    if changes.keys() & {"seed", "seed_mode"}:
        paint = paint.but(seed=derived.seed)
    if changes.keys() & {"denoise", "denoise_power"}:
        paint = paint.but(denoise=derived.denoise)
    return replace(patch, paint=paint)
