"""Paint: how a patch is to be painted. Every patch carries its own."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from detailer.core.settings import Settings

Seed = Annotated[int, Field(ge=0, lt=2**64)]


class Paint(Settings):
    """What the painter is told; one without prompts or randomness ignores what is not its own."""

    painter: str = Field("auto", description="Painter: a name, or name:path of its model.")
    prompt: str = Field("", description="What the painter should draw.")
    negative: str = Field("", description="What it should not draw.")
    denoise: float = Field(0.5, gt=0, le=1, description="How far it may depart from the original.")
    denoise_power: float = Field(
        0.0, ge=-10, le=10, description="Less denoise for larger regions: (1 - area share)^power."
    )
    steps: int = Field(20, ge=1, le=10000, description="Denoising steps; that many always run.")
    cfg: float = Field(8.0, ge=0, le=100, description="How strictly the prompt is followed.")
    sampler_name: str = Field("euler", description="Sampler, by ComfyUI's name.")
    scheduler: str = Field("normal", description="Noise schedule, by ComfyUI's name.")
    seed: Seed = Field(0, description="Start of all randomness.")
    seed_mode: Literal["stable", "increment", "same"] = Field(
        "stable",
        description="stable: from seed, label and place, whatever else is found; "
        "increment: seed + index as ComfyUI's nodes do; same: one seed for all.",
    )
    noise_mask: bool = Field(True, description="Repaint only the mask, not the whole crop.")
    noise_mask_feather: int = Field(
        20, ge=0, le=100, description="Softness of that mask, in pixels of the crop."
    )
    cycle: int = Field(1, ge=1, le=10, description="How many times it is painted in a row.")
    batch_size: int = Field(4, ge=1, le=1000, description="Regions painted at once at most.")
