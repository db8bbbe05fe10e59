"""Parser: argparse with short usage, hints for misspelt options, and errors that are raised."""

from __future__ import annotations

import argparse
import difflib
import shutil
import textwrap
from collections.abc import Sequence
from typing import Any, NoReturn

from detailer.errors import InputError

_WIDEST = 100


class Parser(argparse.ArgumentParser):
    """Options anywhere between the pictures, never abbreviated; mistakes raise InputError."""

    def __init__(self, command: str, usage: str, text: str) -> None:
        super().__init__(
            prog=f"detailer {command}",
            usage=f"detailer {command} {usage}",
            description=text,
            formatter_class=_Format,
            allow_abbrev=False,
            add_help=False,
        )
        # Two heads would only push down what a newcomer looks for.
        self._optionals.title = "Options"
        self._positionals.title = "Arguments"

    def error(self, message: str) -> NoReturn:
        """Raise what is wrong with the arguments."""
        raise InputError(f"{message}; see: {self.prog} --help")

    def parsed(self, words: Sequence[str]) -> argparse.Namespace:
        """The arguments; InputError where one is not understood."""
        for word in words:
            name = word.partition("=")[0]
            # Said before anything else: a misspelt option makes others look wrong too.
            if name.startswith("--") and name not in {"--", *self._option_string_actions}:
                self.error(self._misspelt(name))
        arguments, unknown = self.parse_known_intermixed_args(words)
        if unknown:
            self.error(f"too many arguments: {' '.join(unknown)}")
        return arguments

    def _misspelt(self, name: str) -> str:
        near = difflib.get_close_matches(name, self._option_string_actions, n=1)
        return f"unknown option {name}" + (f"; did you mean {near[0]}?" if near else "")


class _Format(argparse.RawDescriptionHelpFormatter):
    """One value name for all names of an option; wide where the terminal is."""

    def __init__(self, prog: str) -> None:
        width = min(shutil.get_terminal_size().columns, _WIDEST)
        super().__init__(prog, max_help_position=28, width=width)

    def _format_action_invocation(self, action: argparse.Action) -> str:
        if not action.option_strings:
            return super()._format_action_invocation(action)
        if isinstance(action, argparse.BooleanOptionalAction):
            return "--[no-]" + action.option_strings[0].removeprefix("--")
        names = ", ".join(action.option_strings)
        if action.nargs == 0:
            return names
        return f"{names} {self._format_args(action, str(action.dest).upper())}"

    def _get_default_metavar_for_optional(self, action: argparse.Action) -> str:
        return str(action.dest).rpartition(".")[2].upper()

    def _split_lines(self, text: str, width: int) -> list[str]:
        # Names such as face-eyes stay in one piece.
        return textwrap.wrap(" ".join(text.split()), width, break_on_hyphens=False)

    def _format_usage(self, usage: Any, *rest: Any) -> str:
        return super()._format_usage(usage, *rest).replace("usage:", "Usage:", 1)
