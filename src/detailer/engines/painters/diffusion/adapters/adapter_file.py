"""Adapter file: what a file of LoRA, DoRA, LoHa, LoKr or plain differences holds, by layer."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from torch import Tensor

from detailer.engines.painters.diffusion.adapters.changes import Change
from detailer.engines.painters.diffusion.adapters.forms import (
    Difference,
    Factors,
    Hadamard,
    Kronecker,
    LowRank,
    Whole,
)
from detailer.engines.painters.diffusion.loading.faults import as_engine_error
from detailer.engines.painters.diffusion.loading.tensors import read_pickle, read_tensors

# What follows a layer's name, by what it is; in the spellings of kohya's scripts and LyCORIS, of
# diffusers before and with peft, and of XLabs, whose processors have two of each.
_ENDS: Final = tuple(
    (re.compile(rf"(?P<layer>.+?)(?:{end})"), role)
    for end, role in (
        (r"\.lora_down\.weight|\.lora_linear_layer\.down\.weight", "down"),
        (r"\.lora_up\.weight|\.lora_linear_layer\.up\.weight", "up"),
        (r"\.lora_A(?:\.\w+)??(?:\.weight)?", "down"),
        (r"\.lora_B(?:\.\w+)??(?:\.weight)?", "up"),
        (r"[._]lora(?P<which>[12]?)\.down\.weight", "down"),
        (r"[._]lora(?P<which>[12]?)\.up\.weight", "up"),
        (r"\.lora_mid\.weight", "core"),
        (r"\.alpha", "alpha"),
        (r"\.dora_scale", "dora_scale"),
        (r"\.lora_magnitude_vector(?:\.\w+)??(?:\.weight)?", "magnitude"),
        (r"\.(?P<role>hada_(?:w[12]_[ab]|t[12])|lokr_(?:w[12](?:_[ab])?|t2))", ""),
        (r"\.(?:diff|w_norm)", "diff"),
        (r"\.(?:diff_b|b_norm)", "diff_b"),
    )
)
_BUNDLED = re.compile(r"bundle_emb\.(?P<name>.+?)\.(?P<key>string_to_param\.\*|[^.]+)")
_NOTE = "lora_adapter_metadata"
# What is no weight: numbers in any shape.
_NUMBERS = ("alpha", "dora_scale", "magnitude", "diff_b")

Roles = dict[str, Tensor]


@dataclass(frozen=True, eq=False)
class AdapterFile:
    """The changes of a file by the names of their layers there, with all that is beside them.

    `keys` are those in the file that each change was made of; `unread` those that mean nothing
    known. `embeddings` are those that came bundled, by name and key.
    """

    path: Path
    changes: Mapping[str, Change]
    keys: Mapping[str, tuple[str, ...]]
    embeddings: Mapping[str, Mapping[str, Tensor]] = field(default_factory=dict)
    unread: tuple[str, ...] = ()


def read_adapter(path: Path) -> AdapterFile:
    """The changes that a file holds, whatever model they are for.

    Raises:
        EngineError: If the file is cut short or broken, or a layer's tensors do not fit together.
    """
    read = read_tensors if path.suffix.lower() == ".safetensors" else read_pickle
    tensors = read(path)
    layers: dict[str, Roles] = {}
    keys: dict[tuple[str, str], str] = {}
    embeddings: dict[str, dict[str, Tensor]] = {}
    unread: list[str] = []
    for key, tensor in tensors.named.items():
        bundled = _BUNDLED.fullmatch(key)
        layer, role = _split(key)
        if bundled:
            embeddings.setdefault(bundled["name"], {})[bundled["key"]] = tensor
        elif role:
            layers.setdefault(layer, {})[role] = tensor
            keys[layer, role] = key
        else:
            unread.append(key)
    noted = _Noted(tensors.header.notes.get(_NOTE, ""))
    changes: dict[str, Change] = {}
    used: dict[str, tuple[str, ...]] = {}
    for layer, roles in layers.items():
        with as_engine_error(f"{path}: {layer}"):
            change, taken = _change(roles, noted.scale(layer, roles))
        if change is not None:
            changes[layer] = change
            used[layer] = tuple(keys[layer, role] for role in taken if role in roles)
        unread += (keys[layer, role] for role in roles if change is None or role not in taken)
    return AdapterFile(path, changes, used, embeddings, tuple(unread))


def _split(key: str) -> tuple[str, str]:
    """A layer's name and what is said of it; two empty texts where nothing is."""
    for end, role in _ENDS:
        found = end.fullmatch(key)
        if found:
            named = found.groupdict()
            return named["layer"] + (named.get("which") or ""), role or named["role"]
    return "", ""


def _check_shapes(roles: Roles) -> None:
    """Raise ValueError for a weight that is empty or has fewer axes than all of its kind."""
    for role, tensor in roles.items():
        if role in _NUMBERS:
            continue
        axes = 2 if role in ("down", "up") else 1
        if tensor.ndim < axes or not tensor.numel():
            raise ValueError(f"its {role} has the shape {tuple(tensor.shape)}")


