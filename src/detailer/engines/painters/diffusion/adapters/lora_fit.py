"""Fit: an adapter's changes on a pipeline's layers, or why they are not for it."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass, field
from math import prod
from pathlib import Path

import torch

from detailer.engines.painters.diffusion.adapters.adapter_file import AdapterFile
from detailer.engines.painters.diffusion.adapters.changes import Change
from detailer.engines.painters.diffusion.adapters.forms import LowRank
from detailer.engines.painters.diffusion.adapters.layers import Layer, Layers
from detailer.engines.painters.diffusion.loading.faults import as_engine_error
from detailer.errors import EngineError

log = logging.getLogger(__name__)

_SHOWN = 8
_UNKNOWN_FORMS = ((".oft_", "OFT"), (".boft_", "BOFT"), (".a1.weight", "GLoRA"))
_WIDTHS = {
    768: "Stable Diffusion 1",
    1024: "Stable Diffusion 2",
    1280: "the SDXL refiner",
    2048: "SDXL",
}
_MARKS = (
    ("distilled_guidance_layer", "Chroma"),
    ("single_transformer_blocks", "Flux"),
    ("double_blocks", "Flux"),
    ("joint_blocks", "Stable Diffusion 3"),
    ("img_mlp", "Qwen-Image"),
    ("context_refiner", "Z-Image"),
    ("lora_te2_", "SDXL"),
    ("text_encoder_2", "SDXL"),
    ("add_k_proj", "Stable Diffusion 3"),
)


@dataclass(eq=False)
class Fitted:
    """A change and the layer that it is for; kept on the device where it was last used."""

    layer: Layer
    change: Change
    _there: tuple[torch.device, Change] | None = field(default=None, repr=False)

    def on(self, device: torch.device) -> Change:
        """The change on a device."""
        if self._there is None or self._there[0] != device:
            self._there = device, self.change.to(device)
        return self._there[1]

    def rest(self) -> None:
        """Lets go of what lies on a device."""
        self._there = None


def fitted(file: AdapterFile, layers: Layers) -> list[Fitted]:
    """The changes of a file that are for a pipeline; of the others a warning tells.

    Raises:
        EngineError: If nothing in the file is for it, or a layer has another size; it names the
            family that the file was made for where that can be told.
    """
    made_for = _family(file)
    found = {name: layers.find(name) for name in file.changes}
    fit: list[Fitted] = []
    for name, layer in found.items():
        if layer is not None:
            change = file.changes[name]
            _check_size(file.path, change, layer, made_for)
            fit.append(Fitted(layer, change))
    strange = [key for name, layer in found.items() if layer is None for key in file.keys[name]]
    left = [*strange, *file.unread]
    if not fit and not file.embeddings:
        raise EngineError(_nothing(file, left, made_for))
    if left:
        total = len(left) + sum(len(file.keys[name]) for name, layer in found.items() if layer)
        log.warning(
            "%s: %d of its %d tensors are not applied%s: %s",
            file.path, len(left), total, _form(left), _shown(left),
        )  # fmt: skip
    return fit


def _check_size(path: Path, change: Change, layer: Layer, made_for: str) -> None:
    for taken, given, way in _sizes(path, change, layer):
        if taken != given:
            raise EngineError(
                f"{path} is not for this model: {layer.part}.{layer.name} {way} {taken} numbers"
                f" in it, here {given}{_hint(made_for)}"
            )


def _sizes(path: Path, change: Change, layer: Layer) -> Iterable[tuple[int, int, str]]:
    """What comes out of a layer and what goes in, by the file and by the model."""
    rows, columns = layer.size[0], prod(layer.size[1:])
    if change.bias is not None:
        yield change.bias.numel(), rows, "gives"
    if change.difference is None:
        return
    with as_engine_error(f"{path}: {layer.part}.{layer.name}"):
        # Shapes alone: nothing is computed.
        matrix = change.difference.to(torch.device("meta")).matrix()
    yield matrix.numel() // matrix.shape[0], columns, "takes"
    yield matrix.shape[0], rows, "gives"
    if change.magnitude is not None:
        if len(layer.size) < 2:
            raise EngineError(
                f"{path}: {layer.part}.{layer.name} has a magnitude, which only a matrix can have"
            )
        expected = rows if change.by_rows else layer.size[1]
        yield change.magnitude.numel(), expected, "has a magnitude of"


def _family(file: AdapterFile) -> str:
    """What the file seems to be made for; empty if nothing tells."""
    for mark, family in _MARKS:
        if any(mark in name for name in file.changes):
            return family
    for name, change in file.changes.items():
        reads_text = "attn2" in name and "to_k" in name
        if reads_text and isinstance(change.difference, LowRank):
            return _WIDTHS.get(change.difference.down.shape[1], "")
    return ""


def _nothing(file: AdapterFile, left: list[str], made_for: str) -> str:
    form = _form(left)
    if form and not file.changes:
        return f"{file.path} cannot be applied{form}; known are LoRA, DoRA, LoHa and LoKr"
    said = "nothing in it is the name of an adapter's layer"
    if file.changes:
        said = (
            f"none of its {len(file.changes)} layers is in it, such as {next(iter(file.changes))}"
        )
    return f"{file.path} is not for this model: {said}{_hint(made_for)}"


def _form(keys: list[str]) -> str:
    forms = [form for mark, form in _UNKNOWN_FORMS if any(mark in key for key in keys)]
    return f", as {' and '.join(forms)} is not known here" if forms else ""


def _shown(keys: list[str]) -> str:
    more = f" and {len(keys) - _SHOWN} more" if len(keys) > _SHOWN else ""
    return ", ".join(keys[:_SHOWN]) + more


def _hint(family: str) -> str:
    return f"; it was made for {family}" if family else ""
