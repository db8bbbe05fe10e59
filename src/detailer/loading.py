"""Loading: a recipe's engines by their names, and the Detailer made of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

from detailer.core.pixels import Picture
from detailer.core.plan import Cutout
from detailer.core.regions import Regions
from detailer.engines.catalog import AUTO, resolved_painter
from detailer.engines.foreseen import check
from detailer.engines.opened import Engines, Style
from detailer.engines.painters.diffusion.options import Options
from detailer.errors import EngineError
from detailer.flow import Detailer
from detailer.prompts.wording import Wording
from detailer.recipe import Recipe
from detailer.recipes import find
from detailer.stages.detect import Detect, Detector
from detailer.stages.paint import Answer, Painter

FACES = "centerface"
"""The detector that "auto" means."""


def load(  # noqa: PLR0913  # each is a word of the command line too
    recipe: Recipe | str | Path = "face",
    *,
    style: Style = "photo",
    upscaler: str = "",
    fit_mask: bool = False,
    diffusion: Options | None = None,
    without: Literal["", "detectors", "painters"] = "",
) -> Detailer:
    """The Detailer of a recipe, its engines loaded: each once, however many passes use it.

    Args:
        recipe: A recipe, its file, or the name of one that comes with detailer.
        style: What the pictures are, for painters and upscalers with a network for each.
        upscaler: What enlarges a cutout before it is painted: a name, or name:path; "": cubic.
        fit_mask: Bring a given mask to the picture's size; off: one of another size is refused.
        diffusion: The device, the precision and the files of diffusion models.
        without: What is not opened, because it will not be used: painters where only finding and
            planning is wanted, detectors where the plan is there already.

    Raises:
        InputError: If the recipe cannot be read, or names an engine that is not known.
        MissingEngineError: If an engine's library or model is not there.
        EngineError: If an engine does not start.
    """
    recipe = named(recipe if isinstance(recipe, Recipe) else find(recipe))
    engines = Engines(style, fit_mask, {"diffusion": diffusion} if diffusion else {})
    for passing in recipe.passes():
        check(passing.paint)
        Wording.of(passing.paint)  # a tag that is not known is refused here
    # Before anything is opened: a model that is not there, or broken, is told at once.
    known = engines.completed(recipe, told=without == "painters")
    if without != "painters":
        for passing in recipe.passes():
            engines.painter(passing.paint.painter)
        # A model that had to be fetched is here by now, and can be asked for its defaults.
        known = engines.completed(recipe)
        for passing in known.passes():
            engines.check(passing.paint)
    recipe = known
    enlarge = engines.upscaler(upscaler) if upscaler and without != "painters" else None
    find_in = _absent if without == "detectors" else engines.finder
    first, *later = (
        Detailer(find_in(one), by_patch(engines.painter), one.but(then=()), enlarge)
        for one in recipe.passes()
    )
    return replace(first, then=tuple(later))


def _absent(recipe: Recipe) -> Detector:
    def find_nothing(picture: Picture, /) -> Regions:
        raise EngineError(f"detector {recipe.detect.detector} was not loaded")

    return find_nothing


def named(recipe: Recipe) -> Recipe:
    """The recipe with the engines that "auto" means on this machine, in all its passes."""
    painter = recipe.paint.painter
    return recipe.but(
        detect=_named(recipe.detect),
        paint=recipe.paint.but(painter=resolved_painter(painter)),
        then=tuple(named(passing) for passing in recipe.then),
    )


def _named(detect: Detect) -> Detect:
    """The same with centerface for auto; Find's own settings are named as Detect's."""
    also = tuple(one.but(detector=FACES) if one.detector == AUTO else one for one in detect.also)
    changes: dict[str, Any] = {"also": also} if also else {}
    if detect.detector == AUTO:
        changes["detector"] = FACES
    return detect.but(**changes)


def by_patch(opened: Callable[[str], Painter]) -> Painter:
    """A painter that hands each cutout to the painter that its patch names."""

    def paint(cutouts: Sequence[Cutout], /) -> Iterator[Answer]:
        groups: dict[str, list[Cutout]] = {}
        for cutout in cutouts:
            groups.setdefault(cutout.patch.paint.painter, []).append(cutout)
        for name, group in groups.items():
            yield from opened(name)(group)

    return paint