def _change(roles: Roles, scale: float | None) -> tuple[Change | None, tuple[str, ...]]:
    """What the tensors of a layer make together, and which of them."""
    _check_shapes(roles)
    difference, taken = _difference(roles, scale)
    bias = roles.get("diff_b")
    if difference is None and bias is None:
        return None, ()
    scaled = roles.get("dora_scale")
    magnitude = roles.get("magnitude") if scaled is None else scaled
    if difference is None or magnitude is None:
        return Change(difference, bias), (*taken, "diff_b")
    by_rows = scaled is None or _is_by_rows(scaled, difference)
    return Change(difference, bias, magnitude, by_rows), (
        *taken, "diff_b", "dora_scale", "magnitude",
    )  # fmt: skip


def _is_by_rows(magnitude: Tensor, difference: Difference) -> bool:
    """Whether it has one number for each row, which stand in the first axis if in one of many."""
    rows = difference.rows
    return magnitude.numel() == rows and (magnitude.ndim < 2 or magnitude.shape[0] == rows)


def _difference(roles: Roles, scale: float | None) -> tuple[Difference | None, tuple[str, ...]]:
    for wanted, make in _FORMS:
        if all(role in roles for role in wanted):
            made, taken = make(roles, scale)
            return made, (*taken, "alpha")
    return None, ()


def _low_rank(roles: Roles, scale: float | None) -> tuple[Difference, tuple[str, ...]]:
    down, up, core = roles["down"], roles["up"], roles.get("core")
    own = _scale(roles, down.shape[0]) if scale is None else scale
    return LowRank(down, up, core, own), ("down", "up", "core")


def _hadamard(roles: Roles, _scaled: float | None) -> tuple[Difference, tuple[str, ...]]:
    first = Factors(roles["hada_w1_a"], roles["hada_w1_b"], roles.get("hada_t1"))
    second = Factors(roles["hada_w2_a"], roles["hada_w2_b"], roles.get("hada_t2"))
    scale = _scale(roles, roles["hada_w1_b"].shape[0])
    return Hadamard(first, second, scale), tuple(role for role in roles if role.startswith("hada"))


def _kronecker(roles: Roles, _scaled: float | None) -> tuple[Difference, tuple[str, ...]]:
    first, second = (_factor(roles, f"lokr_w{one}") for one in (1, 2))
    ranks = [roles[name].shape[0] for name in ("lokr_w1_b", "lokr_w2_b") if name in roles]
    scale = _scale(roles, ranks[-1]) if ranks else 1.0
    return Kronecker(first, second, scale), tuple(role for role in roles if "lokr" in role)


def _factor(roles: Roles, name: str) -> Tensor:
    """A factor of LoKr: as it is, or the product of two, or of three where it has a kernel."""
    if name in roles:
        return roles[name]
    core = roles.get("lokr_t2") if name == "lokr_w2" else None
    return Factors(roles[f"{name}_a"], roles[f"{name}_b"], core).product()


def _whole(roles: Roles, _scaled: float | None) -> tuple[Difference, tuple[str, ...]]:
    return Whole(roles["diff"]), ("diff",)


_FORMS: Final = (
    (("down", "up"), _low_rank),
    (("hada_w1_a", "hada_w1_b", "hada_w2_a", "hada_w2_b"), _hadamard),
    (("lokr_w1", "lokr_w2"), _kronecker),
    (("lokr_w1", "lokr_w2_a", "lokr_w2_b"), _kronecker),
    (("lokr_w1_a", "lokr_w1_b", "lokr_w2"), _kronecker),
    (("lokr_w1_a", "lokr_w1_b", "lokr_w2_a", "lokr_w2_b"), _kronecker),
    (("diff",), _whole),
)


def _scale(roles: Roles, rank: int) -> float:
    alpha = roles.get("alpha")
    return 1.0 if alpha is None or alpha.numel() != 1 else float(alpha) / rank


class _Noted:
    """What diffusers notes in a file's header of the configuration of peft."""

    def __init__(self, text: str) -> None:
        try:
            held = json.loads(text) if text else {}
        except (ValueError, RecursionError):
            held = {}
        self._held: Mapping[str, Any] = held if isinstance(held, dict) else {}

    def scale(self, layer: str, roles: Roles) -> float | None:
        """alpha over rank of a layer; None where nothing is noted, or the layer says it itself.

        Raises:
            ValueError: If a pattern for layers' names is none.
        """
        part, _, name = layer.partition(".")
        alpha = self._held.get(f"{part}.lora_alpha")
        if "alpha" in roles or "down" not in roles or not isinstance(alpha, int | float):
            return None
        patterns = self._held.get(f"{part}.alpha_pattern")
        for pattern, own in patterns.items() if isinstance(patterns, dict) else ():
            if _is_meant(name, pattern):
                alpha = own
        rank = roles["down"].shape[0]
        return float(alpha) / (rank**0.5 if self._held.get(f"{part}.use_rslora") else rank)


def _is_meant(name: str, pattern: str) -> bool:
    """Whether one of peft's patterns, which need not begin where a name does, is for a layer."""
    try:
        return name == pattern or re.fullmatch(rf"(.*\.)?({pattern})", name) is not None
    except re.error as error:
        raise ValueError(f"alpha_pattern {pattern!r} in the header is none: {error}") from error
