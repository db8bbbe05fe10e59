"""IP-Adapters: read from the files that people have, with the image encoder each was made for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeAlias

import numpy as np
import torch
from huggingface_hub import hf_hub_download, snapshot_download
from PIL import Image
from torch import Tensor
from transformers import CLIPVisionModelWithProjection

from detailer.core.paths import local_path
from detailer.core.pixels import Pixels, to_bytes
from detailer.engines.files.models import is_offline
from detailer.engines.painters.diffusion.loading.faults import as_engine_error
from detailer.engines.painters.diffusion.loading.headers import read_header
from detailer.engines.painters.diffusion.loading.quiet import quiet
from detailer.engines.painters.diffusion.loading.shards import read_json
from detailer.engines.painters.diffusion.loading.tensors import read_tensors
from detailer.errors import EngineError, InputError, MissingEngineError

Kind: TypeAlias = Literal["plain", "plus", "full"]

_ENCODER = "image_encoder"
_FACES = ("perceiver_resampler.proj_in.weight", "norm.weight")
_MEAN = np.array([0.48145466, 0.4578275, 0.40821073], np.float32)
_DEVIATION = np.array([0.26862954, 0.26130258, 0.27577711], np.float32)


@dataclass(frozen=True, eq=False)
class IpAdapter:
    """An IP-Adapter's tensors as diffusers takes them, and its image encoder.

    A "plain" one sees the encoder's summary of a picture, the others its last but one layer.
    """

    name: str
    kind: Kind
    weights: Mapping[str, Mapping[str, Tensor]]
    encoder: Any

    def embedded(self, pixels: Pixels) -> tuple[Tensor, Tensor]:
        """What it sees of a picture (h, w, 3), and of none: each (1, width) or (1, n, width)."""
        side = int(self.encoder.config.image_size)
        seen = torch.from_numpy(_as_clip_sees(pixels, side))[None]
        seen = seen.to(self.encoder.device, self.encoder.dtype)
        if self.kind == "plain":
            summary = self.encoder(seen).image_embeds
            return summary, torch.zeros_like(summary)
        layers = (
            self.encoder(each, output_hidden_states=True).hidden_states[-2]
            for each in (seen, torch.zeros_like(seen))
        )
        return next(layers), next(layers)


def open_ip_adapter(name: str, device: torch.device, dtype: torch.dtype) -> IpAdapter:
    """An IP-Adapter of SD1.5 or SDXL.

    Args:
        name: A .safetensors file, a folder with one such file, or a file on the Hub as
            owner/name/path/file.safetensors. The image encoder is a folder `image_encoder`
            beside the file, or in the folder `models` next to it, as on the Hub.
        device: Where the encoder runs.
        dtype: Its precision.

    Raises:
        InputError: If it is no safetensors file.
        MissingEngineError: If the file or its image encoder is not there.
        EngineError: If it is broken, or of a kind that needs more than a picture.
    """
    file = _file(name)
    tensors = read_tensors(file).named
    weights = {
        part: {
            k.removeprefix(f"{part}."): v for k, v in tensors.items() if k.startswith(f"{part}.")
        }
        for part in ("image_proj", "ip_adapter")
    }
    kind = _kind(weights, file)
    folder = _encoder_for(weights["image_proj"], kind, file)
    with quiet(), as_engine_error(folder):
        encoder: Any = CLIPVisionModelWithProjection.from_pretrained(
            str(folder), dtype=dtype, use_safetensors=True, local_files_only=True
        )
    return IpAdapter(name, kind, weights, encoder.to(device).eval().requires_grad_(False))


def _kind(weights: Mapping[str, Mapping[str, Tensor]], file: Path) -> Kind:
    image = weights["image_proj"]
    if not image or not weights["ip_adapter"]:
        raise EngineError(f"{file} is no IP-Adapter of a UNet: it has no image_proj or ip_adapter")
    if "proj.weight" in image:
        return "plain"
    if "proj.3.weight" in image:
        return "full"
    if any(key in image for key in _FACES):
        raise EngineError(
            f"{file} is an IP-Adapter of FaceID's kind, which needs InsightFace's embedding of a"
            " face; take ip-adapter-plus-face instead"
        )
    if "latents" in image and "proj_in.weight" in image:
        return "plus"
    raise EngineError(f"{file} is an IP-Adapter of an unknown kind: {', '.join(sorted(image)[:3])}")


def _encoder_for(image: Mapping[str, Tensor], kind: Kind, file: Path) -> Path:
    """The encoder's folder of the right width; SDXL's adapters come with either of two."""
    layer = {"plain": "proj.weight", "plus": "proj_in.weight", "full": "proj.0.weight"}[kind]
    wanted = int(image[layer].shape[-1])
    found = []
    for folder in (file.parent / _ENCODER, file.parent.parent / "models" / _ENCODER):
        if (folder / "config.json").is_file():
            config = read_json(folder / "config.json")
            width = config.get("projection_dim" if kind == "plain" else "hidden_size")
            if width == wanted:
                return folder
            found.append(f"{folder} has {width}")
    seen = f" ({'; '.join(found)})" if found else ""
    raise MissingEngineError(
        f"{file} needs an image encoder of width {wanted}{seen}; put its config.json and"
        f" model.safetensors into {file.parent / _ENCODER}"
    )


def check_ip_adapter(name: str) -> None:
    """Refuses an IP-Adapter that is not there, or broken; one on the Hub may still be fetched.

    Raises:
        InputError, MissingEngineError, EngineError: As `open_ip_adapter` does.
    """
    if local_path(name).exists() or is_offline() or name.count("/") < 2:
        read_header(_file(name))


def _file(name: str) -> Path:
    path = local_path(name)
    if path.is_dir():
        files = sorted(path.glob("*.safetensors"))
        if len(files) != 1:
            held = ", ".join(each.name for each in files) or "none"
            raise InputError(f"IP-Adapter {path} holds {held}; give one .safetensors file of it")
        return files[0]
    if path.suffix.lower() != ".safetensors":
        raise InputError(
            f"IP-Adapter {name}: give a .safetensors file, its folder, or"
            " owner/name/path/file.safetensors on the Hub"
        )
    return path if path.is_file() else _fetched(name)


def _fetched(name: str) -> Path:
    owner, _, rest = name.partition("/")
    repository, _, inside = rest.partition("/")
    if not inside:
        raise MissingEngineError(f"IP-Adapter {name}: no such file")
    try:
        file = hf_hub_download(f"{owner}/{repository}", inside, local_files_only=is_offline())
        snapshot_download(
            f"{owner}/{repository}",
            allow_patterns=list(_encoder_patterns(inside)),
            local_files_only=is_offline(),
        )
    except (OSError, ValueError) as error:
        state = "the network is off" if is_offline() else " ".join(str(error).split())[:200]
        raise MissingEngineError(
            f"IP-Adapter {name}: no such file, and from the Hub it cannot be had ({state})"
        ) from error
    return Path(file)


def _encoder_patterns(inside: str) -> Iterator[str]:
    for folder in {Path(inside).parent, Path("models")}:
        for file in ("config.json", "model.safetensors"):
            yield (folder / _ENCODER / file).as_posix()


def _as_clip_sees(pixels: Pixels, side: int) -> np.ndarray[Any, np.dtype[np.float32]]:
    """(3, side, side): the middle square, by the resampling that CLIP was trained with."""
    image = Image.fromarray(to_bytes(pixels))
    shorter = min(image.size)
    width, height = (max(side, int(each * side / shorter)) for each in image.size)
    large = image.resize((width, height), Image.Resampling.BICUBIC)
    left, top = (width - side) // 2, (height - side) // 2
    middle = np.asarray(large.crop((left, top, left + side, top + side)), np.float32) / 255
    return np.ascontiguousarray(((middle - _MEAN) / _DEVIATION).transpose(2, 0, 1))
