"""Pipeline: opens a model as the diffusers pipeline that holds its parts."""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import diffusers
import torch
from diffusers import DiffusionPipeline

from detailer.engines.device import device_of
from detailer.engines.painters.diffusion.loading.card import Card
from detailer.engines.painters.diffusion.loading.device import dtype_of, vae_dtype_of
from detailer.engines.painters.diffusion.loading.download import fetched_folder
from detailer.engines.painters.diffusion.loading.faults import as_engine_error
from detailer.engines.painters.diffusion.loading.folders import (
    LEFT_OUT,
    Index,
    card_of_folder,
    read_index,
)
from detailer.engines.painters.diffusion.loading.memory import place
from detailer.engines.painters.diffusion.loading.parts import networks_of, part_of_folder
from detailer.engines.painters.diffusion.loading.quiet import quiet
from detailer.engines.painters.diffusion.loading.single import open_single
from detailer.engines.painters.diffusion.loading.source import Source
from detailer.engines.painters.diffusion.loading.tokenizing import tokenizers_for
from detailer.engines.painters.diffusion.loading.vae import open_vae
from detailer.engines.painters.diffusion.options import Options
from detailer.errors import EngineError


@dataclass(frozen=True, eq=False)
class Loaded:
    """A model that is ready: a diffusers pipeline as the holder of its parts.

    `dtype` is that of the denoiser and the text encoders; the VAE has its own.
    """

    pipe: Any
    card: Card
    device: torch.device
    dtype: torch.dtype


def open_pipeline(source: Source, options: Options) -> Loaded:
    """A model, loaded and on its device.

    Args:
        source: A folder, a single file or a Hub name.
        options: device, dtype, memory, config, revision, variant, vae, allow_pickle and
            tile_vae_above are used.

    Raises:
        InputError: If a file may not be read, or options contradict each other.
        MissingEngineError: If something has to be fetched and cannot be.
        EngineError: If files are broken, do not fit together, or lack a part.
    """
    source.allow(options.allow_pickle)
    device = device_of(options.device)
    with quiet():
        if source.kind == "file":
            single = open_single(source, options, device)
            pipe, card, dtype = single.pipe, single.card, single.dtype
        else:
            folder = source.path if source.kind == "folder" else fetched_folder(source, options)
            card = card_of_folder(folder, options.variant)
            dtype = dtype_of(options.dtype, device, card.flow)
            pipe = _from_folder(folder, dtype, options)
        _settle(pipe, dtype, device)
        place(pipe, device, options)
    return Loaded(pipe, card, device, dtype)


def _from_folder(folder: Path, dtype: torch.dtype, options: Options) -> Any:
    index = read_index(folder)
    if not hasattr(diffusers, index.pipeline):
        raise EngineError(
            f"{folder} is a {index.pipeline}, which diffusers {diffusers.__version__} has not;"
            " run: pip install --upgrade diffusers"
        )
    known = inspect.signature(getattr(diffusers, index.pipeline).__init__).parameters
    given: dict[str, Any] = {name: None for name in LEFT_OUT if name in known}
    given |= tokenizers_for(index)
    given |= {name: _network(index, name, dtype, options) for name in networks_of(index)}
    load: Any = DiffusionPipeline.from_pretrained
    with as_engine_error(folder):
        return load(str(folder), dtype=dtype, use_safetensors=True, local_files_only=True, **given)


def _network(index: Index, name: str, dtype: torch.dtype, options: Options) -> Any:
    # The VAE comes whole, and is narrowed once its configuration says how far.
    if name == "vae" and options.vae:
        return open_vae(options.vae, index)
    wanted = torch.float32 if name == "vae" else dtype
    return part_of_folder(index, name, wanted, options.variant)


def _settle(pipe: Any, dtype: torch.dtype, device: torch.device) -> None:
    """Networks as they are used: never trained, the VAE in a precision that it bears."""
    vae = getattr(pipe, "vae", None)
    if vae is not None:
        vae.to(vae_dtype_of(dtype, bool(vae.config.get("force_upcast", True)), device))
    for part in pipe.components.values():
        if isinstance(part, torch.nn.Module):
            part.eval().requires_grad_(False)
