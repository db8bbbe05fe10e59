"""Foreseen: what is known of a painter's model before its weights are loaded."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from typing import Any, TypeAlias

from detailer.core.paint import Paint
from detailer.engines.catalog import Spec, check_engine, listed_engine
from detailer.errors import MissingEngineError

Defaults: TypeAlias = Mapping[str, Mapping[str, Any]]
"""Settings by stage and name."""


def own_defaults(painter: str, **wishes: Any) -> Defaults:
    """The settings that suit a painter, or its model; none where nothing is known of that.

    Args:
        painter: The painter with its model, name:path.
        wishes: Options that the painter would be opened with; those that matter are taken.

    Raises:
        InputError, MissingEngineError, EngineError: If the model is not there or not understood.
    """
    listed = listed_engine("painter", painter)
    if listed is None or not listed.defaults:
        return listed.suits if listed else {}
    path = Spec.parse(painter).path
    if not path:
        raise MissingEngineError(f"painter {listed.name} needs {listed.source}")
    known: Defaults = _asked(_function(listed.defaults), path, wishes)
    return known


def check(paint: Paint) -> None:
    """Refuse settings that the painter they name can do nothing with.

    Raises:
        InputError: If a name in them is not known to that painter.
    """
    listed = listed_engine("painter", paint.painter)
    if listed and listed.check:
        _function(listed.check)(paint)


def check_files(paints: Sequence[Paint], options: Any = None) -> None:
    """Refuse settings that could not be painted with, as files tell; no model's weights are loaded.

    Adapters, such as LoRAs and embeddings, are read whole.

    Args:
        paints: What single regions are told, of one painter or of several.
        options: Those of painters that have a group of them.

    Raises:
        InputError: If a painter, or what the settings name, is not known.
        MissingEngineError, EngineError: If a library or model is not there, broken, or incomplete.
    """
    for painter in dict.fromkeys(paint.painter for paint in paints):
        check_engine("painter", painter)
        listed = listed_engine("painter", painter)
        if listed and listed.check_files:
            own = [paint for paint in paints if paint.painter == painter]
            _function(listed.check_files)(Spec.parse(painter).path, own, options)


def estimator(painter: str) -> Callable[..., Any] | None:
    """What says beforehand what a painter's work will cost; None where nothing does."""
    listed = listed_engine("painter", painter)
    return _function(listed.estimate) if listed and listed.estimate else None


def _function(place: str) -> Callable[..., Any]:
    module, _, name = place.partition(":")
    found: Callable[..., Any] = getattr(import_module(module), name)
    return found


def _asked(function: Callable[..., Any], path: str, wishes: Mapping[str, Any]) -> Any:
    known = inspect.signature(function).parameters
    return function(path, **{name: value for name, value in wishes.items() if name in known})
