"""Import: makes the ONNX of a YOLO checkpoint, once its user has allowed that file."""

from __future__ import annotations

import argparse
import os
import shlex
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from detailer.apps.cli import DONE, FAILED
from detailer.apps.cli.looking import add_overwrite
from detailer.apps.cli.options import add_help
from detailer.apps.cli.parser import Parser
from detailer.apps.cli.targets import Output, one_file
from detailer.apps.files.store import store
from detailer.core.paths import local_path
from detailer.engines.detectors.labels import listed
from detailer.engines.detectors.yolo.detector import Yolo
from detailer.engines.files.imported import fingerprint, place_of
from detailer.engines.files.importing import LICENCE, Export, export
from detailer.errors import InputError

_TEXT = f"""\
Make a .pt of Ultralytics YOLO usable: it is exported to ONNX once, and yolo:FILE.pt means that
ONNX from then on, wherever the file lies.

  detailer engines import face_yolov8n.pt            says what that means, and the file's sha256
  detailer engines import face_yolov8n.pt --allow SHA256
  detailer detect photo.jpg --detector yolo:face_yolov8n.pt

A .pt is a pickle: reading it can run any code that its maker put in. So nothing of it is read
before that very file is allowed by its sha256; then it is read once, in a process of its own.

The export needs the extra ultralytics: pip install 'detailer[ultralytics]'.
{LICENCE};
neither detailer itself nor the use of the ONNX needs its code. A model has a licence of its own."""

_WARNING = """\
{file} is a pickle: reading it can run any code that its maker put in, with all that you may do
on this machine. Nothing of it was read.

  sha256  {sha256}

Compare that with what its maker publishes. If you trust it, have it read once, by Ultralytics
(AGPL-3.0), in a process of its own:

  {command}
"""
_SHOWN = 20


def main(words: Sequence[str]) -> int:
    """Import one checkpoint, or say what it takes.

    Raises:
        InputError: If it is no .pt, is not the file that was allowed, or a target is taken.
        MissingEngineError: If what exports is not installed.
        EngineError: If it cannot be exported, or is no YOLO for boxes or masks.
    """
    parser = Parser("engines import", "FILE.pt [--allow SHA256] [options]", _TEXT)
    parser.add_argument("file", metavar="FILE.pt", help="The checkpoint.")
    parser.add_argument("--allow", metavar="SHA256", default="", help="Have this very file read.")
    parser.add_argument(
        "--classes",
        metavar="A,B",
        default="",
        help="What a YOLO-World or YOLOE model shall find, in words; looks up their meaning with"
        " CLIP's text encoder, from the network [its own].",
    )
    parser.add_argument(
        "--size", type=int, default=0, metavar="N", help="The side it looks at, px [its own]."
    )
    parser.add_argument(
        "-o", "--output", metavar="FILE", default="", help="Put the ONNX here too: a .onnx file."
    )
    add_overwrite(parser)
    add_help(parser)
    return _imported(parser.parsed(words))


def _imported(arguments: argparse.Namespace) -> int:
    file, how = _checkpoint(arguments.file), Export(listed(arguments.classes), arguments.size)
    target = _target(arguments, file)
    sha256 = fingerprint(file)
    made = place_of(sha256)
    is_there = made.is_file() and not arguments.overwrite
    if is_there and how != Export():
        raise InputError(f"{file} was imported already; give --overwrite to import it anew")
    if not is_there:
        if not arguments.allow:
            sys.stdout.write(
                _WARNING.format(file=file, sha256=sha256, command=_command(arguments, sha256))
            )
            return FAILED
        for step in export(file, arguments.allow, how):
            sys.stderr.write(f"{file.name}: {step}\n")
    if target:
        store(made.read_bytes(), target)
    names = Yolo(made).names
    more = ", …" if len(names) > _SHOWN else ""
    sys.stdout.write(
        f"{file} is imported{' already' if is_there else ''}; use it as yolo:{file}\n"
        f"  finds  {', '.join(names[:_SHOWN])}{more}\n"
        f"  ONNX   {target or made}\n"
    )
    return DONE


def _checkpoint(text: str) -> Path:
    file = local_path(text)
    if file.suffix.lower() == ".onnx":
        raise InputError(f"{file} is ONNX and needs no import; use it as yolo:{file}")
    if file.suffix.lower() != ".pt":
        raise InputError(f"{file} is no .pt; what is imported is a checkpoint of Ultralytics YOLO")
    return file


def _target(arguments: argparse.Namespace, file: Path) -> Path | None:
    if not arguments.output:
        return None
    target = one_file([file], Output(arguments.output, overwrite=arguments.overwrite))
    if target.suffix.lower() != ".onnx":
        raise InputError(f"{target} is no .onnx file; give one")
    return target


def _command(arguments: argparse.Namespace, sha256: str) -> str:
    words = ["detailer", "engines", "import", arguments.file, "--allow", sha256]
    words += ["--classes", arguments.classes] if arguments.classes else []
    words += ["--size", str(arguments.size)] if arguments.size else []
    words += ["-o", arguments.output] if arguments.output else []
    words += ["--overwrite"] if arguments.overwrite else []
    return subprocess.list2cmdline(words) if os.name == "nt" else shlex.join(words)
