"""Paint: how a patch is to be painted. Every patch carries its own."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from detailer.core.settings import Settings

Seed = Annotated[int, Field(ge=0, lt=2**64)]


def _text(value: Any) -> str:
    if value is None:
        return ""
    if not isinstance(value, str):
        raise PydanticCustomError("text", "it must be a text, in quotes")
    return value


Text = Annotated[str, BeforeValidator(_text)]
"""Words for a painter; None, as nodes and payloads have it, is the same as none."""


class Control(Settings):
    """What guides the painter besides words: a control image, or a reference face."""

    model: str = Field(description="The ControlNet or IP-Adapter: a file, folder or Hub name.")
    kind: Literal["control", "reference"] = Field(
        "control", description="control: a ControlNet; reference: an IP-Adapter."
    )
    image: str = Field(
        "", description="Picture file, laid over the picture and cut as it is; empty: the crop."
    )
    preprocessor: str = Field("", description="What makes the control image of the crop.")
    strength: float = Field(1.0, ge=0, le=10, description="How strongly it guides.")
    start: float = Field(0.0, ge=0, le=1, description="Share of the denoising where it sets in.")
    end: float = Field(1.0, ge=0, le=1, description="Share of the denoising where it ends.")


class Lora(Settings):
    """A LoRA that a region is painted with."""

    name: str = Field(description="Its file's name, with or without ending.")
    weight: float = Field(1.0, description="Its weight in the network.")
    text_weight: float = Field(
        1.0, description="Its weight in the text encoders; the same, where only the other is given."
    )
    blocks: str = Field("", description="Weights by blocks, as LBW= says them.")

    @model_validator(mode="before")
    @classmethod
    def _one_weight_for_both(cls, values: Any) -> Any:
        if isinstance(values, dict) and "weight" in values:
            return {"text_weight": values["weight"], **values}
        return values


class Paint(Settings):
    """What the painter is told; one without prompts or randomness ignores what is not its own."""

    painter: str = Field("auto", description="Painter: a name, or name:path of its model.")
    prompt: Text = Field(
        "",
        description="What the painter should draw; (word:1.2) weighs, <lora:name:0.8> adds, [SEP]"
        " divides it by region, [WHO] by person.",
    )
    negative: Text = Field("", description="What it should not draw.")
    main_prompt: Text = Field(
        "",
        description="Prompt of the whole picture: [PROMPT] and empty prompts of regions take it.",
    )
    main_negative: Text = Field("", description="The same for negative.")
    prompt_syntax: Literal["auto", "nodes", "adetailer"] = Field(
        "auto",
        description="How prompts are read and shared out to regions. nodes: after a tag such as"
        " [ASC], starting over at the end; adetailer: by [SEP], the last one goes on, and [word]"
        " weakens; auto: as the tag says, and brackets are letters.",
    )
    wildcards: tuple[str, ...] = Field((), description="Folders in which __name__ looks.")
    loras: tuple[Lora, ...] = Field((), description="LoRAs beside those of the prompt.")
    denoise: float = Field(0.5, gt=0, le=1, description="How far it may depart from the original.")
    denoise_power: float = Field(
        0.0, ge=-10, le=10, description="Less denoise for larger regions: (1 - area share)^power."
    )
    steps: int = Field(20, ge=1, le=10000, description="Denoising steps; that many always run.")
    cfg: float = Field(8.0, ge=0, le=100, description="How strictly the prompt is followed.")
    sampler_name: str = Field("euler", description="Sampler, by ComfyUI's name.")
    scheduler: str = Field("normal", description="Noise schedule, by ComfyUI's name.")
    sigmas: tuple[float, ...] = Field(
        (), description="Own noise levels, falling to 0, instead of the scheduler's."
    )
    seed: Seed = Field(0, description="Start of all randomness.")
    seed_mode: Literal["stable", "increment", "same"] = Field(
        "stable",
        description="stable: from seed, label and place, whatever else is found; "
        "increment: seed + index as ComfyUI's nodes do; same: one seed for all.",
    )
    noise_mask: bool = Field(True, description="Repaint only the mask, not the whole crop.")
    noise_mask_feather: int = Field(
        20,
        ge=0,
        le=100,
        description="Softness of that mask outward, in painted pixels, at most half as wide as the "
        "mask is thick; crop.compatible: half width of the nodes' blur, in pixels of the crop.",
    )
    mask_mode: Literal["auto", "hard", "blend", "differential", "differential_comfy", "off"] = (
        Field(
            "auto",
            description="How the mask acts while denoising. hard: all or nothing; blend: mixed at "
            "every step; differential: softer means later; differential_comfy: that with ComfyUI's "
            "last step; off: not at all; auto: differential where the mask is feathered.",
        )
    )
    mask_strength: float = Field(
        1.0,
        gt=0,
        le=1,
        description="differential: 1 lets go all at once, less mixes as blend does.",
    )
    cycle: int = Field(1, ge=1, le=10, description="How many times it is painted in a row.")
    batch_size: int = Field(4, ge=1, le=1000, description="Regions painted at once at most.")
    clip_skip: int = Field(
        0, ge=0, le=12, description="Which of CLIP's layers counts, from the last; 0: the model's."
    )
    shift: float = Field(
        0.0, ge=0, le=100, description="Noise shift of flow models; 0: the model's own."
    )
    guidance: float = Field(
        3.5, ge=0, le=100, description="Guidance that is built into the model, as Flux has it."
    )
    guider: str = Field("cfg", description="How prompt and negative are weighed; cfg, apg, …")
    inpaint_model: bool = Field(
        False, description="Show the model the crop with a hole, if it is one made for that."
    )
    controls: tuple[Control, ...] = Field((), description="Control images and references.")
    refiner: str = Field("", description="A model that does the last steps: its path or name.")
    refiner_ratio: float = Field(0.2, ge=0, le=1, description="The refiner's share of the steps.")
    refiner_prompt: Text = Field("", description="What the refiner draws; empty: the same.")
    refiner_negative: Text = Field("", description="What it should not draw; empty: the same.")
