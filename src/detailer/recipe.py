"""Recipe: the settings of all stages as one value, to and from TOML, JSON and YAML."""

from __future__ import annotations

import json
import logging
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Self

from pydantic import Field

from detailer.core.paint import Paint
from detailer.core.paths import local_path
from detailer.core.settings import Settings
from detailer.errors import InputError, MissingEngineError
from detailer.stages.blend import Blend
from detailer.stages.crop import Crop
from detailer.stages.detect import Detect
from detailer.stages.mask import Mask
from detailer.stages.refine import Refine

log = logging.getLogger(__name__)


class Recipe(Settings):
    """What is found, how it is masked, cut, painted and blended; and what is done after that."""

    about: str = Field("", description="What this recipe is for, in a sentence.")
    detect: Detect = Field(default_factory=Detect, description="What is looked for.")
    refine: Refine = Field(default_factory=Refine, description="What sharpens its mask.")
    mask: Mask = Field(default_factory=Mask, description="Which pixels of it are meant.")
    crop: Crop = Field(default_factory=Crop, description="How much around it, how large.")
    paint: Paint = Field(default_factory=Paint, description="How it is painted.")
    blend: Blend = Field(default_factory=Blend, description="How it goes back.")
    then: tuple[Recipe, ...] = Field((), description="Further passes, on the result so far.")

    def passes(self) -> Iterator[Recipe]:
        """This recipe and those after it, in the order they are run."""
        yield self
        for recipe in self.then:
            yield from recipe.passes()

    @classmethod
    def read(cls, path: str | Path) -> Self:
        """The recipe in a .toml, .json or .yaml file.

        Raises:
            InputError: If the file cannot be read or says something a recipe does not know.
        """
        path = local_path(path, "recipe")
        try:
            return cls.parse(path.read_text(encoding="utf-8"), path.suffix.lower().lstrip("."))
        except (OSError, UnicodeDecodeError) as error:
            raise InputError(f"recipe {path} cannot be read: {error}") from error
        except InputError as error:
            raise InputError(f"recipe {path}: {error}") from error

    @classmethod
    def parse(cls, text: str, kind: str = "toml") -> Self:
        """The recipe in a text of a kind: toml, json or yaml."""
        values = _decoded(text, kind)
        if not isinstance(values, dict):
            raise InputError(f"a recipe is a table of settings, not a {type(values).__name__}")
        return cls(**values)

    @staticmethod
    def from_adetailer(values: Mapping[str, Any] | Sequence[Any] | str) -> Recipe:
        """The recipe that does what ADetailer's arguments say, a pass for each of its tabs.

        What has no counterpart, or another meaning, is logged as a warning;
        `detailer.recipes.adetailer.converted` gives it as values.

        Args:
            values: A tab's arguments {"ad_model": …}; the script's list of them; a whole payload
                of the WebUI's API; or the infotext of a picture.

        Raises:
            InputError: If it is none of these, an argument is not known or out of range, or no
                tab is switched on.
        """
        from detailer.recipes.adetailer import converted

        made = converted(values)
        for note in made.notes:
            log.warning("%s", note)
        return made.recipe

    def text(self, kind: str = "toml", *, all: bool = False) -> str:
        """The recipe as toml, json or yaml: what is set in it, or all of it.

        What is set to a default is written too: a model's own defaults must not take its place.
        """
        return _encoded(self.model_dump(mode="json") if all else self.values(), kind)

    def values(self) -> dict[str, Any]:
        """What is set in it, as plain values by stage; empty stages are left out."""
        values = self.model_dump(mode="json", exclude_unset=True)
        later = [recipe.values() for recipe in self.then]
        stages = {name: value for name, value in values.items() if value and name != "then"}
        return stages | ({"then": later} if later else {})


def _decoded(text: str, kind: str) -> Any:
    try:
        if kind == "toml":
            return tomllib.loads(text)
        if kind == "json":
            return json.loads(text)
    except ValueError as error:
        raise InputError(f"this is not {kind.upper()}: {error}") from error
    yaml = _yaml(kind)
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise InputError(f"this is not YAML: {error}") from error


def _encoded(values: dict[str, Any], kind: str) -> str:
    if kind == "json":
        return json.dumps(values, indent=2, ensure_ascii=False) + "\n"
    if kind == "toml":
        try:
            import tomli_w
        except ImportError as error:
            raise MissingEngineError("TOML is written by: pip install 'detailer[cli]'") from error
        return tomli_w.dumps(values)
    return str(_yaml(kind).safe_dump(values, sort_keys=False, allow_unicode=True))


def _yaml(kind: str) -> Any:
    if kind not in ("yaml", "yml"):
        raise InputError(f"recipes of kind {kind!r} are not known; use toml, json or yaml")
    try:
        import yaml
    except ImportError as error:
        raise MissingEngineError("YAML needs: pip install 'detailer[cli]'") from error
    return yaml
