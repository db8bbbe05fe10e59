"""Looking: what detect and plan share: pictures are read, and nothing is painted."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from PIL import Image

from detailer.apps.cli import DONE, FAILED
from detailer.apps.cli.flags import Group, flags_of, given
from detailer.apps.cli.options import (
    add_diffusion,
    add_help,
    add_pictures,
    add_recipe,
    add_settings,
)
from detailer.apps.cli.parser import Parser
from detailer.apps.cli.progress import complain
from detailer.apps.cli.sheet import FORMATS, save
from detailer.apps.cli.targets import Output, make_folder, side_jobs
from detailer.apps.files import Limits, read
from detailer.apps.files.store import store
from detailer.core.canvas import Canvas
from detailer.core.paths import local_path
from detailer.errors import DetailerError


def looking_parser(command: str, text: str, output: str) -> Parser:
    """The options of a command that only looks; `output` is the help of -o."""
    parser = Parser(command, "PICTURE... [-o FILE] [--picture FILE] [options]", text)
    add_pictures(parser)
    what = parser.add_argument_group("What is looked for")
    add_recipe(what)
    files = parser.add_argument_group("Files")
    files.add_argument("-o", "--output", metavar="FILE", default="", help=output)
    files.add_argument(
        "--picture",
        metavar="FILE",
        default="",
        help="Draw it over the picture: a .png, .jpg or .webp; for several pictures a folder.",
    )
    add_overwrite(files)
    for flag in flags_of(Limits, "limits"):
        flag.add_to(files)
    add_help(files)
    add_settings(parser)
    add_diffusion(parser)
    return parser


def add_overwrite(group: Group) -> None:
    """Leave to replace what is there."""
    group.add_argument("--overwrite", action="store_true", help="Replace files that are there.")


def drawings(sources: Sequence[Path], arguments: argparse.Namespace) -> dict[Path, Path]:
    """Where the drawing of each picture goes; none if no path is given."""
    return files_beside(sources, Output(arguments.picture, overwrite=arguments.overwrite), FORMATS)


def files_beside(
    sources: Sequence[Path], output: Output, endings: Iterable[str]
) -> dict[Path, Path]:
    """Where the file that is made for each picture goes; none if no path is given."""
    if not output.path:
        return {}
    return {job.source: job.target for job in side_jobs(sources, output, tuple(endings))}


def each_picture(
    sources: Sequence[Path], arguments: argparse.Namespace, look: Callable[[Path, Canvas], None]
) -> int:
    """Look at every picture; those that fail are told, the others are done. The exit code."""
    limits = Limits(**given(arguments, "limits"))
    failures = 0
    for source in sources:
        try:
            photo = read(source, limits)
            look(source, Canvas(photo.pixels, photo.colour))
        except DetailerError as error:
            complain(source, str(error))
            failures += 1
    return FAILED if failures else DONE


def put(text: str, path: str | Path) -> None:
    """Text to a file, whole or not at all, or to the screen if there is no path."""
    if path:
        place = local_path(path)
        make_folder(place.parent)
        # Half a character, as in some files' names, as the screen has it too.
        store(text.encode("utf-8", "backslashreplace"), place)
    else:
        sys.stdout.write(text)


def put_picture(image: Image.Image, path: Path) -> None:
    """A drawing to its file; its folder is made."""
    make_folder(path.parent)
    save(image, path)
