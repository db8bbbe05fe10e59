"""Recipes that come with detailer, found by name."""

from __future__ import annotations

from pathlib import Path

from detailer.core.nearest import nearest
from detailer.core.paths import local_path
from detailer.errors import InputError
from detailer.recipe import Recipe

_FOLDER = Path(__file__).parent


def names() -> tuple[str, ...]:
    """The names of the recipes that come with detailer."""
    return tuple(sorted(path.stem for path in _FOLDER.glob("*.toml")))


def find(name: str | Path) -> Recipe:
    """The recipe of a name, or in a .toml, .json or .yaml file.

    Raises:
        InputError: If there is no such name or file, or it cannot be read.
    """
    if str(name) in names():
        return Recipe.read(_FOLDER / f"{name}.toml")
    path = local_path(name, "recipe")
    if path.suffix or path.exists():
        return Recipe.read(path)
    hint = nearest(str(name), names())
    raise InputError(f"recipe {str(name)!r} is neither a file nor a name; {hint}")
