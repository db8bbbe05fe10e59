"""VAE: one that is given beside a model, in a single file, a folder or on the Hub."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from huggingface_hub import snapshot_download

from detailer.core.paths import local_path
from detailer.engines.files.models import is_offline
from detailer.engines.painters.diffusion.loading.folders import Index, read_index
from detailer.engines.painters.diffusion.loading.parts import network_of_tensors, part_of_folder
from detailer.engines.painters.diffusion.loading.shards import read_json, read_part
from detailer.engines.painters.diffusion.loading.source import INDEX
from detailer.engines.painters.diffusion.loading.tensors import read_tensors
from detailer.errors import EngineError, MissingEngineError

_PATTERNS = ("config.json", "diffusion_pytorch_model*.safetensors*", "vae/*", INDEX)


def open_vae(text: str, index: Index) -> Any:
    """A VAE in fp32.

    Args:
        text: A safetensors file, a folder of a VAE or of a whole model, or a name on the Hub.
        index: The model it is for; a file alone takes its configuration.

    Raises:
        MissingEngineError: If nothing is there.
        EngineError: If it is broken, or made for latents of another kind.
    """
    path = local_path(text)
    if path.is_file():
        tensors = read_tensors(path)
        vae = network_of_tensors(tensors.named, index, "vae", torch.float32)
    else:
        vae = _of_folder(path if path.is_dir() else _fetched(text))
    wanted = index.config("vae").get("latent_channels")
    has = vae.config.get("latent_channels")
    if wanted and has and wanted != has:
        raise EngineError(f"vae={text} makes latents of {has} channels, the model needs {wanted}")
    return vae


def _of_folder(folder: Path) -> Any:
    if (folder / INDEX).is_file():
        index, place = read_index(folder), "vae"
    else:
        # A VAE's own folder is the part of a model that has nothing else.
        config = folder / "config.json"
        if not config.is_file():
            raise EngineError(f"vae={folder} holds neither {INDEX} nor config.json")
        name = str(read_json(config).get("_class_name", "AutoencoderKL"))
        index, place = Index(folder.parent, "", {folder.name: ("diffusers", name)}, {}), folder.name
    if read_part(index.folder / place) is None:
        raise EngineError(f"vae={folder} holds no safetensors weights of a VAE")
    return part_of_folder(index, place, torch.float32)


def _fetched(name: str) -> Path:
    try:
        folder = snapshot_download(
            name, allow_patterns=list(_PATTERNS), local_files_only=is_offline()
        )
    except (OSError, ValueError) as error:
        state = "the network is off" if is_offline() else " ".join(str(error).split())[:200]
        raise MissingEngineError(
            f"vae={name}: no such file or folder, and from the Hub it cannot be had ({state})"
        ) from error
    return Path(folder)
