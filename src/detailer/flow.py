"""Detailer: detect, mask, crop, paint, blend, as a stream of steps."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeAlias

from detailer.core.canvas import Canvas
from detailer.core.focus import Focus, focus_of, skipped_by_focus
from detailer.core.geometry import Size
from detailer.core.matte import Matte
from detailer.core.pixels import Native
from detailer.core.plan import Failed, Painted, Patch, Plan, Progress, Skipped
from detailer.core.regions import Regions
from detailer.errors import EngineError, InputError
from detailer.recipe import Recipe
from detailer.stages.blend import Shrunk, left_by, match_colour, paste, paste_mask, shrink
from detailer.stages.crop import Upscaler, cut, frame
from detailer.stages.detect import Chosen, Detector, needs_pixels, select
from detailer.stages.mask import reshape
from detailer.stages.paint import Assigned, Painter, assigned

# Of a patch that is nowhere stronger than this nobody would see anything.
_FAINT = 0.05


@dataclass(frozen=True)
class Planned:
    """All of one pass is decided; nothing of it is painted yet."""

    plan: Plan


@dataclass(frozen=True, eq=False)
class Finished:
    """A picture is done: its pixels, in the shape and dtype they came in, and what was done."""

    pixels: Native
    plans: tuple[Plan, ...]
    painted: tuple[Patch, ...]
    failed: tuple[Failed, ...]
    skipped: tuple[Skipped, ...] = ()


Step: TypeAlias = Planned | Progress | Painted | Skipped | Failed | Finished


@dataclass(frozen=True)
class Detailer:
    """Finds parts of a picture, repaints them larger, stitches them back.

    Args:
        detector: Finds regions in a picture.
        painter: Paints cutouts.
        recipe: The settings of all five stages.
        upscaler: Enlarges what is cut before it is fitted to the painted size; cubic if None.
        then: Further passes, in order, each on what the one before has left.
    """

    detector: Detector
    painter: Painter
    recipe: Recipe = field(default_factory=Recipe)
    upscaler: Upscaler | None = None
    then: tuple[Detailer, ...] = ()

    def __post_init__(self) -> None:
        for name, engine in (("detector", self.detector), ("painter", self.painter)):
            if not callable(engine):
                raise InputError(f"{name}={engine!r} cannot be called; detailer.load opens names")
        if not isinstance(self.recipe, Recipe):
            raise InputError(f"recipe={self.recipe!r} is no Recipe; make one: Recipe(crop=…)")

    def __call__(self, picture: Native | Canvas) -> Finished:
        """The finished picture; use `steps` to watch the work or to stop it."""
        for step in self.steps(picture):
            if isinstance(step, Finished):
                return step
        raise AssertionError("steps end with Finished")

    def steps(self, picture: Native | Canvas, plan: Plan | None = None) -> Iterator[Step]:
        """Everything that happens to one picture, ending with Finished.

        Args:
            picture: (h, w) or (h, w, channels), uint8, uint16 or float32 0..1, left as it is;
                a Canvas is worked on in place.
            plan: What the first pass does, instead of finding it out.

        Raises:
            InputError: If the plan is for a picture of another size, or of other pixels.
            EngineError: If a detector or painter cannot work at all.
        """
        canvas = picture if isinstance(picture, Canvas) else Canvas(picture)
        log = _Log()
        for passing in self.passes():
            given = plan if passing is self else None
            made = given or make_plan(passing.find(canvas), passing.recipe, canvas)
            made.check(canvas)
            yield log.noted(Planned(made))
            yield from made.skipped
            for step in passing.carry_out(made, canvas):
                yield log.noted(step)
                del step  # a painted patch is large: nothing here keeps it
        yield log.finished(canvas)

    def passes(self) -> Iterator[Detailer]:
        """This one and all that come after it, in the order they are run."""
        yield self
        for detailer in self.then:
            yield from detailer.passes()

    def find(self, picture: Native | Canvas) -> Regions:
        """The regions that would be worked on, selected and reshaped, in order."""
        canvas = picture if isinstance(picture, Canvas) else Canvas(picture)
        found = self.detector(canvas.picture() if needs_pixels(self.detector) else canvas.blank())
        if not isinstance(found, Regions):
            raise EngineError(f"the detector gave {type(found).__name__}; it must give Regions")
        if found.items and found.size != canvas.size:
            raise EngineError(f"the detector gave regions of {found.size} for {canvas.size}")
        detect, is_chosen = self.recipe.detect, isinstance(self.detector, Chosen)
        wanted = found.sorted(detect.order) if is_chosen else select(found, detect)
        return reshape(wanted, self.recipe.mask)

    def plan(self, picture: Native | Canvas) -> Plan:
        """What would be done to a picture, bound to its pixels; needs no painter."""
        canvas = picture if isinstance(picture, Canvas) else Canvas(picture)
        made = make_plan(self.find(canvas), self.recipe, canvas)
        return replace(made, picture=canvas.fingerprint)

    def carry_out(
        self, plan: Plan, canvas: Canvas
    ) -> Iterator[Painted | Progress | Skipped | Failed]:
        """Paint a plan's patches, wave by wave, into the canvas."""
        size = self.recipe.paint.batch_size
        once = self.recipe.blend.overlap == "once"
        pasted: list[Matte] = []
        for planned in plan.waves():
            left = [_left_by(pasted, patch) if once else patch for patch in planned]
            yield from (one for one in left if isinstance(one, Skipped))
            wave = [one for one in left if isinstance(one, Patch)]
            shrunk: dict[int, Shrunk] = {}
            # Painters batch what is painted at one size.
            alike = sorted(wave, key=lambda patch: patch.size) if size > 1 else wave
            for start in range(0, len(alike), size):
                yield from self._repaint(alike[start : start + size], canvas, shrunk)
            for patch in wave:
                if patch.index in shrunk:
                    paste(canvas, shrunk[patch.index])
                    if once:
                        pasted.append(patch.paste_mask)

    def _repaint(
        self, patches: Sequence[Patch], canvas: Canvas, shrunk: dict[int, Shrunk]
    ) -> Iterator[Painted | Progress | Skipped | Failed]:
        waiting = {patch.index: patch for patch in patches}
        cutouts = {patch.index: cut(canvas, patch, self.upscaler) for patch in patches}
        for answer in self.painter(list(cutouts.values())):
            if isinstance(answer, Progress):
                yield answer
                continue
            if not isinstance(answer, Painted | Skipped | Failed):
                kind = type(answer).__name__
                raise EngineError(f"the painter gave {kind}; make one of a function with each()")
            index = answer.index if isinstance(answer, Skipped) else answer.patch.index
            if waiting.pop(index, None) is None:
                raise EngineError(f"the painter answered for region {index} twice, or unasked")
            if isinstance(answer, Painted):
                cutout = cutouts.pop(index)
                answer = match_colour(answer, cutout, self.recipe.blend)  # noqa: PLW2901
            small = shrink(answer) if isinstance(answer, Painted) else answer
            if isinstance(small, Shrunk):
                shrunk[index] = small
            yield small if isinstance(small, Failed) else answer
            del answer
        for patch in waiting.values():
            yield Failed(patch, "the painter gave no answer")


