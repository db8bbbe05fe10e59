"""Run: detail pictures."""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Sequence
from importlib.util import find_spec

from detailer.apps.cli import DONE, FAILED, dry
from detailer.apps.cli.flags import flags_of, given, stages
from detailer.apps.cli.options import (
    Choice,
    add_diffusion,
    add_engines,
    add_help,
    add_pictures,
    add_reading,
    add_recipe,
    add_settings,
    chosen,
    photos,
)
from detailer.apps.cli.parser import Parser
from detailer.apps.cli.planned import read_plan, repainted, with_fast_painters
from detailer.apps.cli.progress import JsonLines, Lines, Reporter, Silent
from detailer.apps.cli.targets import Job, Output, jobs
from detailer.apps.cli.targets import found as found_pictures
from detailer.apps.cli.work import Upscale, Work
from detailer.apps.files import Photo, Write
from detailer.core.plan import Plan
from detailer.engines.catalog import unused_settings
from detailer.engines.upscalers.esrgan import Esrgan
from detailer.errors import DetailerError, InputError

log = logging.getLogger(__name__)

_TEXT = """\
Find parts of pictures, repaint them larger, stitch them back; everything else stays bit for bit.

  detailer run photo.jpg                          every face; writes photo-detailed.jpg
  detailer run photo.jpg --preview                and photo-detailed-preview.png to judge it by
  detailer run *.jpg -o done                      many pictures, into the folder done
  detailer run photo.jpg --mask mask.png          what is white in a mask
  detailer run photo.jpg --detector "boxes:10,20,90,120"    a box: left, top, right, bottom
  detailer run photo.jpg --only 3,5 --seed 7      single regions again, by their number

  detailer run photo.jpg --painter diffusion:model.safetensors --prompt "a smiling woman" \\
      --denoise 0.45 --seed 7                     new detail, from a diffusion model of yours
  detailer run photo.jpg --painter diffusion:model.safetensors --dry-run    what that would cost

The painters that need no model (restore, classic) sharpen what is there. New detail that is true
to a person, prompts, seeds and mending wrong anatomy need a diffusion model: a folder as diffusers
writes it, a single .safetensors file, or a name on the Hub. It brings defaults of its own for
sizes, steps and cfg; what you set, here or in the recipe, stays."""


def main(words: Sequence[str]) -> int:
    """Detail the pictures that the words name.

    Raises:
        DetailerError: If something is wrong before the first picture is begun.
    """
    arguments = _parser().parsed(words)
    write = Write(**given(arguments, "write"))
    # A dry run replaces nothing: what is there need not be in its way.
    overwrite = write.overwrite or arguments.dry_run
    output = Output(arguments.output or "", arguments.preview, overwrite)
    todo = jobs(found_pictures(arguments.pictures), output)
    choice = chosen(arguments)
    plan = _plan(arguments, choice, len(todo)) if arguments.plan else None
    if plan is not None and plan.patches and "painter" not in given(arguments, "paint"):
        choice = choice.painted_by(plan.patches[0].paint.painter)
    _warn_of_unused(arguments, choice.recipe.paint.painter)
    if arguments.dry_run:
        return dry.tell(todo, choice, arguments, plan)
    reporter = _reporter(arguments, len(todo))
    try:
        if ":" in choice.recipe.paint.painter:
            reporter.load(choice.recipe.paint.painter)
        work = _work(arguments, write, choice, plan)
        failures = sum(not _is_done(work, job, arguments, reporter) for job in todo)
        reporter.total(len(todo), failures)
    finally:
        reporter.close()
    return FAILED if failures else DONE


def _warn_of_unused(arguments: argparse.Namespace, painter: str) -> None:
    unused = [name for name in given(arguments, "paint") if name in unused_settings(painter)]
    if unused:
        log.warning("painter %s makes no use of %s", painter, ", ".join(sorted(unused)))


