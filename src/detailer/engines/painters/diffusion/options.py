"""Options: what the machine and the model files are; how something is painted stands in Paint."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from detailer.core.settings import Settings


class Options(Settings):
    """How a diffusion model is loaded and run; the same picture comes out on every machine."""

    device: str = Field("auto", description="auto, cpu, cuda, cuda:1 or mps.")
    dtype: Literal["auto", "fp32", "fp16", "bf16"] = Field(
        "auto", description="Precision of the networks; latents and samplers keep fp32."
    )
    memory: Literal["none", "model", "group"] = Field(
        "none",
        description="What moves off the device while it is not used: nothing, whole networks, "
        "or groups of layers.",
    )
    tile_vae_above: int = Field(
        1536, ge=256, le=65536, description="Longer painted sides go through the VAE in tiles, px."
    )
    compile: bool = Field(False, description="Compile the network; pays on GPUs with many steps.")
    cache: Literal["none", "first_block", "taylor"] = Field(
        "none",
        description="Layers of a transformer that hardly change are not computed again; faster,"
        " and not quite the same picture.",
    )
    taesd: str = Field(
        "",
        description="A tiny VAE that shows the regions after every step, such as"
        " madebyollin/taesd.",
    )
    batching: Literal["auto", "on", "off"] = Field(
        "auto", description="Several regions in one pass; auto: not on CPUs, where it buys nothing."
    )
    config: str = Field(
        "", description="Folder with a model's configuration, so that nothing is looked up."
    )
    revision: str = Field("", description="Commit, branch or tag of a model on the Hub.")
    variant: str = Field("", description="Variant of a model's files, such as fp16.")
    vae: str = Field("", description="Another VAE: a file, folder or Hub name.")
    loras: tuple[str, ...] = Field((), description="Folders in which <lora:name:weight> looks.")
    embeddings: tuple[str, ...] = Field((), description="Folders in which embedding:name looks.")
    allow_pickle: tuple[str, ...] = Field(
        (), description="Files that may be pickles; one can run any code when it is read."
    )
    step_noise: Literal["own", "comfyui", "comfyui-0.3.64"] = Field(
        "own",
        description="Noise of ancestral and SDE samplers: each region's own and alike on every "
        "device, or as ComfyUI draws it; until December 2025 it drew another one on CPUs, as "
        "0.3.64 does.",
    )