def make_plan(regions: Regions, recipe: Recipe, canvas: Canvas | None = None) -> Plan:
    """Every region framed and given its settings, or skipped with the reason.

    The patches are in the order that the prompt asks for, that of the regions if it asks for none.

    Args:
        regions: What is worked on, selected and reshaped.
        recipe: The settings of all stages.
        canvas: The picture, for what is skipped by its pixels; None: nothing is.

    Raises:
        InputError: If a prompt cannot be taken apart, or a choice in it cannot be made.
    """
    ones = assigned(recipe.paint, regions)
    found = None if canvas is None else _focus(canvas, ones, recipe)
    if found:
        ordered = regions.holding([one.region for one in ones])
        skips = recipe.crop.skip_sharp, recipe.crop.skip_defocused
        reasons = skipped_by_focus(ordered, found, *skips)
        ones = tuple(
            replace(one, told=reasons[place])
            if place in reasons and not isinstance(one.told, str)
            else one
            for place, one in enumerate(ones)
        )
    made = [_patch(one, regions.size, recipe) for one in ones]
    if found:
        made = [_seen(each, focus) for each, focus in zip(made, found, strict=True)]
    skipped = [each for each in made if isinstance(each, Skipped)]
    # Numbered after all others, so that no seed depends on them.
    for index, out in enumerate(regions.left_out, start=len(regions)):
        skipped.append(Skipped(index, out.region, out.reason))
    return Plan(
        regions.size, tuple(each for each in made if isinstance(each, Patch)), tuple(skipped)
    )


def _patch(one: Assigned, picture: Size, recipe: Recipe) -> Patch | Skipped:
    index, region = one.index, one.region
    if isinstance(one.told, str):
        return Skipped(index, region, one.told)
    framed = frame(region, picture, recipe.crop)
    if isinstance(framed, str):
        return Skipped(index, region, framed)
    mask = paste_mask(region, framed, picture, recipe.blend)
    if mask.box.empty:
        return Skipped(index, region, "empty mask in its window")
    return Patch(index, region, framed, mask, one.told)


def _focus(canvas: Canvas, ones: Sequence[Assigned], recipe: Recipe) -> list[Focus]:
    if not recipe.crop.skip_sharp and not recipe.crop.skip_defocused:
        return []
    return [focus_of(canvas, one.region) for one in ones]


def _seen(made: Patch | Skipped, focus: Focus) -> Patch | Skipped:
    if isinstance(made, Skipped):
        return replace(made, notes=focus.notes)
    return replace(made, focus=focus)


def _left_by(pasted: Sequence[Matte], patch: Patch) -> Patch | Skipped:
    """A patch without what was pasted before it, or that nothing worth painting is left of it."""
    mask = left_by(patch.paste_mask, pasted)
    if mask is patch.paste_mask:
        return patch
    if float(mask.alpha.max(initial=0)) < _FAINT:
        return Skipped.of(patch, "painted with the regions before it")
    return replace(patch, paste_mask=mask)


@dataclass
class _Log:
    """What has been done to a picture so far."""

    plans: list[Plan] = field(default_factory=list)
    painted: list[Patch] = field(default_factory=list)
    failed: list[Failed] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)

    def noted(self, step: Step) -> Step:
        if isinstance(step, Planned):
            self.plans.append(step.plan)
            self.skipped += step.plan.skipped
        elif isinstance(step, Skipped):
            self.skipped.append(step)
        elif isinstance(step, Painted):
            self.painted.append(step.patch)
        elif isinstance(step, Failed):
            self.failed.append(step)
        return step

    def finished(self, canvas: Canvas) -> Finished:
        return Finished(
            canvas.pixels,
            tuple(self.plans),
            tuple(self.painted),
            tuple(self.failed),
            tuple(self.skipped),
        )
