"""Plan: show what would be done to pictures, without painting."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from detailer.apps.cli.drawing import draw_plan
from detailer.apps.cli.looking import (
    drawings,
    each_picture,
    files_beside,
    looking_parser,
    put,
    put_picture,
)
from detailer.apps.cli.options import chosen
from detailer.apps.cli.targets import Output, found
from detailer.core.canvas import Canvas
from detailer.core.planfile import dumps
from detailer.errors import InputError

_TEXT = """\
Show what the first pass of a recipe would do: which windows are painted, how large, in which
order, with which seeds, and what is skipped and why. Needs no painter.

  detailer plan photo.jpg --picture plan.png     windows, boxes, painted sizes, waves
  detailer plan photo.jpg -o plan.json           as JSON, which may be edited and carried out:
  detailer run photo.jpg --plan plan.json"""


def main(words: Sequence[str]) -> int:
    """Plan the pictures that the words name.

    Raises:
        DetailerError: If something is wrong before the first picture is looked at.
    """
    parser = looking_parser(
        "plan", _TEXT, "The plan as JSON; a folder for several pictures [the screen]."
    )
    arguments = parser.parsed(words)
    sources = found(arguments.pictures)
    output = Output(arguments.output, overwrite=arguments.overwrite)
    drawn, written = drawings(sources, arguments), files_beside(sources, output, [".json"])
    if len(sources) > 1 and not (drawn or written):
        raise InputError("several plans do not go to one screen; give a folder with -o")
    detailer = chosen(arguments).load(without="painters")

    def look(source: Path, canvas: Canvas) -> None:
        plan = replace(detailer.plan(canvas), picture=canvas.fingerprint)
        if source in drawn:
            put_picture(draw_plan(canvas, plan, source.name), drawn[source])
        if written or not drawn:
            put(dumps(plan) + "\n", written.get(source, ""))

    return each_picture(sources, arguments, look)
