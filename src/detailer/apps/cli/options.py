"""Options that several commands share, and the recipe that they ask for."""

from __future__ import annotations

import argparse
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from detailer.apps.cli.flags import Flag, Group, flags_of, given, overridden, stage_flags
from detailer.apps.cli.parser import Parser
from detailer.apps.files import Limits, Photo, read, read_frames
from detailer.core.paint import Paint
from detailer.core.paths import local_path
from detailer.engines.painters.diffusion.options import Options
from detailer.engines.painters.listed import RESTORE, RESTORE_FAST
from detailer.errors import InputError, MissingEngineError
from detailer.flow import Detailer
from detailer.loading import load, named
from detailer.recipe import Recipe
from detailer.recipes import find, names

_TAKEN = ("preview",)
_SETTINGS = """\
Each with its default and range. They change the recipe that is named: those of Paint in all its
passes, all others in the first; for more, edit the recipe: detailer recipe print face -o my.toml"""


@dataclass(frozen=True)
class Choice:
    """The recipe that the options ask for, engines by their real names, and what goes with it."""

    recipe: Recipe
    style: Any = "photo"
    upscaler: str = ""
    fit_mask: bool = False
    diffusion: Options = field(default_factory=Options)

    def painted_by(self, painter: str) -> Choice:
        """The same with another painter in the first pass."""
        paint = self.recipe.paint.but(painter=painter)
        return replace(self, recipe=named(self.recipe.but(paint=paint)))

    def unpainted(self) -> Choice:
        """The same where only what is found counts: the painter's model may be missing."""
        return replace(self, recipe=self.recipe.but(paint=Paint(painter="classic"), then=()))

    @property
    def beside(self) -> dict[str, Any]:
        """What was chosen beside the recipe, for the record."""
        more = {"upscaler": self.upscaler} if self.upscaler else {}
        own = self.diffusion.model_dump(mode="json", exclude_unset=True)
        return {"style": self.style, **more, **({"diffusion": own} if own else {})}

    def load(self, without: Literal["", "detectors", "painters"] = "") -> Detailer:
        """The Detailer; MissingEngineError says what the recipe is about."""
        try:
            return load(
                self.recipe,
                style=self.style,
                upscaler=self.upscaler,
                fit_mask=self.fit_mask,
                diffusion=self.diffusion,
                without=without,
            )
        except MissingEngineError as error:
            detects = str(error).startswith("detector")
            about = f"\nthis recipe: {self.recipe.about}" if detects and self.recipe.about else ""
            raise MissingEngineError(f"{error}{about}") from error


def add_pictures(parser: Parser) -> None:
    """The pictures themselves."""
    parser.add_argument(
        "pictures", nargs="+", metavar="PICTURE", help="PNG, JPEG, WebP, TIFF or AVIF file."
    )


def add_recipe(group: Group) -> None:
    """Which recipe, and what is given with it."""
    group.add_argument(
        "--recipe",
        metavar="NAME|FILE",
        help=f"What to look for and how to paint it: {', '.join(names())}, or a file [face].",
    )
    group.add_argument(
        "--mask", metavar="FILE", help="Work on what is white in this picture instead."
    )
    group.add_argument(
        "--fit-mask", action="store_true", help="Bring a mask of another size to the picture's."
    )


def add_engines(group: Group) -> None:
    """What painters and upscalers are told beside the recipe."""
    group.add_argument(
        "--style",
        choices=("photo", "drawing"),
        metavar="photo|drawing",
        default="photo",
        help="Network of restore and esrgan for what the pictures are [photo].",
    )
    group.add_argument(
        "--fast",
        action="store_true",
        help="Restore with the small network alone, as the painter restore-fast does: much faster,"
        " a little softer.",
    )
    group.add_argument(
        "--upscaler",
        metavar="NAME",
        default="",
        help="Enlarge what is cut with this, such as esrgan, before it is painted [cubic].",
    )


def add_diffusion(parser: Parser) -> None:
    """The machine and the files of diffusion models."""
    group = parser.add_argument_group("Diffusion models", "Where they run, what is loaded beside.")
    for flag in diffusion_flags():
        flag.add_to(group)


def diffusion_flags() -> list[Flag]:
    """A flag for every option of diffusion models; names that run has already carry the place."""
    return flags_of(Options, "diffusion", _TAKEN)


def add_reading(group: Group) -> None:
    """How files are read."""
    for flag in flags_of(Limits, "limits"):
        flag.add_to(group)
    group.add_argument(
        "--frames", choices=("each",), metavar="each", help="Take every frame of an animation."
    )


def add_help(group: Group) -> None:
    """The help itself."""
    group.add_argument("-h", "--help", action="help", help="Show this.")


def add_settings(parser: Parser) -> None:
    """Every setting of the recipe, grouped by stage."""
    abouts = {name: field.description for name, field in Recipe.model_fields.items()}
    parser.add_argument_group("Settings of the recipe", _SETTINGS)
    groups: dict[str, Any] = {}
    for flag in stage_flags():
        if flag.place not in groups:
            groups[flag.place] = parser.add_argument_group(
                flag.place.capitalize(), abouts[flag.place]
            )
        flag.add_to(groups[flag.place])


def chosen(arguments: argparse.Namespace) -> Choice:
    """The recipe by name or file, with the options in it.

    Raises:
        InputError: If the recipe cannot be read, or options contradict each other.
    """
    mask = arguments.mask
    recipe = find(arguments.recipe or ("mask" if mask else "face"))
    if mask and "detector" in given(arguments, "detect"):
        raise InputError("--mask and --detector both say where to work; give one of them")
    recipe = overridden(recipe, arguments)
    if mask:
        if not local_path(mask, "mask").is_file():
            raise InputError(f"mask {mask} is not a file; give a picture")
        recipe = recipe.but(detect=recipe.detect.but(detector=f"mask:{mask}"))
    beside = {name: vars(arguments)[name] for name in ("style", "upscaler") if name in arguments}
    options = Options(**given(arguments, "diffusion"))
    recipe = named(recipe)
    if vars(arguments).get("fast"):
        recipe = _fast(recipe)
    return Choice(recipe, fit_mask=arguments.fit_mask, diffusion=options, **beside)


def _fast(recipe: Recipe) -> Recipe:
    """The recipe with restore-fast in place of restore, in all its passes."""
    paint = recipe.paint.but(painter=fast_painter(recipe.paint.painter))
    return recipe.but(paint=paint, then=tuple(_fast(passing) for passing in recipe.then))


def fast_painter(painter: str) -> str:
    """The painter that --fast means instead of one.

    Raises:
        InputError: If it is another one than restore, and not what stands in for that.
    """
    if painter not in (RESTORE, RESTORE_FAST, "classic"):
        raise InputError(f"--fast is for the painter {RESTORE}, not for {painter}; leave it out")
    return RESTORE_FAST if painter == RESTORE else painter


def photos(path: Path, arguments: argparse.Namespace) -> tuple[Photo, ...]:
    """The picture in a file, or each of its frames if that was asked for."""
    limits = Limits(**given(arguments, "limits"))
    return read_frames(path, limits) if arguments.frames else (read(path, limits),)
