"""Published engines: those that other packages offer through entry points."""

from __future__ import annotations

import logging
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from detailer.engines.listed import GROUPS, Kind
from detailer.engines.listing import built_in
from detailer.errors import EngineError, MissingEngineError

log = logging.getLogger(__name__)

_OURS = "detailer"


def published(kind: Kind) -> dict[str, EntryPoint]:
    """What other packages publish. Our own are listed: an old installation may still name others.

    A name is taken by ours first, then by the package first in the alphabet.
    """
    points = [point for point in entry_points(group=GROUPS[kind]) if package_of(point) != _OURS]
    found: dict[str, EntryPoint] = {}
    for point in sorted(points, key=lambda point: (point.name, package_of(point))):
        name = point.name.lower()
        if name in found or name in built_in(kind):
            log.warning("%s %s of %s: the name is taken", kind, name, package_of(point))
            continue
        found[name] = point
    return found


def package_of(point: EntryPoint) -> str:
    """The package that publishes it."""
    return str(point.dist.name) if point.dist else _OURS


def loaded(kind: Kind, point: EntryPoint) -> Any:
    """What an entry point names; its module is imported now.

    Raises:
        MissingEngineError: If the module, or something that it imports, is not there.
        EngineError: If the module has no such name.
    """
    source = f"{kind} {point.name} of {package_of(point)}"
    try:
        return point.load()
    except ImportError as error:
        raise MissingEngineError(
            f"{source} cannot be loaded: {error}; install what it needs, or update the package"
        ) from error
    except AttributeError as error:
        raise EngineError(f"{source} is not where its package says: {error}") from error
