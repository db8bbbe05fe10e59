"""ADetailer: what the arguments of the WebUI's extension mean, as a recipe."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from detailer.errors import InputError
from detailer.recipe import Recipe
from detailer.recipes.adetailer import finding, guiding, painting
from detailer.recipes.adetailer.note import Note, gathered
from detailer.recipes.adetailer.part import Part, joined
from detailer.recipes.adetailer.request import Request, request_of
from detailer.recipes.adetailer.tab import Tab

__all__ = ["Converted", "Note", "converted"]


@dataclass(frozen=True)
class Converted:
    """A recipe, a pass for each tab, and what has no counterpart in it or another meaning."""

    recipe: Recipe
    notes: tuple[Note, ...]


def converted(values: Mapping[str, Any] | Sequence[Any] | str) -> Converted:
    """The recipe that does what ADetailer's arguments say.

    Args:
        values: A tab's arguments {"ad_model": …}; the script's list of them [true, false, {…}];
            a whole payload of the API, whose steps, size, sampler and prompts are what "the same
            as the picture" means; or an infotext, as text or as its values by name.

    Raises:
        InputError: If it is none of these, an argument is not known or out of range, or no tab is
            switched on.
    """
    request = request_of(values)
    tabs = {number: tab for number, tab in request.tabs.items() if tab.on}
    if not tabs:
        raise InputError(
            'no tab is left: each has the ad_model "None", or ad_tab_enable off; there is nothing'
            " to do"
        )
    notes = list(request.notes)
    passes: list[Recipe] = []
    for number, tab in tabs.items():
        parts = _parts(tab, request)
        notes += [replace(note, tabs=(number,)) for part in parts for note in part.notes]
        passes.append(_pass(tab, number, parts))
    about = f"From ADetailer: {', then '.join(tab.ad_model for tab in tabs.values())}."
    first, *later = passes
    return Converted(first.but(about=about, then=tuple(later)), gathered(notes, tabs))


def _parts(tab: Tab, request: Request) -> tuple[Part, ...]:
    picture, choices = request.picture, request.choices
    return (
        finding.detect(tab, choices),
        finding.mask(tab),
        finding.crop(tab, picture, choices),
        painting.model(tab, picture),
        painting.words(tab, picture),
        painting.denoising(tab, picture),
        painting.guidance(tab, picture),
        painting.seeds(picture, choices),
        # A1111 rounds its mask to all or nothing in the latents; what is soft is the paste.
        Part("paint", {"noise_mask_feather": 0, "mask_mode": "hard"}),
        guiding.control(tab),
        guiding.restoring(tab),
        finding.blend(tab),
    )


def _pass(tab: Tab, number: int, parts: tuple[Part, ...]) -> Recipe:
    try:
        return Recipe(about=f"{tab.ad_model}.", **joined(parts))
    except InputError as error:
        raise InputError(f"tab {number}: {error}") from error
