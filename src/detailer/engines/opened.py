"""Opened: the engines that recipes name, each opened when first asked for, and kept."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from detailer.core.paint import Paint
from detailer.core.pixels import Picture
from detailer.core.regions import Regions
from detailer.core.regions.from_mask import Trace
from detailer.core.segmenter import Segmenter
from detailer.core.settings import Settings
from detailer.engines.catalog import (
    Spec,
    is_known,
    listed_engine,
    open_detector,
    open_painter,
    open_segmenter,
    open_upscaler,
    option_names,
    resolved_painter,
)
from detailer.engines.foreseen import own_defaults
from detailer.engines.listed import Kind, Listed
from detailer.engines.refined import masked, refined, unfolded
from detailer.engines.wrap import merged, tiled, tiled_as_needed
from detailer.prompts.wording import mentioned
from detailer.recipe import Recipe
from detailer.stages.crop import Upscaler
from detailer.stages.detect import Chosen, Composed, Detect, Detector, chosen, explained
from detailer.stages.paint import Painter
from detailer.stages.refine import Refine

log = logging.getLogger(__name__)

Style: TypeAlias = Literal["photo", "drawing"]

_NONE: Mapping[str, Any] = {}


@dataclass
class Engines:
    """Engines by their names, opened when first asked for and kept.

    `options` are those of painters that have a group of them, by the painter's name.
    """

    style: Style = "photo"
    fit_mask: bool = False
    options: Mapping[str, Settings] = field(default_factory=dict)
    _opened: dict[str, Any] = field(default_factory=dict, init=False, repr=False)
    _networks: dict[str, Any] = field(default_factory=dict, init=False, repr=False)

    def finder(self, recipe: Recipe) -> Detector:
        """What finds the regions of one pass: its detectors, and what refines their masks."""
        detect, how = unfolded(recipe.detect, recipe.refine)
        if not how.refine and how.as_set():
            names = ", ".join(how.as_set())
            log.warning("%s without refine=…: nothing refines the masks", names)
        if not detect.also and not how.refine:
            return self.detector(detect, how)
        each = [self._choosing(one, how) for one in detect.each()]
        found = merged(each) if len(each) > 1 else each[0]
        return Chosen(self._refined(found, detect, how) if how.refine else found)

    def detector(self, detect: Detect, refine: Refine | None = None) -> Detector:
        """The detector that the settings name first, looking at tiles where they say so.

        `refine` is for those that refine masks by themselves.
        """
        wishes = self._wishes(detect) | ({"how": refine} if refine else {})
        listed = listed_engine("detector", detect.detector)
        demands = detect.detector_options | (self._inner(listed, detect) if listed else {})
        found: Detector = self._kept("detector", detect.detector, wishes, demands)
        if listed and listed.given:
            return _explaining(found, detect)
        return self._tiled(found, detect)

    def _inner(self, listed: Listed, detect: Detect) -> dict[str, Any]:
        """The detectors that one is made of; tiled by themselves where it may be."""
        tile = "auto" if detect.tile == "auto" else 0
        return {
            option: self.detector(Detect(detector=name, threshold=detect.threshold, tile=tile))
            for option, name in listed.inner
        }

    def _tiled(self, found: Detector, detect: Detect) -> Detector:
        if detect.tile == 0:
            return found
        # One for each, since engines made of it are kept by what they are made of.
        key = repr(("tiled", id(found), detect.tile, detect.tile_overlap))
        if key not in self._opened:
            self._opened[key] = (
                tiled_as_needed(found, detect.tile_overlap)
                if detect.tile == "auto"
                else tiled(found, detect.tile, detect.tile_overlap)
            )
        tiling: Detector = self._opened[key]
        return tiling

    def _choosing(self, detect: Detect, refine: Refine) -> Detector:
        find = self.detector(detect, refine)

        def detect_chosen(picture: Picture, /) -> Regions:
            return chosen(find(picture), detect)

        return Composed(detect_chosen, (find,))

    def _refined(self, found: Detector, detect: Detect, how: Refine) -> Detector:
        if is_known("segmenter", how.refine):
            return refined(found, self.segmenter(how), how)
        own = {"detector": how.refine, "detector_options": how.refine_options}
        masks = detect.but(**own, labels=(), also=())
        return masked(found, self.detector(masks), how)

    def segmenter(self, refine: Refine) -> Segmenter:
        """The segmenter that the settings name."""
        found: Segmenter = self._kept("segmenter", refine.refine, {}, refine.refine_options)
        return found

    def _wishes(self, detect: Detect) -> dict[str, Any]:
        wishes: dict[str, Any] = {"threshold": detect.threshold, "fit": self.fit_mask}
        label = detect.labels[0] if detect.labels else ""
        # What is given without a label is what is looked for.
        wishes["trace_as"] = Trace(
            label=label or "mask",
            drop_size=0,
            mask_threshold=detect.mask_threshold,
            mask_min_area=detect.mask_min_area,
        )
        wishes["channel"] = detect.mask_channel
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
        painter = recipe.paint.painter
        prompt, loras = mentioned(recipe.paint), recipe.paint.loras
        known = own_defaults(painter, prompt=prompt, loras=loras, **self._options(painter))
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

    def _kept(
        self, kind: Kind, name: str, wishes: dict[str, Any], demands: Mapping[str, Any] = _NONE
    ) -> Any:
        """An engine with those of the wishes that it knows as options, and with all demands."""
        known = option_names(kind, name)
        options = {option: value for option, value in wishes.items() if option in known}
        options |= demands
        listed = listed_engine(kind, name)
        spec = Spec.parse(name)
        # face and CenterFace are one.
        own = listed.name if listed else spec.name
        key = repr((kind, own, spec.path, sorted(options.items())))
        if key not in self._opened:
            # The weights of a file are loaded once, whatever is looked for with them.
            place = repr((kind, own, spec.path, options.get("device")))
            network = self._networks.get(place) if "network" in known else None
            shared = {"network": network} if network is not None else {}
            self._opened[key] = _OPENERS[kind](name, **options, **shared)
            self._networks[place] = getattr(self._opened[key], "network", None)
        return self._opened[key]


def _explaining(detector: Detector, detect: Detect) -> Detector:
    def detect_explained(picture: Picture, /) -> Regions:
        return explained(detector(picture), detect)

    return Composed(detect_explained, (detector,))


def _unless_set(settings: Settings, values: Mapping[str, Any]) -> Settings:
    return settings.but(**{**values, **settings.as_set()})


_OPENERS: dict[Kind, Callable[..., Any]] = {
    "detector": open_detector,
    "segmenter": open_segmenter,
    "painter": open_painter,
    "upscaler": open_upscaler,
}
