"""Detect: show what is found in pictures."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from detailer.apps.cli.drawing import draw_found
from detailer.apps.cli.looking import drawings, each_picture, looking_parser, put, put_picture
from detailer.apps.cli.options import chosen
from detailer.apps.cli.record import rounded
from detailer.apps.cli.targets import Output, found, one_file
from detailer.core.canvas import Canvas
from detailer.core.regions import Regions

_TEXT = """\
Show what the first pass of a recipe finds: a line of JSON for each picture, and a drawing.
"masked" counts the pixels of a mask, px.

  detailer detect photo.jpg                         to the screen
  detailer detect photo.jpg --picture found.png     boxes, numbers, scores and landmarks
  detailer detect photo.jpg -o found.json           to a file, which may be edited and given back:
  detailer run photo.jpg --detector boxes:found.json   (boxes go with it, masks do not)

Several detectors, and masks that follow the thing instead of its box:

  detailer detect photo.jpg --also yolo:hand.onnx,labels=hand,threshold=0.4
  detailer detect photo.jpg --refine sam:facebook/sam-vit-base --picture found.png"""


def main(words: Sequence[str]) -> int:
    """Find regions in the pictures that the words name.

    Raises:
        DetailerError: If something is wrong before the first picture is looked at.
    """
    parser = looking_parser("detect", _TEXT, "JSON lines of all pictures [the screen].")
    arguments = parser.parsed(words)
    sources = found(arguments.pictures)
    places = drawings(sources, arguments)
    wanted = Output(arguments.output, overwrite=arguments.overwrite)
    output = one_file(sources, wanted) if wanted.path else ""
    detailer = chosen(arguments).unpainted().load(without="painters")
    lines: list[str] = []

    def look(source: Path, canvas: Canvas) -> None:
        regions = detailer.find(canvas)
        lines.append(_line(source, regions))
        if not output:
            put(lines[-1], "")
        if source in places:
            put_picture(draw_found(canvas, regions, source.name), places[source])

    code = each_picture(sources, arguments, look)
    if output:
        put("".join(lines), output)
    return code


def _line(source: Path, regions: Regions) -> str:
    values = {
        "picture": str(source),
        "size": [regions.size.width, regions.size.height],
        "regions": [
            {
                "index": index,
                "label": region.label,
                "score": round(float(region.score), 4),
                "box": rounded(region.box),
                "masked": round(float(region.mask.alpha.sum())),
                "landmarks": [[round(x, 2), round(y, 2)] for x, y in region.landmarks],
            }
            for index, region in enumerate(regions)
        ],
    }
    return json.dumps(values, ensure_ascii=False) + "\n"
