"""Guiding: ControlNet, and the restoring of faces."""

from __future__ import annotations

from typing import Any, Final

from detailer.recipes.adetailer.names import bare
from detailer.recipes.adetailer.note import Note
from detailer.recipes.adetailer.part import Part
from detailer.recipes.adetailer.tab import Tab

_BY_MODEL: Final = {
    "inpaint": "inpaint_global_harmonious",
    "scribble": "t2ia_sketch_pidi",
    "lineart": "lineart_coarse",
    "openpose": "openpose_full",
    "tile": "tile_resample",
    "depth": "depth_midas",
}
_AS_IT_IS: Final = ("none", "None", "tile_resample")
_OURS: Final = ("canny",)


def control(tab: Tab) -> Part:
    """The ControlNet that is shown the crop."""
    name = tab.ad_controlnet_model
    if name in ("None", ""):
        return Part("paint")
    if name == "Passthrough":
        said = "the WebUI's own ControlNet units are not known here: give --control MODEL,…"
        return Part("paint", {}, (Note("ad_controlnet_model", f"Passthrough: {said}"),))
    model = bare(name)
    module = tab.ad_controlnet_module
    if module == "None":
        module = next((made for part, made in _BY_MODEL.items() if part in model), "none")
    notes = [Note("ad_controlnet_model", f"{model} must be found: give its path in the recipe")]
    values: dict[str, Any] = {
        "model": model,
        "strength": tab.ad_controlnet_weight,
        "start": tab.ad_controlnet_guidance_start,
        "end": tab.ad_controlnet_guidance_end,
    }
    if module not in _AS_IT_IS:
        values["preprocessor"] = module
    if module not in (*_AS_IT_IS, *_OURS):
        said = f"{module} is not here: a painter can be given it, as preprocessors={{name: …}}"
        notes.append(Note("ad_controlnet_module", said))
    return Part("paint", {"controls": (values,)}, tuple(notes))


def restoring(tab: Tab) -> Part:
    """What A1111 does to the faces of what it has painted, before it goes back."""
    if not tab.ad_restore_face:
        return Part("paint")
    said = "GFPGAN and CodeFormer have no counterpart: what is painted goes back as it is"
    return Part("paint", {}, (Note("ad_restore_face", said),))
