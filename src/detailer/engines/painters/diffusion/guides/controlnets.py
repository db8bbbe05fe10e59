"""ControlNets: loaded once each, and refused where they are not for the model at hand."""

from __future__ import annotations

import copy
import inspect
import json
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import torch
from diffusers import ControlNetModel, FluxControlNetModel, SD3ControlNetModel
from huggingface_hub import hf_hub_download, snapshot_download

from detailer.core.paths import local_path
from detailer.engines.files.hub import HubName
from detailer.engines.files.models import is_offline
from detailer.engines.painters.diffusion.loading.faults import as_engine_error
from detailer.engines.painters.diffusion.loading.headers import Header, read_header
from detailer.engines.painters.diffusion.loading.quiet import quiet
from detailer.engines.painters.diffusion.loading.shards import read_json, read_part
from detailer.errors import EngineError, InputError, MissingEngineError

_KINDS: Final[Mapping[str, Any]] = MappingProxyType(
    {
        "UNet2DConditionModel": ControlNetModel,
        "FluxTransformer2DModel": FluxControlNetModel,
        "SD3Transformer2DModel": SD3ControlNetModel,
    }
)
_WIDTHS = {768: "Stable Diffusion 1", 1024: "Stable Diffusion 2", 2048: "SDXL"}
# What a ControlNet shares with the network that it steers.
_SHARED: Final[Mapping[Any, tuple[str, ...]]] = MappingProxyType(
    {
        ControlNetModel: (
            "cross_attention_dim", "block_out_channels", "layers_per_block",
            "addition_embed_type", "projection_class_embeddings_input_dim",
        ),
        FluxControlNetModel: (
            "num_attention_heads", "attention_head_dim", "joint_attention_dim",
            "pooled_projection_dim",
        ),
        SD3ControlNetModel: ("num_attention_heads", "attention_head_dim", "pooled_projection_dim"),
    }
)  # fmt: skip


@dataclass(eq=False)
class ControlNets:
    """The ControlNets for one denoiser, by the names they are asked for."""

    denoiser: Any
    device: torch.device
    dtype: torch.dtype
    _opened: dict[str, Any] = field(default_factory=dict)

    def __call__(self, name: str) -> Any:
        """A ControlNet of a diffusers folder, a .safetensors file or a Hub name (or @revision).

        Raises:
            MissingEngineError: If it is not there.
            EngineError: If it is broken, or made for another model.
        """
        if name not in self._opened:
            net = self._open(name).to(self.device).eval().requires_grad_(False)
            if getattr(net, "pos_embed", True) is None:
                # Some of SD3.5's ControlNets see what the transformer has embedded.
                net.pos_embed = copy.deepcopy(self.denoiser.pos_embed).to(self.device, self.dtype)
            self._opened[name] = net
        return self._opened[name]

    def check(self, name: str) -> None:
        """Refuses what loading would, by headers alone; one on the Hub may still be fetched.

        Raises:
            InputError, MissingEngineError, EngineError: As calling does.
        """
        kind, path = self._kind(name), local_path(name)
        if path.is_file():
            self._checked_file(path, kind)
        elif path.is_dir():
            self._checked_folder(name, path, kind)
            if read_part(path) is None:
                raise EngineError(f"{path} lacks safetensors weights of a ControlNet")
        elif is_offline() or HubName.parse(name) is None:
            self._checked_folder(name, None, kind)

    def _kind(self, name: str) -> Any:
        kind = _KINDS.get(type(self.denoiser).__name__)
        if kind is None:
            made = type(self.denoiser).__name__
            raise EngineError(f"ControlNet {name}: there are none that steer a {made} here")
        return kind

    def _open(self, name: str) -> Any:
        kind, path = self._kind(name), local_path(name)
        if path.is_file():
            return self._of_file(path, kind)
        return self._of_folder(name, path if path.is_dir() else None, kind)

    def _checked_folder(self, name: str, folder: Path | None, kind: Any) -> None:
        config = (folder / "config.json") if folder else _fetched(name, "config.json")
        if not config.is_file():
            raise MissingEngineError(f"{folder} has no config.json of a ControlNet")
        # A few bytes tell whether the gigabytes are worth fetching.
        self._check(name, kind, read_json(config))

    def _of_folder(self, name: str, folder: Path | None, kind: Any) -> Any:
        self._checked_folder(name, folder, kind)
        place = folder or _fetched(name, "diffusion_pytorch_model*.safetensors*")
        with quiet(), as_engine_error(name):
            return kind.from_pretrained(
                str(place), use_safetensors=True, dtype=self.dtype, local_files_only=True
            )

    def _check(self, name: str, kind: Any, config: Mapping[str, Any]) -> None:
        made = config.get("_class_name", "")
        if made != kind.__name__:
            raise EngineError(
                f"{name} is a {made or 'folder without a model'}, {self._wants(kind)}"
            )
        if config.get("num_mode") is not None:
            raise EngineError(f"{name} is a union of ControlNets; take one of a single kind")
        if config.get("extra_conditioning_channels") or config.get("conditioning_channels", 3) != 3:
            raise EngineError(f"{name} sees more than a picture of three channels")
        for setting in _SHARED[kind]:
            theirs, ours = _plain(config.get(setting)), _plain(self.denoiser.config.get(setting))
            if setting in config and theirs != ours:
                raise EngineError(self._misfit(name, setting, theirs, ours))

    def _checked_file(self, path: Path, kind: Any) -> dict[str, Any]:
        """The configuration of a ControlNet in a single file."""
        if path.suffix.lower() not in (".safetensors", ".sft"):
            raise InputError(f"ControlNet {path}: only .safetensors files and folders are read")
        header = read_header(path)
        if kind is not ControlNetModel:
            raise EngineError(f"{path}: {self._wants(kind)}, which is read from its folder only")
        self._check_file(header)
        config = _like_the_unet(self.denoiser.config, header)
        _check_number(header, config)
        return config

    def _of_file(self, path: Path, kind: Any) -> Any:
        config = self._checked_file(path, kind)
        with tempfile.TemporaryDirectory() as folder:
            Path(folder, "config.json").write_text(json.dumps(config), encoding="utf-8")
            with quiet(), as_engine_error(path, self._wants(kind)):
                return kind.from_single_file(
                    str(path), config=folder, dtype=self.dtype, local_files_only=True
                )

    def _check_file(self, header: Header) -> None:
        names = header.weights
        if not any(key.endswith(("zero_convs.0.0.weight", "controlnet_mid_block.weight"))
                   for key in names):  # fmt: skip
            raise EngineError(f"{header.path} is no ControlNet")
        if any("control_add_embedding" in key or "task_embedding" in key for key in names):
            raise EngineError(f"{header.path} is a union of ControlNets; take one of a single kind")
        for key, weight in names.items():
            ours = self.denoiser.config.cross_attention_dim
            if key.endswith("attn2.to_k.weight") and weight.shape[1] != ours:
                name, theirs = str(header.path), weight.shape[1]
                raise EngineError(self._misfit(name, "cross_attention_dim", theirs, ours))

    def _misfit(self, name: str, setting: str, theirs: Any, ours: Any) -> str:
        theirs, ours = (
            f"{each} ({_WIDTHS[each]})" if isinstance(each, int) and each in _WIDTHS else each
            for each in (theirs, ours)
        )
        return (
            f"ControlNet {name} has {setting} {theirs}, the model has {ours};"
            " take one that was made for this kind of model"
        )

    def _wants(self, kind: Any) -> str:
        return f"a {type(self.denoiser).__name__} is steered by a {kind.__name__}"


