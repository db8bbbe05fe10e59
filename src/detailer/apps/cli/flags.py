"""Flags: every setting as a command-line option, derived from its model."""

from __future__ import annotations

import argparse
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, get_args

from detailer.apps.cli.group import Grouped
from detailer.apps.cli.values import GROUPS, KINDS, kind_of
from detailer.core.settings import Settings
from detailer.recipe import Recipe

_FEW = 4


class Group(Protocol):
    """What options are added to: a parser, or a group of one."""

    def add_argument(self, *names: str, **keywords: Any) -> argparse.Action:
        """Add one option."""


@dataclass(frozen=True)
class Flag:
    """One setting as an option.

    Attributes:
        place: The stage that it belongs to, or another name for its settings.
        setting: Its name there.
        option: --its-name; with the stage before it where two stages have one of that name.
        schema: Its JSON schema: type, range, default, description.
        group: What it takes, where that is a group of settings.
    """

    place: str
    setting: str
    option: str
    schema: Mapping[str, Any]
    group: Grouped | None = None

    @property
    def dest(self) -> str:
        """Where the parsed value is found."""
        return f"{self.place}.{self.setting}"

    @property
    def choices(self) -> tuple[str, ...]:
        """What it may be, where that is a list."""
        return tuple(self.schema.get("enum", ()))

    @property
    def default(self) -> str:
        """What it is unless it is given, as written on the command line."""
        return written(self.schema.get("default"))

    @property
    def unit(self) -> str:
        """px for lengths; empty for all else, which are plain numbers."""
        return "px" if re.search(r"\b(px|pixels)\b", self.schema["description"]) else ""

    @property
    def help(self) -> str:
        """What it does, and in brackets its default, range and longer lists of choices."""
        choices = "|".join(self.choices) if len(self.choices) > _FEW else ""
        if self.group:
            choices = f"may be given several times; NAME: {self.group.names}"
        facts = [fact for fact in (self.default, span(self.schema), choices) if fact]
        return f"{self.schema['description']} [{'; '.join(facts)}]".replace("%", "%%")

    def add_to(self, group: Group) -> None:
        """Add the option; it is absent from the parsed arguments unless it is given."""
        kind = kind_of(self.schema)
        form: dict[str, Any] = {"dest": self.dest, "default": argparse.SUPPRESS, "help": self.help}
        if kind == "boolean":
            group.add_argument(self.option, action=argparse.BooleanOptionalAction, **form)
        elif self.choices:
            few = len(self.choices) <= _FEW
            shown = "|".join(self.choices) if few else self.setting.upper()
            group.add_argument(self.option, choices=self.choices, metavar=shown, **form)
        elif self.group:
            form |= {"action": "append", "type": self.group.typed, "metavar": self.group.shape}
            group.add_argument(self.option, **form)
        else:
            parse, shown = KINDS[kind]
            shown = self.unit.upper() or shown
            group.add_argument(self.option, type=parse, metavar=shown, **form)


def span(schema: Mapping[str, Any]) -> str:
    """The range of a number: "1 to 100", "above 0 to 1"; empty where there is none."""
    low, above = schema.get("minimum"), schema.get("exclusiveMinimum")
    high, below = schema.get("maximum"), schema.get("exclusiveMaximum")
    if isinstance(below, int):
        high = below - 1
    if low is None and above is None:
        return ""
    first = written(low) if above is None else f"above {written(above)}"
    return f"from {first}" if high is None else f"{first} to {written(high)}"


def written(value: Any) -> str:
    """A value as one writes it on the command line."""
    if value is None or value in ("", [], (), {}):
        return "none"
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, list | tuple):
        return ",".join(map(written, value))
    if isinstance(value, Mapping):
        return ",".join(f"{name}={written(each)}" for name, each in value.items())
    return f"{value:g}" if isinstance(value, float) else str(value)


def stages() -> dict[str, type[Settings]]:
    """The settings of a recipe's stages by the stage's name, in order."""
    found = {name: field.annotation for name, field in Recipe.model_fields.items()}
    return {
        name: kind
        for name, kind in found.items()
        if isinstance(kind, type) and issubclass(kind, Settings)
    }


def stage_flags() -> list[Flag]:
    """A flag for every setting of every stage."""
    kinds = stages()
    taken = Counter(name for kind in kinds.values() for name in kind.model_fields)
    return [
        flag
        for stage, kind in kinds.items()
        for flag in flags_of(kind, stage, [name for name in taken if taken[name] > 1])
    ]


def flags_of(kind: type[Settings], place: str, shared: Sequence[str] = ()) -> list[Flag]:
    """A flag for every setting of one model; shared names carry the place before them.

    That of a list of groups of settings takes one of them at a time: --control for controls.
    """
    found = []
    for name, schema in kind.model_json_schema()["properties"].items():
        words = f"{place}_{name}" if name in shared else name
        option = "--" + words.replace("_", "-")
        if kind_of(schema) == GROUPS:
            option = option.removesuffix("s")
            (element, *_) = get_args(kind.model_fields[name].annotation)
            group = Grouped(option, element)
        else:
            group = None
        found.append(Flag(place, name, option, _plain(schema), group))
    return found


def given(arguments: argparse.Namespace, place: str) -> dict[str, Any]:
    """The settings of one place that were given as options."""
    start = f"{place}."
    return {
        name.removeprefix(start): value
        for name, value in vars(arguments).items()
        if name.startswith(start)
    }


def overridden(recipe: Recipe, arguments: argparse.Namespace) -> Recipe:
    """The recipe with the options in it: those of Paint in every pass, others in the first.

    Raises:
        InputError: If a value is out of range.
    """
    changes = {stage: given(arguments, stage) for stage in stages()}
    later = tuple(overridden_paint(passing, changes["paint"]) for passing in recipe.then)
    return recipe.but(
        **{stage: getattr(recipe, stage).but(**values) for stage, values in changes.items()},
        then=later,
    )


def overridden_paint(recipe: Recipe, changes: Mapping[str, Any]) -> Recipe:
    """The recipe with paint settings changed in all its passes."""
    return recipe.but(
        paint=recipe.paint.but(**changes),
        then=tuple(overridden_paint(passing, changes) for passing in recipe.then),
    )


def _plain(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    """The schema of a value that may be left out, without the null; or a number or "auto"."""
    choices = [choice for choice in schema.get("anyOf", ()) if choice.get("type") != "null"]
    if not choices:
        return schema
    or_auto = " or auto" * any(choice.get("const") == "auto" for choice in choices)
    return {**schema, **choices[0], "type": f"{choices[0].get('type')}{or_auto}"}
