"""Recipe: print, check or explain recipes."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from detailer.apps.cli import DONE, FAILED, recipe_adetailer
from detailer.apps.cli.flags import Flag, overridden, span, stage_flags, stages
from detailer.apps.cli.looking import add_overwrite, put
from detailer.apps.cli.options import add_help, add_settings
from detailer.apps.cli.parser import Parser
from detailer.apps.cli.targets import Output, one_file
from detailer.errors import InputError
from detailer.prompts.wording import Wording
from detailer.recipe import Recipe
from detailer.recipes import find, names

_TEXT = """\
A recipe says what is found, how it is masked, cut, painted and blended.

  detailer recipe                           the recipes that come with detailer
  detailer recipe print face                one of them, as TOML; with --all every setting
  detailer recipe print face --crop-factor 2 -o mine.toml     with a change, to a file
  detailer recipe check mine.toml           whether it is right
  detailer recipe explain                   every setting: default, range, what it does
  detailer recipe explain crop              those of one stage, or a single one
  detailer recipe from-adetailer photo.png  what ADetailer was told, as a recipe

Recipes are .toml, .json or .yaml files. Further passes stand under [[then]]."""


def main(words: Sequence[str]) -> int:
    """Do one of these things, or list the recipes.

    Raises:
        InputError: If a recipe, or what is asked for, is not known.
    """
    verbs = {
        "print": _print,
        "check": _check,
        "explain": _explain,
        "from-adetailer": recipe_adetailer.main,
    }
    if words and words[0] in verbs:
        return verbs[words[0]](words[1:])
    known = "|".join(verbs)
    parser = Parser("recipe", f"[{known}] ...", _TEXT)
    parser.add_argument("verb", nargs="?", metavar=known, help="What to do.")
    add_help(parser)
    verb = parser.parsed(words).verb
    if verb:
        raise InputError(f"recipe {verb}: not known; do you mean recipe print {verb}?")
    for name in names():
        sys.stdout.write(f"{name:<10} {find(name).about}\n")
    return DONE


def _print(words: Sequence[str]) -> int:
    parser = Parser("recipe print", "[NAME|FILE] [-o FILE] [options]", "Print a recipe.")
    parser.add_argument("recipe", nargs="?", default="face", metavar="NAME|FILE", help="[face]")
    parser.add_argument("--all", action="store_true", help="Every setting, not only the changed.")
    parser.add_argument(
        "-o", "--output", metavar="FILE", default="", help="A .toml, .json or .yaml file."
    )
    add_overwrite(parser)
    add_help(parser)
    add_settings(parser)
    arguments = parser.parsed(words)
    if arguments.output:
        one_file([], Output(arguments.output, overwrite=arguments.overwrite))
    recipe = overridden(find(arguments.recipe), arguments)
    kind = Path(arguments.output).suffix.lstrip(".").lower() or "toml"
    put(recipe.text(kind, all=arguments.all), arguments.output)
    return DONE


def _check(words: Sequence[str]) -> int:
    parser = Parser("recipe check", "FILE...", "Say whether recipes are right.")
    parser.add_argument("recipes", nargs="+", metavar="FILE", help="Files, or names.")
    add_help(parser)
    wrong = 0
    for name in parser.parsed(words).recipes:
        try:
            recipe = find(name)
            for passing in recipe.passes():
                Wording.of(passing.paint)
        except InputError as error:
            sys.stderr.write(f"detailer: {error}\n")
            wrong += 1
            continue
        passes = len(list(recipe.passes()))
        sys.stdout.write(f"{name}: right, {passes} pass{'es' * (passes > 1)}\n")
    return FAILED if wrong else DONE


def _explain(words: Sequence[str]) -> int:
    parser = Parser("recipe explain", "[STAGE|SETTING...]", "Explain settings.")
    parser.add_argument("names", nargs="*", metavar="STAGE|SETTING", help="Which [all].")
    add_help(parser)
    asked = [name.removeprefix("--").replace("-", "_") for name in parser.parsed(words).names]
    flags = stage_flags()
    known = {*stages(), *(flag.setting for flag in flags)}
    for name in asked:
        if name not in known:
            raise InputError(_unknown(name, known))
    shown = [flag for flag in flags if not asked or {flag.place, flag.setting} & set(asked)]
    stage = ""
    for flag in shown:
        if flag.place != stage:
            stage = flag.place
            about = Recipe.model_fields[stage].description
            sys.stdout.write(f"\n[{stage}]  {about}\n")
        sys.stdout.write(_explained(flag))
    return DONE


def _explained(flag: Flag) -> str:
    default = f"default {flag.default} {flag.unit}".rstrip()
    facts = [default, span(flag.schema), " | ".join(flag.choices)]
    text = "; ".join(fact for fact in facts if fact)
    return f"  {flag.setting:<27} {text}\n  {'':<27} {flag.schema['description']}\n"


def _unknown(name: str, known: set[str]) -> str:
    import difflib

    near = difflib.get_close_matches(name, sorted(known), n=1)
    return f"no stage or setting {name!r}" + (f"; did you mean {near[0]}?" if near else "")
