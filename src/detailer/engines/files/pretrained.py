"""Pretrained: a model in Hugging Face's format, found and told apart without torch."""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from detailer.core.paths import local_path
from detailer.engines.files.hub import HubName
from detailer.errors import EngineError, InputError, MissingEngineError

if TYPE_CHECKING:
    import torch

CONFIG: Final = "config.json"
_DIFFUSION = "model_index.json"
_WEIGHTS = "model.safetensors"
_WORDS = ("*.json", "*.txt", "*.model")
_NUMBERS = (_WEIGHTS, "model-*.safetensors")
_PICKLES = (".bin", ".pt", ".pth", ".ckpt")
# Counters of how often a layer was trained; networks with frozen layers leave them out.
_IDLE = ("num_batches_tracked",)


@dataclass(frozen=True)
class Pretrained:
    """A folder with config.json, weights in safetensors and what its processor needs.

    `text` is how a person wrote it, `config` what config.json holds. Weights of a name on the
    Hub may still have to be fetched: `loaded` does that.
    """

    text: str
    folder: Path
    config: dict[str, Any] = field(repr=False)
    hub: HubName | None = None

    @property
    def kind(self) -> str:
        """What config.json calls the architecture: `sam2`, `rt_detr_v2`, …"""
        return str(self.config["model_type"])

    def check_kind(self, known: Collection[str], meant: str) -> None:
        """Raise InputError, listing what is known, unless the kind is known; `meant`: to whom."""
        if self.kind not in known:
            code = " and brings code of its own, which is not run" if _has_code(self.config) else ""
            raise InputError(
                f"{self.text} is a model of the kind {self.kind!r}{code}, which {meant} cannot use;"
                f" it knows: {', '.join(known)}"
            )

    def has(self, *files: str) -> bool:
        """Whether the folder holds any of these files."""
        return any((self.folder / file).is_file() for file in files)


def pretrained(text: str | Path) -> Pretrained:
    """What is in a folder, or in the Hub's cache under a name; its configuration is fetched there.

    Args:
        text: A folder, where one is; else `owner/name` or `owner/name@revision`.

    Raises:
        InputError: If it is something else: a file, a diffusion model, a folder of pickles.
        MissingEngineError: If it is not there and cannot be fetched.
        EngineError: If its configuration cannot be read.
    """
    text = str(text).strip()
    if not text:
        raise InputError("no model is given; give a folder or owner/name")
    path, hub = local_path(text), None
    if path.is_file():
        raise InputError(f"{path} is a file; {_instead_of(path)}")
    if not path.is_dir():
        hub = HubName.parse(text)
        if hub is None:
            raise MissingEngineError(
                f"nothing is at {path.absolute()}; a model is a folder with {CONFIG}, or a name"
                " on the Hub: owner/name"
            )
        path = hub.fetched(_WORDS)
    config = _configuration(text, path)
    if hub is None:
        _check_weights(text, path)
    return Pretrained(text, path, config, hub)


def loaded(
    model: Pretrained, model_class: Any, device: str = "auto", dtype: torch.dtype | None = None
) -> Any:
    """The network, on its device and ready to run: no training, no gradients.

    Args:
        model: Its folder; of a name on the Hub the weights are fetched if they are not there.
        model_class: A class of transformers, such as `transformers.Sam2Model`.
        device: auto, cpu, cuda, cuda:1 or mps.
        dtype: Of its numbers; float32 if None.

    Raises:
        InputError: If the device is not known, or there are only pickles.
        MissingEngineError: If the weights cannot be fetched.
        EngineError: If they are broken or do not fit, or the device is not here.
    """
    import torch

    from detailer.engines.device import device_of
    from detailer.engines.faults import as_engine_error, said
    from detailer.engines.quiet import quiet

    where = device_of(device)
    if model.hub:
        # The revision that the configuration came from, even if there is a newer one by now.
        HubName(model.hub.name, model.folder.name).fetched(_NUMBERS + _WORDS)
        _check_weights(model.text, model.folder)
    with quiet(), as_engine_error(model.text, "fetch it again if its files should be whole"):
        try:
            network, told = model_class.from_pretrained(
                model.folder,
                local_files_only=True,
                use_safetensors=True,
                dtype=dtype or torch.float32,
                output_loading_info=True,
                # Else it says no more than that there are some; they are refused below.
                ignore_mismatched_sizes=True,
            )
        except ImportError as error:
            raise MissingEngineError(
                f"{model.text} needs a library that is not installed: {said(error)}"
            ) from error
        _check_told(model, model_class, told)
        return network.to(where).eval().requires_grad_(False)


def _configuration(text: str, folder: Path) -> dict[str, Any]:
    if (folder / _DIFFUSION).is_file():
        raise InputError(
            f"{text} is a diffusion model ({_DIFFUSION} is in it): it paints, it finds nothing;"
            f" give it as painter: diffusion:{text}"
        )
    file = folder / CONFIG
    try:
        config = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        held = ", ".join(sorted(each.name for each in folder.iterdir())[:5]) or "nothing"
        raise InputError(
            f"{text} has no {CONFIG}, so it is no model in Hugging Face's format; it holds {held}"
        ) from error
    except (OSError, ValueError, RecursionError) as error:
        raise EngineError(f"{file} cannot be read: {error}; fetch it again") from error
    kind = config.get("model_type") if isinstance(config, dict) else None
    if not isinstance(kind, str) or not kind:
        code = (
            "; code of its own is not run" if isinstance(config, dict) and _has_code(config) else ""
        )
        raise InputError(f"{file} does not say what it is (model_type){code}")
    return dict(config)


def _has_code(config: dict[str, Any]) -> bool:
    return bool(config.get("auto_map"))


def _check_weights(text: str, folder: Path) -> None:
    if (folder / _WEIGHTS).is_file() or (folder / f"{_WEIGHTS}.index.json").is_file():
        return
    held = sorted(each.name for each in folder.iterdir() if each.suffix in _PICKLES)
    other = sorted(each.name for each in folder.glob("*.safetensors"))
    if other:
        raise InputError(f"{text} holds {other[0]}; weights are read from {_WEIGHTS}")
    if held:
        raise InputError(
            f"{text} holds its weights in a pickle ({held[0]}), which can run any code when it is"
            f" read; take a model with {_WEIGHTS}, or convert it where you trust it"
        )
    raise InputError(f"{text} has no {_WEIGHTS}; only safetensors are read, no pickles")


def _check_told(model: Pretrained, model_class: Any, told: dict[str, Any]) -> None:
    faults = {
        "it lacks": told["missing_keys"],
        "it has no place for": told["unexpected_keys"],
        "it has in another size": [name for name, _, _ in told["mismatched_keys"]],
    }
    for fault, keys in faults.items():
        names = sorted(name for name in keys if not name.endswith(_IDLE))
        if names:
            more = f" and {len(names) - 3} more" if len(names) > 3 else ""
            raise EngineError(
                f"{model.text} does not fit {model_class.__name__}: {fault}"
                f" {', '.join(names[:3])}{more}; its weights or its {CONFIG} are of another model"
            )


def _instead_of(path: Path) -> str:
    if path.suffix.lower() == ".onnx":
        return f"an ONNX file is run by yolo:{path} or yolox:{path}"
    if path.name in (CONFIG, _WEIGHTS):
        return f"give its folder: {path.parent}"
    if path.suffix.lower() in _PICKLES:
        return "a pickle, which can run any code when it is read; give a folder with safetensors"
    return f"give a folder with {CONFIG} and {_WEIGHTS}"
