"""Card: what a model is, as far as its configuration and headers tell, without its weights."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

Prediction: TypeAlias = Literal["epsilon", "v_prediction", "sample", "flow", "edm"]

HOLE_CHANNELS: Final = (9, 384)
"""Input channels of models made for inpainting: of UNets, and of Flux Fill's packed latents."""


@dataclass(frozen=True, slots=True)
class Part:
    """One network of a model: its name in a pipeline, its numbers, and its bytes in the files."""

    name: str
    parameters: int
    bytes: int


@dataclass(frozen=True, slots=True)
class Card:
    """What a model is.

    `family` is one of FAMILIES, or "other" for what only diffusers' own pipeline can run.
    `channels` enter its denoiser. `guided` says that guidance is built into it (FLUX.1-dev).
    `few_steps` says that it was distilled to run in a few steps. `version` tells models of one
    family apart where that matters for defaults, such as sd35_large.
    """

    family: str
    parts: tuple[Part, ...] = ()
    prediction: Prediction = "epsilon"
    channels: int = 4
    guided: bool = False
    zero_snr: bool = False
    few_steps: bool = False
    version: str = ""
    pipeline: str = ""

    @property
    def inpaint(self) -> bool:
        """Whether it sees the mask and the picture with a hole."""
        return self.channels in HOLE_CHANNELS

    @property
    def flow(self) -> bool:
        """Whether it was trained on flows, from noise straight to a picture."""
        return self.prediction == "flow"

    @property
    def parameters(self) -> int:
        """Numbers in all its networks."""
        return sum(part.parameters for part in self.parts)

    @property
    def bytes(self) -> int:
        """Bytes of all its networks in the files."""
        return sum(part.bytes for part in self.parts)

    def bytes_at(self, width: int) -> int:
        """Bytes of all its networks, loaded with so many bytes for each number."""
        return self.parameters * width

    def largest_at(self, width: int) -> int:
        """Bytes of its largest network: what must fit where whole networks are moved."""
        return max((part.parameters for part in self.parts), default=0) * width

    def has(self, name: str) -> bool:
        """Whether its files hold a network."""
        return any(part.name == name for part in self.parts)


@dataclass(frozen=True, slots=True)
class Build:
    """How a family is put together.

    `denoiser` is unet or transformer, `texts` are its text encoders by the beginnings of their
    names in a single file, `pipeline` is diffusers' class, `repository` is where diffusers looks
    for the configuration.
    """

    denoiser: str
    texts: Mapping[str, str]
    pipeline: str
    repository: str

    @property
    def parts(self) -> tuple[str, ...]:
        """The networks that it cannot do without."""
        return (self.denoiser, "vae", *dict.fromkeys(self.texts.values()))


_SD = {"cond_stage_model.": "text_encoder"}
_T5 = "text_encoders.t5xxl."
_CLIP_L = "text_encoders.clip_l."

FAMILIES: Final[Mapping[str, Build]] = {
    "sd15": Build(
        "unet", _SD, "StableDiffusionPipeline", "stable-diffusion-v1-5/stable-diffusion-v1-5"
    ),
    "sd2": Build("unet", _SD, "StableDiffusionPipeline", "stabilityai/stable-diffusion-2-1"),
    "sdxl": Build(
        "unet",
        {
            "conditioner.embedders.0.": "text_encoder",
            "conditioner.embedders.1.": "text_encoder_2",
        },
        "StableDiffusionXLPipeline",
        "stabilityai/stable-diffusion-xl-base-1.0",
    ),
    "sdxl_refiner": Build(
        "unet",
        {"conditioner.embedders.0.": "text_encoder_2"},
        "StableDiffusionXLImg2ImgPipeline",
        "stabilityai/stable-diffusion-xl-refiner-1.0",
    ),
    "sd3": Build(
        "transformer",
        {
            _CLIP_L: "text_encoder",
            "text_encoders.clip_g.": "text_encoder_2",
            _T5: "text_encoder_3",
        },
        "StableDiffusion3Pipeline",
        "stabilityai/stable-diffusion-3-medium-diffusers",
    ),
    "flux": Build(
        "transformer",
        {_CLIP_L: "text_encoder", _T5: "text_encoder_2"},
        "FluxPipeline",
        "black-forest-labs/FLUX.1-dev",
    ),
    "chroma": Build(
        "transformer", {_T5: "text_encoder"}, "ChromaPipeline", "lodestones/Chroma1-HD"
    ),
    "qwen_image": Build(
        "transformer",
        {"text_encoders.qwen25_7b.": "text_encoder"},
        "QwenImagePipeline",
        "Qwen/Qwen-Image",
    ),
    "z_image": Build(
        "transformer",
        {"text_encoders.qwen3_4b.": "text_encoder"},
        "ZImagePipeline",
        "Tongyi-MAI/Z-Image-Turbo",
    ),
}
"""The families that have an adapter."""
