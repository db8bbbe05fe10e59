"""Listed: the painters that come with detailer."""

from __future__ import annotations

from typing import Any, Final

from detailer.core.sharpness import SHARPNESS
from detailer.engines.listed import Listed
from detailer.engines.upscalers.listed import REALESRGAN, REALESRGAN_WHEELS

_PAINTERS = "detailer.engines.painters"
_DIFFUSION = f"{_PAINTERS}.diffusion"
_IMAGINED = (
    "prompt", "negative", "main_prompt", "main_negative", "prompt_syntax", "wildcards", "loras",
    "denoise", "denoise_power", "steps", "cfg", "sampler_name", "scheduler",
    "sigmas", "seed", "seed_mode", "cycle", "mask_mode", "mask_strength", "clip_skip", "shift",
    "guidance", "guider",
    "inpaint_model", "controls", "refiner", "refiner_ratio", "refiner_prompt", "refiner_negative",
)  # fmt: skip

RESTORE: Final = "restore"
RESTORE_FAST: Final = "restore-fast"
# Both enlarge by themselves, and never make a sharp picture worse.
_RESTORING: Final[dict[str, dict[str, Any]]] = {
    "mask": {"shape": "face"},
    "crop": {
        "skip_sharp": SHARPNESS,
        "skip_defocused": True,
        "sizes": "source",
        "crop_factor": 2.0,
        "max_size": 2560,
    },
    "blend": {"overlap": "once"},
}


def _restoring(name: str, about: str, factory: str) -> Listed:
    return Listed(
        name,
        "painter",
        about,
        f"{_PAINTERS}.restore:{factory}",
        libraries=("ncnn",),
        files=(REALESRGAN,),
        extra="restore",
        wheels=REALESRGAN_WHEELS,
        unused=_IMAGINED,
        suits=_RESTORING,
    )


PAINTERS: Final[tuple[Listed, ...]] = (
    _restoring(
        RESTORE, "Real-ESRGAN on the CPU: gives back what a blur has taken; no download.", "Restore"
    ),
    _restoring(RESTORE_FAST, "The same with a small network: faster, a little softer.", "fast"),
    Listed(
        "classic",
        "painter",
        "Denoises, restores edges and local contrast; no network at all.",
        f"{_PAINTERS}.classic:Classic",
        unused=_IMAGINED,
    ),
    Listed(
        "diffusion",
        "painter",
        "Any diffusion model: invents detail by a prompt, by ComfyUI's steps and seeds.",
        f"{_DIFFUSION}.painter:open_diffusion",
        libraries=("torch", "diffusers", "transformers", "accelerate", "safetensors"),
        extra="diffusion",
        source="a model: diffusion:FOLDER, diffusion:FILE.safetensors or diffusion:OWNER/NAME",
        defaults=f"{_DIFFUSION}.foresight.suited:suited",
        estimate=f"{_DIFFUSION}.foresight.estimate:estimate",
        check=f"{_DIFFUSION}.names:check",
        check_files=f"{_DIFFUSION}.foresight.checked:check_paints",
    ),
)