def _fetched(name: str, pattern: str) -> Path:
    """A file of a repository on the Hub, or the folder of all files that fit a pattern."""
    repository, _, revision = name.partition("@")
    where: dict[str, Any] = {"local_files_only": is_offline(), "revision": revision or None}
    try:
        if "*" not in pattern:
            return Path(hf_hub_download(repository, pattern, **where))
        return Path(snapshot_download(repository, allow_patterns=["config.json", pattern], **where))
    except (OSError, ValueError) as error:
        state = "the network is off" if is_offline() else " ".join(str(error).split())[:200]
        raise MissingEngineError(
            f"ControlNet {name}: no such file or folder, and from the Hub it cannot be had: {state}"
        ) from error


def _check_number(header: Header, config: Mapping[str, Any]) -> None:
    """Refuses a file with more or fewer tensors: the library would pass over what is too much."""
    with torch.device("meta"), quiet():
        wanted = len(ControlNetModel.from_config(dict(config)).state_dict())
    held = len(header.under("control_model.") or header.weights)
    if held != wanted:
        raise EngineError(
            f"{header.path} holds {held} tensors, a ControlNet for this model has {wanted}:"
            " it is broken, or made for another model"
        )


def _like_the_unet(config: Mapping[str, Any], header: Header) -> dict[str, Any]:
    """A ControlNet's configuration: it is the first half of its UNet, and has eyes of its own."""
    known = inspect.signature(ControlNetModel.__init__).parameters
    shared = {name: config[name] for name in known if name in config}
    shared |= {"encoder_hid_dim": None, "encoder_hid_dim_type": None}
    shared |= {"_class_name": "ControlNetModel", "in_channels": config["out_channels"]}
    shapes = {name.removeprefix("control_model."): w.shape for name, w in header.weights.items()}
    ours, theirs = "controlnet_cond_embedding.", "input_hint_block."
    if f"{ours}conv_in.weight" in shapes:
        levels = [f"{ours}conv_in", *(f"{ours}blocks.{index}" for index in range(1, 9, 2))]
    else:
        levels = [f"{theirs}{index}" for index in range(0, 14, 4)]
    eyes = [shapes[f"{level}.weight"][0] for level in levels if f"{level}.weight" in shapes]
    return {**shared, "conditioning_embedding_out_channels": eyes}


def _plain(value: Any) -> Any:
    """JSON knows no tuples."""
    return list(value) if isinstance(value, tuple | list) else value
