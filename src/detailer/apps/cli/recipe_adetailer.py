"""Recipe from ADetailer: its arguments, from JSON, an infotext or a picture, as a recipe."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from detailer.apps.cli import DONE
from detailer.apps.cli.looking import add_overwrite, put
from detailer.apps.cli.options import add_help
from detailer.apps.cli.parser import Parser
from detailer.apps.cli.targets import Output, one_file
from detailer.apps.files import read
from detailer.apps.files.formats import FORMATS
from detailer.apps.files.infotext import infotext_of
from detailer.core.paths import local_path
from detailer.errors import InputError
from detailer.recipe import Recipe

TEXT = """\
Make a recipe of ADetailer's arguments: a pass for each of its tabs.

  detailer recipe from-adetailer photo.png -o mine.toml    of the picture it was used for
  detailer recipe from-adetailer request.json              of a request to the WebUI's API
  detailer recipe from-adetailer - < params.txt            of an infotext

FILE is JSON (a tab's arguments, the script's list of them, or a whole payload), an infotext, or a
picture with one in it. What has no counterpart here is told on the error output."""

_PIPED = "standard input"
_LARGEST = 16_000_000
_HEAD = 64


def main(words: Sequence[str]) -> int:
    """Print the recipe, or write it to a file.

    Raises:
        InputError: If the file cannot be read, nothing of ADetailer is in it, or an argument is
            not known or out of range.
    """
    parser = Parser("recipe from-adetailer", "FILE|- [-o FILE]", TEXT)
    parser.add_argument("source", metavar="FILE|-", help="JSON, text or a picture; -: read it.")
    parser.add_argument(
        "-o", "--output", metavar="FILE", default="", help="A .toml, .json or .yaml file."
    )
    add_overwrite(parser)
    parser.add_argument("-q", "--quiet", action="store_true", help="Leave out what has changed.")
    add_help(parser)
    arguments = parser.parsed(words)
    if arguments.output:
        one_file([], Output(arguments.output, overwrite=arguments.overwrite))
    source = arguments.source
    values = _piped() if source == "-" else _in_file(local_path(source))
    try:
        recipe = Recipe.from_adetailer(values)
    except InputError as error:
        raise InputError(f"{_PIPED if source == '-' else source}: {error}") from error
    kind = Path(arguments.output).suffix.lstrip(".").lower() or "toml"
    put(recipe.text(kind), arguments.output)
    return DONE


def _piped() -> Any:
    return _understood(sys.stdin.buffer.read(_LARGEST + 1), _PIPED)


def _in_file(path: Path) -> Any:
    """What a file says: values of JSON, or an infotext."""
    try:
        with path.open("rb") as file:
            head = file.read(_HEAD)
            pictured = any(form.begins(head) for form in FORMATS)
            content = head if pictured else head + file.read(_LARGEST)
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}; check the name") from error
    return _in_picture(path) if pictured else _understood(content, str(path))


def _in_picture(path: Path) -> str:
    text = infotext_of(read(path))
    if not text:
        raise InputError(
            f"{path}: no infotext is in this picture; give one that A1111 has saved, or JSON"
        )
    return text


def _understood(content: bytes, name: str) -> Any:
    if len(content) > _LARGEST:
        raise InputError(f"{name} is longer than {_LARGEST:,} bytes, which no arguments are")
    try:
        text = content.decode("utf-8-sig").strip()
    except UnicodeDecodeError as error:
        raise InputError(f"{name} is neither text nor a picture that can be read") from error
    if not text.startswith(("{", "[")):
        return text
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        # Prompts, too, may begin with a bracket.
        if "ADetailer model" in text:
            return text
        raise InputError(f"{name} is not JSON: {error}") from error