def _parser() -> Parser:
    parser = Parser("run", "PICTURE... [-o FOLDER|FILE] [options]", _TEXT)
    add_pictures(parser)
    what = parser.add_argument_group("What is done")
    add_recipe(what)
    what.add_argument(
        "--upscale",
        type=int,
        choices=(2, 3, 4),
        metavar="2|3|4",
        default=1,
        help="Enlarge the whole picture so many times first, with esrgan.",
    )
    add_engines(what)
    what.add_argument("--plan", metavar="FILE", help="Do what a plan of detailer plan says.")
    what.add_argument(
        "--only", metavar="3,5", type=_numbers, help="Paint only these regions, in one pass."
    )
    what.add_argument(
        "--dry-run",
        action="store_true",
        help="Only say what would be painted at which size, and what a model would need for it.",
    )
    files = parser.add_argument_group("Files")
    files.add_argument(
        "-o",
        "--output",
        metavar="FOLDER|FILE",
        help="Where to; a file for one picture only [beside the source, -detailed added].",
    )
    files.add_argument(
        "--preview", action="store_true", help="Write a sheet: before, after, mask of each region."
    )
    files.add_argument(
        "--skip-empty", action="store_true", help="Write no picture in which nothing was painted."
    )
    for flag in flags_of(Write, "write"):
        flag.add_to(files)
    add_reading(files)
    telling = parser.add_argument_group("Telling")
    loud = telling.add_mutually_exclusive_group()
    loud.add_argument("-q", "--quiet", action="store_true", help="Say only what failed.")
    loud.add_argument("--json", action="store_true", help="Say each step as a line of JSON.")
    add_help(telling)
    add_settings(parser)
    add_diffusion(parser)
    return parser


def _numbers(text: str) -> frozenset[int]:
    try:
        ends = [tuple(map(int, part.split("-"))) for part in text.split(",")]
        return frozenset(number for end in ends for number in range(end[0], end[-1] + 1))
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not like 3,5 or 0-4") from None


def _work(arguments: argparse.Namespace, write: Write, choice: Choice, plan: Plan | None) -> Work:
    planned = plan is not None and not choice.recipe.then
    times = arguments.upscale
    return Work(
        choice.load("detectors" if planned else ""),
        choice,
        write,
        upscale=Upscale(Esrgan(choice.style), times) if times > 1 else None,
        plan=plan,
        only=arguments.only or frozenset(),
        skip_empty=arguments.skip_empty,
    )


# What is done to painted pixels as they come back: no plan says it.
_UNPLANNED = ("color_match",)


def _plan(arguments: argparse.Namespace, choice: Choice, pictures: int) -> Plan:
    if pictures > 1 or arguments.frames:
        raise InputError(f"--plan is for one picture, not for {pictures}; run each with its own")
    for stage in stages():
        for setting in given(arguments, stage) if stage != "paint" else ():
            if setting in _UNPLANNED:
                continue
            raise InputError(
                f"--{setting.replace('_', '-')} is decided in the plan; make the plan again with it"
            )
    changes = given(arguments, "paint")
    if "painter" in changes:
        changes["painter"] = choice.recipe.paint.painter
    plan = repainted(read_plan(arguments.plan), changes)
    return with_fast_painters(plan) if arguments.fast else plan


def _reporter(arguments: argparse.Namespace, pictures: int) -> Reporter:
    if arguments.quiet:
        return Silent()
    if arguments.json:
        return JsonLines(sys.stdout)
    if sys.stdout.isatty() and find_spec("rich"):
        from detailer.apps.cli.bars import Bars

        return Bars(pictures)
    return Lines(sys.stdout)


def _is_done(work: Work, job: Job, arguments: argparse.Namespace, reporter: Reporter) -> bool:
    """Whether all of one file's pictures and regions came out."""
    reporter.start(job)
    try:
        found = photos(job.source, arguments)
    except DetailerError as error:
        reporter.fail(job, str(error))
        return False
    frames = [job.frame(i + 1) for i in range(len(found))] if len(found) > 1 else [job]
    pairs = zip(frames, found, strict=True)
    failures = sum(not _is_detailed(work, single, photo, reporter) for single, photo in pairs)
    return not failures


def _is_detailed(work: Work, job: Job, photo: Photo, reporter: Reporter) -> bool:
    try:
        outcome = work(job, photo, reporter)
    except DetailerError as error:
        reporter.fail(job, str(error))
        return False
    reporter.finish(job, outcome)
    return not outcome.done.count("failed")
