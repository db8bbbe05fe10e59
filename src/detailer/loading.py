"""Loading: a recipe's engines by their names, and the Detailer made of them."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, TypeAlias

from detailer.core.paint import Paint
from detailer.core.pixels import Picture
from detailer.core.plan import Cutout
from detailer.core.regions import Regions
from detailer.core.regions.from_mask import Trace
from detailer.core.settings import Settings
from detailer.engines.catalog import (
    listed_engine,
    open_detector,
    open_painter,
    open_upscaler,
    option_names,
    resolved_painter,
)
from detailer.engines.foreseen import check, own_defaults
from detailer.engines.listed import Kind
from detailer.engines.painters.diffusion.options import Options
from detailer.engines.wrap import tiled
from detailer.errors import EngineError
from detailer.flow import Detailer
from detailer.recipe import Recipe
from detailer.recipes import find
from detailer.stages.crop import Upscaler
from detailer.stages.detect import Detect, Detector
from detailer.stages.paint import Answer, Painter

log = logging.getLogger(__name__)

Style: TypeAlias = Literal["photo", "drawing"]

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
    find_in = _absent if without == "detectors" else engines.detector
    first, *later = (
        Detailer(find_in(one.detect), by_patch(engines.painter), one.but(then=()), enlarge)
        for one in recipe.passes()
    )
    return replace(first, then=tuple(later))


def _absent(detect: Detect) -> Detector:
    def find_nothing(picture: Picture, /) -> Regions:
        raise EngineError(f"detector {detect.detector} was not loaded")

    return find_nothing


def named(recipe: Recipe) -> Recipe:
    """The recipe with the engines that "auto" means on this machine, in all its passes."""
    detector, painter = recipe.detect.detector, recipe.paint.painter
    return recipe.but(
        detect=recipe.detect.but(detector=FACES if detector == "auto" else detector),
        paint=recipe.paint.but(painter=resolved_painter(painter)),
        then=tuple(named(passing) for passing in recipe.then),
    )


def by_patch(opened: Callable[[str], Painter]) -> Painter:
    """A painter that hands each cutout to the painter that its patch names."""

    def paint(cutouts: Sequence[Cutout], /) -> Iterator[Answer]:
        groups: dict[str, list[Cutout]] = {}
        for cutout in cutouts:
            groups.setdefault(cutout.patch.paint.painter, []).append(cutout)
        for name, group in groups.items():
            yield from opened(name)(group)

    return paint


@dataclass
class Engines:
    """Engines by their names, opened when first asked for and kept.

    `options` are those of painters that have a group of them, by the painter's name.
    """

    style: Style = "photo"
    fit_mask: bool = False
    options: Mapping[str, Settings] = field(default_factory=dict)
    _opened: dict[str, Any] = field(default_factory=dict, init=False, repr=False)

    def detector(self, detect: Detect) -> Detector:
        """The detector that the settings name, looking at tiles where they say so."""
        found: Detector = self._kept("detector", detect.detector, self._wishes(detect))
        listed = listed_engine("detector", detect.detector)
        if detect.tile and not (listed and listed.given):
            return tiled(found, detect.tile, detect.tile_overlap)
        return found

    def _wishes(self, detect: Detect) -> dict[str, Any]:
        wishes: dict[str, Any] = {"threshold": detect.threshold, "fit": self.fit_mask}
        label = detect.labels[0] if detect.labels else ""
        # What is given without a label is what is looked for.
        wishes["trace_as"] = Trace(label=label or "mask", drop_size=detect.drop_size)
        return wishes | ({"labels": detect.labels, "label": label} if label else {})

    def painter(self, name: str) -> Painter:
        """The painter of a name, or name:path; "auto" is what this machine can do."""
        name = resolved_painter(name)
        found: Painter = self._kept("painter", name, {"style": self.style} | self._options(name))
        return found

    def check(self, paint: Paint) -> None:
        """Ask the painter, if it can tell, whether it can paint with these settings.

        Raises:
            InputError: If no region could be painted with them.
        """
        check = getattr(self.painter(paint.painter), "check", None)
        if check is not None:
            check(paint)

    def completed(self, recipe: Recipe, told: bool = True) -> Recipe:
        """The recipe with what its painter's model has as default, where nothing is set.

        `told`: say so where nothing is known of the model.
        """
        painter, prompt = recipe.paint.painter, recipe.paint.prompt
        known = own_defaults(painter, prompt=prompt, **self._options(painter))
        listed = listed_engine("painter", painter)
        if told and not known and listed and listed.defaults:
            log.warning("nothing is known of what suits %s: general defaults are taken", painter)
        stages = {
            stage: _unless_set(getattr(recipe, stage), values) for stage, values in known.items()
        }
        return recipe.but(**stages, then=tuple(self.completed(one, told) for one in recipe.then))

    def _options(self, painter: str) -> dict[str, Any]:
        listed = listed_engine("painter", painter)
        own = self.options.get(listed.name) if listed else None
        return {"options": own} if own else {}

    def upscaler(self, name: str) -> Upscaler:
        """The upscaler of a name, or name:path."""
        found: Upscaler = self._kept("upscaler", name, {"style": self.style})
        return found

    def _kept(self, kind: Kind, name: str, wishes: dict[str, Any]) -> Any:
        known = option_names(kind, name)
        options = {option: value for option, value in wishes.items() if option in known}
        listed = listed_engine(kind, name)
        for option, inner in listed.inner if listed else ():
            detect = Detect(detector=inner, threshold=wishes["threshold"])
            options[option] = self.detector(detect)
        key = repr((kind, name, sorted(options.items())))
        if key not in self._opened:
            self._opened[key] = _OPENERS[kind](name, **options)
        return self._opened[key]


def _unless_set(settings: Settings, values: Mapping[str, Any]) -> Settings:
    return settings.but(**{**values, **settings.as_set()})


_OPENERS: dict[Kind, Callable[..., Any]] = {
    "detector": open_detector,
    "painter": open_painter,
    "upscaler": open_upscaler,
}
