"""Fast: few-step LoRAs, known by their names, and the settings that they want."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path

from detailer.engines.painters.diffusion.loading.headers import read_header

_NOTES = ("ss_output_name", "modelspec.title")
_STEPS = re.compile(r"(\d{1,2})[ _-]?steps?(?![a-z])", re.IGNORECASE)
_TRANSFORMERS = re.compile(r"flux|qwen|sd3|z[ _-]?image", re.IGNORECASE)


@dataclass(frozen=True)
class Preset:
    """How a distilled model is sampled, in Paint's words."""

    name: str
    sampler_name: str
    scheduler: str
    steps: int
    cfg: float = 1.0


# Settings as the makers publish them, in ComfyUI's names: a "trailing" schedule is sgm_uniform.
# "lightning" and "turbo" alone are also words for weather and cars.
_KNOWN = (
    (r"(?<![a-z])lcm(?![a-z])", Preset("LCM", "lcm", "sgm_uniform", 4)),
    (r"(?<![a-z])dmd2?(?![a-z])", Preset("DMD", "lcm", "sgm_uniform", 4)),
    (r"hyper[ _-]?(?:sd|flux)", Preset("Hyper", "ddim", "sgm_uniform", 8)),
    (
        r"(?:sdxl|sd_xl|qwen|flux|sd3)[a-z0-9 ._-]*lightning|lightning[ _-]?\d+[ _-]?step",
        Preset("Lightning", "euler", "sgm_uniform", 4),
    ),
    (
        r"(?:sdxl|sd_xl|sd|flux(?:[._-]?1)?(?:[._-]?dev)?|sd3(?:[._]5)?)[ _-]turbo",
        Preset("Turbo", "euler_ancestral", "sgm_uniform", 4),
    ),
)


def recognised(path: Path) -> Preset | None:
    """What a few-step LoRA wants, by its file's name or what its maker noted; None for others.

    Weights do not tell. Steps are those in the name, as in `sdxl_lightning_8step_lora`. Files of
    Flux, SD3, Qwen-Image and Z-Image want euler and simple. A Hyper with CFG in its name keeps it.

    Raises:
        EngineError: If the file is there and broken.
    """
    titles = [path.stem]
    if path.suffix.lower() == ".safetensors" and path.is_file():
        notes = read_header(path).notes
        titles += [notes[note] for note in _NOTES if note in notes]
    found = (_of_title(title) for title in titles)
    return next((preset for preset in found if preset is not None), None)


def _of_title(title: str) -> Preset | None:
    for pattern, preset in _KNOWN:
        if re.search(pattern, title, re.IGNORECASE):
            return _fitted(preset, title)
    return None


def _fitted(preset: Preset, title: str) -> Preset:
    if re.search("flux", title, re.IGNORECASE):
        preset = replace(preset, steps=8)
    counted = _STEPS.search(title)
    if counted and int(counted[1]):
        preset = replace(preset, steps=int(counted[1]))
    if _TRANSFORMERS.search(title):
        return replace(preset, sampler_name="euler", scheduler="simple")
    if preset.name == "Hyper" and re.search(r"(?<![a-z])cfg(?![a-z])", title, re.IGNORECASE):
        return replace(preset, cfg=5.0)
    return preset
