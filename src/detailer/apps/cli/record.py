"""Record: what was done to a picture, as the JSON that is kept in its file."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from detailer import __version__
from detailer.apps.cli.done import Done, Entry, Pass
from detailer.core.geometry import Box
from detailer.core.paint import Paint
from detailer.recipe import Recipe

VERSION = 1


def record(done: Done, recipe: Recipe, beside: dict[str, Any]) -> str:
    """The record of one picture.

    Nothing in it depends on the time or the machine: the same work gives the same file.

    Args:
        done: What was done.
        recipe: With the names of the engines that were used, not "auto", and the defaults of
            their models.
        beside: What was chosen beside the recipe: style, upscaler, options of models.
    """
    passes = zip(done.passes, recipe.passes(), strict=False)
    return json.dumps(
        {
            "detailer": __version__,
            "record": VERSION,
            "recipe": recipe.values(),
            "options": beside,
            "picture": {
                "fingerprint": done.fingerprint,
                "size": [done.size.width, done.size.height],
                "upscaled": done.upscaled,
            },
            **({"remark": done.remark} if done.remark else {}),
            "passes": [_pass(one, passing.paint) for one, passing in passes],
        },
        ensure_ascii=False,
        default=str,
    )


def _pass(one: Pass, paint: Paint) -> dict[str, Any]:
    return {"regions": [_entry(entry, paint) for entry in one.entries]}


def _entry(entry: Entry, paint: Paint) -> dict[str, Any]:
    values: dict[str, Any] = {"index": entry.index, "state": entry.state, **seen(entry)}
    if entry.patch is not None:
        window, told = entry.patch.window, entry.patch.paint
        values["window"] = {
            "box": rounded(window.box),
            "scale": round(window.scale, 6),
            "angle": round(window.angle, 3),
        }
        values["size"] = [window.size.width, window.size.height]
        values["painter"], values["seed"] = told.painter, told.seed
        usual = paint.model_dump(mode="json", exclude={"painter", "seed"})
        own = told.model_dump(mode="json", exclude={"painter", "seed"})
        other = {name: value for name, value in own.items() if value != usual[name]}
        values |= {"paint": other} if other else {}
    return values | noted(entry)


def seen(entry: Entry) -> dict[str, Any]:
    """A region's label, score and box, and why it was not painted, if so."""
    region = entry.region
    values = {
        "label": region.label,
        "score": round(float(region.score), 4),
        "box": rounded(region.box),
    }
    return values | ({"reason": entry.reason} if entry.reason else {})


def noted(entry: Entry) -> dict[str, Any]:
    """What was noted of a region, under "notes", as JSON can hold it; nothing if nothing was."""
    return {"notes": _plain(entry.notes)} if entry.notes else {}


def rounded(box: Box) -> list[float]:
    """A box's sides to a hundredth of a pixel."""
    return [round(float(side), 2) for side in box]


def _plain(value: Any) -> Any:
    """Numbers, truths, texts, lists and tables; what is none of these as a text, NaN as null."""
    if isinstance(value, np.generic | np.ndarray):
        value = value.tolist()
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(name): _plain(each) for name, each in value.items()}
    if isinstance(value, Sequence | set | frozenset) and not isinstance(value, bytes):
        return [_plain(each) for each in value]
    return str(value)
