"""Golden cases: what the peers took and gave, one test for each."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from detailer.errors import InputError
from tests.golden.left_out import reason_for

_REPOSITORY = Path(__file__).parents[2]


@dataclass(frozen=True)
class Case:
    """One recorded call; inputs and outputs have their arrays in place."""

    set: str
    id: str
    stratum: str
    function: str
    params: dict[str, Any] = field(repr=False)
    recorded: dict[str, Any] = field(repr=False)

    @property
    def inputs(self) -> dict[str, Any]:
        return _resolved(self.recorded["inputs"], self.set)

    @property
    def outputs(self) -> dict[str, Any]:
        return _resolved(self.recorded["outputs"], self.set)

    @property
    def raises(self) -> bool:
        """Whether the peer raised; ours may do something sensible instead."""
        outputs = self.recorded["outputs"]
        return isinstance(outputs, dict) and "raises" in outputs


def folder() -> Path:
    default = _REPOSITORY.parent / "shared" / "golden"
    return Path(os.environ.get("DETAILER_GOLDEN", default))


def cases(name: str) -> pytest.MarkDecorator:
    """Parametrises a test's `case` with all cases of a set; one skip where the set is missing."""
    found = load(name)
    if found is None:
        reason = f"no golden set {name} in {folder()}; set DETAILER_GOLDEN to its folder"
        skipped = pytest.param(None, id=f"{name}-missing", marks=pytest.mark.skip(reason=reason))
        return pytest.mark.parametrize("case", [skipped])
    return pytest.mark.parametrize("case", found, ids=[case.id for case in found])


def check(case: Case, checks: Mapping[str, Callable[[Case], None]]) -> None:
    """Runs the check of a case's stratum; a stratum nobody knows is a failure."""
    reason = reason_for(case.set, case.stratum)
    if reason:
        pytest.skip(reason)
    if case.stratum not in checks:
        pytest.fail(f"{case.id}: no check for stratum {case.stratum!r}")
    try:
        checks[case.stratum](case)
    except (InputError, KeyError):
        # Where the peer raised there is no output to look up; refusing it, too, is sensible.
        if not case.raises:
            raise


@cache
def load(name: str) -> tuple[Case, ...] | None:
    path = folder() / f"{name}.json"
    if not path.is_file():
        return None
    recorded = json.loads(path.read_text(encoding="utf-8"))["cases"]
    return tuple(
        Case(name, case["id"], case["stratum"], case["function"], case["params"], case)
        for case in recorded
    )


@cache
def _arrays(name: str) -> dict[str, np.ndarray]:
    path = folder() / f"{name}.npz"
    if not path.is_file():
        return {}
    with np.load(path, allow_pickle=False) as archive:
        return dict(archive)


def _resolved(value: Any, name: str) -> Any:
    if isinstance(value, dict):
        if "$npz" in value:
            return _arrays(name)[value["$npz"]]
        return {key: _resolved(each, name) for key, each in value.items()}
    if isinstance(value, list):
        return [_resolved(each, name) for each in value]
    return value
