"""Request: what ADetailer is asked for, out of every form in which people have it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from detailer.core.nearest import nearest
from detailer.errors import InputError
from detailer.recipes.adetailer.note import Note
from detailer.recipes.adetailer.picture import Picture, of_infotext, of_payload
from detailer.recipes.adetailer.tab import OLDER, OTHER_CHOICES, Choices, Tab, modern, written
from detailer.recipes.infotext import parsed

_FORMS = (
    "give a tab's arguments {ad_model: …}, the list of a script's args, a whole payload with"
    " alwayson_scripts, or an infotext"
)
_TEXT = 300


@dataclass(frozen=True)
class Request:
    """The tabs by their numbers, from 1; what is known of the picture; ADetailer's own settings."""

    tabs: Mapping[int, Tab]
    picture: Picture = field(default_factory=Picture)
    choices: Choices = field(default_factory=Choices)
    notes: tuple[Note, ...] = ()


def request_of(values: Mapping[str, Any] | Sequence[Any] | str) -> Request:
    """The request in a tab's arguments, a list of args, a payload, an infotext or its values.

    Raises:
        InputError: If it is none of these, an argument is not known or out of range, or ADetailer
            is switched off in it.
    """
    if isinstance(values, str):
        return _of_infotext(parsed(values))
    if isinstance(values, Mapping):
        return _of_mapping(values)
    if isinstance(values, Sequence):
        return _of_args(values)
    raise InputError(f"these are {type(values).__name__}, not ADetailer's arguments; {_FORMS}")


def _of_mapping(values: Mapping[str, Any]) -> Request:
    if isinstance(values.get("alwayson_scripts"), Mapping):
        return _of_payload(values)
    if "args" in values:
        return _of_script(values)
    script = _script(values)
    if script is not None:
        return _of_script(script)
    if any(str(name).startswith("ADetailer ") for name in values):
        return _of_infotext(values)
    if any(str(name).startswith("ad_") for name in values):
        return _of_args([values])
    raise InputError(f"nothing of ADetailer is in it; {_FORMS}")


def _script(scripts: Mapping[str, Any]) -> Any:
    """The entry of ADetailer among scripts; the WebUI does not mind the case of its name."""
    return next((scripts[name] for name in scripts if str(name).lower() == "adetailer"), None)


def _of_script(script: Any) -> Request:
    return _of_args(script.get("args") if isinstance(script, Mapping) else script)


def _of_payload(payload: Mapping[str, Any]) -> Request:
    scripts = payload["alwayson_scripts"]
    script = _script(scripts)
    if script is None:
        names = ", ".join(map(str, scripts)) or "none"
        raise InputError(f"alwayson_scripts has no ADetailer; it has: {names}")
    overridden = payload.get("override_settings")
    overridden = overridden if isinstance(overridden, Mapping) else {}
    own = {name: value for name, value in overridden.items() if str(name).startswith("ad_")}
    asked = _of_script(script)
    choices, notes = _chosen(asked.choices.as_set() | own)
    picture, more = of_payload(payload)
    others = [name for name in scripts if str(name).lower() not in ("adetailer", "controlnet")]
    more += tuple(Note(f"alwayson_scripts.{name}", "is not looked at") for name in others)
    beside = [name for name in payload if str(name).startswith("ad_")]
    more += tuple(Note(name, "stands beside args, where ADetailer has none") for name in beside)
    return Request(asked.tabs, picture, choices, (*asked.notes, *notes, *more))


def _of_args(args: Any) -> Request:
    if not isinstance(args, Sequence) or isinstance(args, str):
        raise InputError(f"args={_short(args)} is not a list; {_FORMS}")
    if args and args[0] is False:
        raise InputError("ADetailer is switched off here: the first of args is false")
    tabs: list[Tab] = []
    own: dict[str, Any] = {}
    for number, given in enumerate(args):
        if isinstance(given, bool) and number < 2:
            continue
        if not isinstance(given, Mapping):
            raise InputError(f"args[{number}]={_short(given)} is not a tab's arguments {{ad_…}}")
        mine = {n: v for n, v in given.items() if n in Choices.model_fields or n in OTHER_CHOICES}
        own |= mine
        rest = {str(n): v for n, v in given.items() if n not in mine}
        tabs.append(_tab(rest, len(tabs) + 1))
    choices, notes = _chosen(own)
    return Request(dict(enumerate(tabs, 1)), choices=choices, notes=notes)


def _tab(given: Mapping[str, Any], number: int) -> Tab:
    known = [*Tab.model_fields, *OLDER, *Choices.model_fields, *OTHER_CHOICES]
    for name in given:
        if name not in known:
            raise InputError(
                f"tab {number}: unknown argument {_short(name)}; {nearest(name, known)}"
            )
    try:
        return Tab(**modern(given))
    except InputError as error:
        raise InputError(f"tab {number}: {_short(error)}") from error


def _chosen(own: Mapping[str, Any]) -> tuple[Choices, tuple[Note, ...]]:
    """ADetailer's own settings, and a note on each that is about the WebUI only."""
    notes = tuple(
        Note(name, "is about the WebUI itself and has no counterpart")
        for name in own
        if name in OTHER_CHOICES
    )
    try:
        return Choices(**{n: v for n, v in own.items() if n not in OTHER_CHOICES}), notes
    except InputError as error:
        raise InputError(_short(error)) from error


def _of_infotext(values: Mapping[str, Any]) -> Request:
    """What stands in a picture cannot be mended: a value that makes no sense is named."""
    tabs: dict[int, dict[str, Any]] = {}
    notes: list[Note] = []
    for name, value in values.items():
        place = written(str(name))
        if place is None or name == "ADetailer version":
            continue
        number, argument = place
        if not argument:
            notes.append(Note(name, f"{_short(value)} has no counterpart: it is not known"))
            continue
        try:
            Tab(**modern({argument: value}))
        except InputError as error:
            notes.append(Note(name, f"{_short(error)}; the default is taken"))
            continue
        tabs.setdefault(number, {})[argument] = value
    if not tabs:
        raise InputError("no ADetailer stands in this infotext; it was not used for the picture")
    made = {number: Tab(**modern(tabs[number])) for number in sorted(tabs)}
    picture, more = of_infotext(values)
    return Request(made, picture, notes=(*notes, *more))


def _short(value: object) -> str:
    text = str(value) if isinstance(value, InputError) else repr(value)
    return text if len(text) <= _TEXT else f"{text[:_TEXT]}…"
