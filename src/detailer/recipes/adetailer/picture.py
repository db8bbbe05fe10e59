"""Picture: how the picture was made, which is what "use the same" means in a tab."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import Field

from detailer.core.settings import Settings
from detailer.errors import InputError
from detailer.recipes.adetailer.note import Note
from detailer.recipes.infotext import NEGATIVE, PROMPT


class Picture(Settings):
    """What is known of it; None where nothing is."""

    prompt: str | None = None
    negative: str | None = None
    steps: int | None = Field(None, ge=1)
    cfg: float | None = Field(None, ge=0)
    guidance: float | None = Field(None, ge=0)
    sampler: str | None = None
    scheduler: str | None = None
    width: int | None = Field(None, ge=8)
    height: int | None = Field(None, ge=8)
    seed: int | None = Field(None, ge=-1, lt=2**64)
    model: str | None = None
    vae: str | None = None
    clip_skip: int | None = Field(None, ge=1)
    exact_steps: bool = False
    """Whether A1111 runs as many steps as are asked for, however low the strength."""


_PAYLOAD = {
    "prompt": "prompt",
    "negative_prompt": "negative",
    "steps": "steps",
    "cfg_scale": "cfg",
    "distilled_cfg_scale": "guidance",
    "sampler_index": "sampler",
    "sampler_name": "sampler",
    "scheduler": "scheduler",
    "width": "width",
    "height": "height",
    "seed": "seed",
}
_OVERRIDDEN = {
    "sd_model_checkpoint": "model",
    "sd_vae": "vae",
    "CLIP_stop_at_last_layers": "clip_skip",
    "img2img_fix_steps": "exact_steps",
}
_DEFAULTS: Mapping[str, Any] = {
    "prompt": "",
    "negative_prompt": "",
    "steps": 50,
    "cfg_scale": 7.0,
    "sampler_name": "Euler",
    "scheduler": "Automatic",
    "width": 512,
    "height": 512,
}
_SILENT = ("prompt", "negative_prompt", "scheduler")
_INFOTEXT = {
    PROMPT: "prompt",
    NEGATIVE: "negative",
    "Steps": "steps",
    "CFG scale": "cfg",
    "Distilled CFG Scale": "guidance",
    "Sampler": "sampler",
    "Schedule type": "scheduler",
    "Seed": "seed",
    "Model": "model",
    "VAE": "vae",
    "Clip skip": "clip_skip",
}
_NO_COUNTERPART = "has no counterpart: it is left out"
_UNMET = {
    "styles": "their texts are not known here: write them into the prompt",
    "subseed_strength": _NO_COUNTERPART,
    "tiling": _NO_COUNTERPART,
    "eta": _NO_COUNTERPART,
    "s_churn": _NO_COUNTERPART,
    "mask": "regions are not kept to img2img's mask here; with --mask FILE they are what it shows",
    "Variation seed strength": _NO_COUNTERPART,
    "Tiling": _NO_COUNTERPART,
    "ENSD": _NO_COUNTERPART,
    "Eta": _NO_COUNTERPART,
    "Sigma churn": _NO_COUNTERPART,
    "Schedule max sigma": _NO_COUNTERPART,
    "Schedule min sigma": _NO_COUNTERPART,
    "Schedule rho": _NO_COUNTERPART,
    "Soft inpainting enabled": "has none by that name: paint.mask_mode differential is its like",
}
_OFF: tuple[Any, ...] = (None, False, 0, "", "0", "False", [], ())


def of_payload(payload: Mapping[str, Any]) -> tuple[Picture, tuple[Note, ...]]:
    """The picture that a payload of the API asks for, and what of it has no counterpart.

    Raises:
        InputError: If a value is of the wrong type or out of range.
    """
    given = {name: payload[name] for name in _PAYLOAD if payload.get(name) is not None}
    left = {n: v for n, v in _DEFAULTS.items() if n not in given}
    if "sampler_index" in given:
        left.pop("sampler_name", None)
    told = ", ".join(f"{name} {value}" for name, value in left.items() if name not in _SILENT)
    notes = [Note("payload", f"what it leaves out is the API's default: {told}")] if told else []
    values = {_PAYLOAD[name]: value for name, value in (left | given).items()}
    overridden = payload.get("override_settings")
    if isinstance(overridden, Mapping):
        values |= {_OVERRIDDEN[name]: overridden[name] for name in _OVERRIDDEN & overridden.keys()}
        others = [n for n in overridden if n not in _OVERRIDDEN and not str(n).startswith("ad_")]
        notes += [Note(f"override_settings.{name}", "is not looked at") for name in others]
    return Picture(**values), (*notes, *_unmet(payload))


def of_infotext(values: Mapping[str, Any]) -> tuple[Picture, tuple[Note, ...]]:
    """The picture that an infotext tells of; what makes no sense in it is named and left out."""
    found: dict[str, Any] = {}
    notes: list[Note] = []
    width, _, height = str(values.get("Size", "")).partition("x")
    told = {name: (_INFOTEXT[name], values[name]) for name in _INFOTEXT if name in values}
    if "Size" in values:
        told |= {"Size": ("width", width), "Size ": ("height", height)}
    for name, (setting, value) in told.items():
        try:
            found[setting] = getattr(Picture(**{setting: value}), setting)
        except InputError:
            notes.append(Note(name.strip(), f"{str(value)[:80]!r} makes no sense: it is left out"))
    if "sampler" in found and "scheduler" not in found:
        # Before 1.9 a sampler without a schedule in its name took the model's own levels.
        found["scheduler"] = "Uniform"
    if not {"width", "height"} <= found.keys():
        found = {name: value for name, value in found.items() if name not in ("width", "height")}
    return Picture(**found), (*notes, *_unmet(values))


def _unmet(values: Mapping[str, Any]) -> tuple[Note, ...]:
    return tuple(
        Note(name, said)
        for name, said in _UNMET.items()
        if name in values and values[name] not in _OFF
    )
