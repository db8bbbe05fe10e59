"""The command line; nothing is imported here before a command is known."""

from __future__ import annotations

import io
import logging
import sys
from collections.abc import Sequence
from importlib import import_module

from detailer.errors import DetailerError

DONE, FAILED, MISUSED, STOPPED = 0, 1, 2, 130

_COMMANDS = {
    "run": "detail pictures: find, repaint, stitch back",
    "detect": "show what is found, as JSON and as a picture",
    "plan": "show what would be done, as JSON and as a picture",
    "recipe": "print, check or explain recipes and their settings",
    "engines": "list the engines and what each needs; import a .pt of YOLO",
    "doctor": "say what on this machine is broken or missing, and the remedy",
}
_HELP = """\
detailer finds parts of a picture worth a closer look, repaints them larger, stitches them back.

  detailer run photo.jpg              finds every face, repaints it, writes photo-detailed.jpg
  detailer run photo.jpg --preview    and a sheet with each face before, after, and its mask
  detailer run *.jpg -o done          many pictures, into the folder done
  detailer plan photo.jpg --picture plan.png    only shows what would be done

Commands
{commands}

detailer COMMAND --help tells more; detailer --version tells the version.
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code.

    0 is done, 1 some pictures failed, 2 used wrongly, 130 stopped. Unexpected exceptions pass.

    Args:
        arguments: The words after `detailer`; those of the process if None.
    """
    words = list(sys.argv[1:] if arguments is None else arguments)
    for stream in (sys.stdout, sys.stderr):
        # A terminal of few letters shows others as escapes instead of stopping the work.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    quiet = not {"-q", "--quiet"}.isdisjoint(words)
    log, voice = logging.getLogger("detailer"), _Voice(logging.ERROR if quiet else logging.WARNING)
    log.addHandler(voice)
    try:
        return _run(words)
    except SystemExit as end:
        # argparse ends the process after its help.
        return int(end.code or DONE)
    except KeyboardInterrupt:
        sys.stderr.write("\ndetailer: stopped; what was finished stays, no file is half written\n")
        return STOPPED
    except BrokenPipeError:
        # Whoever read our output has gone: nothing is left to be said to them.
        sys.stdout = io.StringIO()
        return FAILED
    except DetailerError as error:
        sys.stderr.write("".join(f"detailer: {line}\n" for line in str(error).splitlines()))
        return MISUSED
    finally:
        log.removeHandler(voice)


class _Voice(logging.Handler):
    """Warnings go to the error output as it is when they come: above a bar, if there is one."""

    def emit(self, record: logging.LogRecord) -> None:
        sys.stderr.write(f"detailer: {record.getMessage()}\n")


def _run(words: list[str]) -> int:
    if not words or words[0] in ("-h", "--help", "help"):
        commands = "\n".join(f"  {name:<9} {about}" for name, about in _COMMANDS.items())
        sys.stdout.write(_HELP.format(commands=commands))
        return DONE if words else MISUSED
    if words[0] == "--version":
        from detailer import __version__

        sys.stdout.write(f"detailer {__version__}\n")
        return DONE
    if words[0] not in _COMMANDS:
        raise _unknown(words[0])
    command = import_module(f"detailer.apps.cli.{words[0]}")
    return int(command.main(words[1:]))


def _unknown(word: str) -> DetailerError:
    import difflib
    from pathlib import Path

    from detailer.core.paths import is_there
    from detailer.errors import InputError

    near = difflib.get_close_matches(word, _COMMANDS, n=1)
    if is_there(word) and Path(word).expanduser().is_file():
        hint = f"to detail it: detailer run {word}"
    else:
        hint = f"did you mean {near[0]}?" if near else f"known: {', '.join(_COMMANDS)}"
    return InputError(f"{word!r} is no command; {hint}")
