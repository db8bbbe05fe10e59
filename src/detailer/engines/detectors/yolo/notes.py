"""Notes: what an Ultralytics file says about itself."""

from __future__ import annotations

import ast
import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from detailer.core.geometry import Size
from detailer.errors import EngineError, InputError

_TASKS = ("detect", "segment")
_LIMIT = Size(640, 640)
_STEP = 32
_SHOWN = 20
_ALL = ("all",)


@dataclass(frozen=True)
class Notes:
    """What a file says about itself, read from the texts in it; what it does not say is empty.

    `names` are its classes by number; `limit` is the size it was exported for and `step` what its
    sides are multiples of; `is_final`: its boxes need no more than a threshold.
    """

    path: Path
    task: str = ""
    names: tuple[str, ...] = ()
    limit: Size = _LIMIT
    step: int = _STEP
    is_final: bool | None = None

    @classmethod
    def read(cls, path: Path, texts: Mapping[str, str]) -> Notes:
        """The notes of a file.

        Raises:
            EngineError: If it was made for something else than boxes and masks.
        """
        task = texts.get("task", "")
        if task and task not in _TASKS:
            raise EngineError(
                f"{path} is an Ultralytics model of the task {task}; yolo takes those of"
                f" {' and '.join(_TASKS)}"
            )
        made = f"{texts.get('head', '')} {texts.get('description', '')}".lower()
        if "rtdetr" in made or "rt-detr" in made:
            raise EngineError(f"{path} is RT-DETR, no YOLO; use the detector transformers for it")
        limit = _size(_value(texts, "imgsz")) or cls.limit
        step = _value(texts, "stride")
        step = step if isinstance(step, int) and step > 0 else cls.step
        return cls(path, task, _names(_value(texts, "names")), limit, step, _is_final(texts))

    def chosen(self, labels: Sequence[str]) -> tuple[int, ...] | None:
        """The numbers of the classes that are asked for; None for all of them.

        Raises:
            InputError: If one of them is not known; those most like it are named first.
        """
        if not labels or tuple(labels) == _ALL:
            return None
        for label in labels:
            if label not in self.names:
                raise InputError(f"no label {label!r} in {self.path}; {self._known(label)}")
        return tuple(self.names.index(label) for label in labels)

    def _known(self, label: str) -> str:
        if not self.names:
            return "it names no classes: leave the labels out"
        likeness = difflib.SequenceMatcher(b=label.lower())

        def unlikeness(name: str) -> float:
            likeness.set_seq1(name.lower())
            return -likeness.ratio()

        names = sorted(self.names, key=unlikeness)
        more = f", … {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
        return f"it knows: {', '.join(names[:_SHOWN])}{more}"


def _value(texts: Mapping[str, str], key: str) -> Any:
    """A note that is written as a Python value; None where it is none."""
    try:
        return ast.literal_eval(texts.get(key, ""))
    except (ValueError, SyntaxError):
        return None


def _names(value: Any) -> tuple[str, ...]:
    if isinstance(value, dict):
        try:
            value = [value[key] for key in sorted(value, key=int)]
        except (TypeError, ValueError):
            return ()
    return tuple(str(name) for name in value) if isinstance(value, list | tuple) else ()


def _size(value: Any) -> Size | None:
    """Height and width as Ultralytics writes them, or one side."""
    sides = [value, value] if isinstance(value, int) else value
    if not isinstance(sides, list | tuple) or len(sides) != 2:
        return None
    if not all(isinstance(side, int) and side > 0 for side in sides):
        return None
    return Size(sides[1], sides[0])


def _is_final(texts: Mapping[str, str]) -> bool | None:
    """Files of old do not say it."""
    ends, how = _value(texts, "end2end"), _value(texts, "args")
    with_nms = isinstance(how, dict) and bool(how.get("nms"))
    if with_nms or ends is True:
        return True
    return False if ends is False else None
