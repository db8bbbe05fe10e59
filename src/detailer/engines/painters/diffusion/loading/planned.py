"""Planned: what the parts of a checkpoint are to be made of, before any is."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from detailer.core.paths import local_path
from detailer.engines.painters.diffusion.loading.card import FAMILIES, Card
from detailer.engines.painters.diffusion.loading.download import fetched_configuration
from detailer.engines.painters.diffusion.loading.families import card_of_file
from detailer.engines.painters.diffusion.loading.folders import (
    Index,
    card_of_folder,
    read_index,
)
from detailer.engines.painters.diffusion.loading.layouts import KNOWN, write_layout
from detailer.engines.painters.diffusion.loading.parts import is_network
from detailer.engines.painters.diffusion.loading.shards import weights_file
from detailer.engines.painters.diffusion.loading.source import INDEX
from detailer.engines.painters.diffusion.loading.telling import DENOISER, VAE
from detailer.engines.painters.diffusion.loading.tensors import (
    Tensors,
    with_present_names,
)
from detailer.engines.painters.diffusion.loading.tokenizers import has_packaged_clip
from detailer.engines.painters.diffusion.options import Options
from detailer.errors import EngineError, InputError

# Two kinds of Stable Diffusion share all but their text encoder's width.
_ALIKE = {"sd2": "sd15"}
# What a pipeline runs without, though with a weaker grasp of the prompt.
_SPARED = {"sd3": ("text_encoder_3",)}


@dataclass(frozen=True, eq=False)
class Work:
    """What the parts are made of: the file's tensors, a folder's configuration, and the card."""

    tensors: Tensors
    card: Card
    index: Index
    options: Options

    @property
    def path(self) -> Path:
        """The file."""
        return self.tensors.header.path

    @property
    def networks(self) -> list[str]:
        """The parts with weights that are somewhere."""
        names = [name for name in self.index.parts if is_network(self.index, name)]
        return [name for name in names if self.place(name) != "nowhere"]

    @property
    def texts(self) -> Collection[str]:
        """The text encoders."""
        return FAMILIES[self.card.family].texts.values()

    def place(self, name: str) -> str:
        """Where a part comes from: given, file, folder or nowhere."""
        if name == "vae" and self.options.vae:
            return "given"
        if self.card.has(name):
            return "file"
        there = weights_file(self.index.folder / name, self.options.variant)
        return "folder" if there else "nowhere"

    def held(self, name: str) -> Mapping[str, torch.Tensor]:
        """The tensors of a part that comes from the file."""
        if name in self.texts:
            return _text_tensors(self, name)
        if name == "vae":
            return {key: each for key, each in self.tensors.named.items() if key.startswith(VAE)}
        return _denoiser(self)

    def changes(self, name: str) -> dict[str, Any]:
        """Settings of a part in which the file is another model than the folder."""
        return {} if name == "vae" else _changes(self, name)


def planned_single(tensors: Tensors, options: Options, scratch: Path) -> Work:
    """What a checkpoint's parts are to be made of, before any is; `scratch` is an empty folder.

    Raises:
        MissingEngineError, EngineError: As `open_single` does, but for what loading itself shows.
    """
    tensors = with_present_names(tensors)
    card, path = card_of_file(tensors.header), tensors.header.path
    if card.prediction == "edm":
        raise EngineError(f"{path} was trained in EDM's manner; give its diffusers folder")
    index = read_index(_configuration(tensors, card, options, scratch))
    _check_family(card, index, path)
    work = Work(tensors, card, index, options)
    _check_parts(work)
    return work


def _configuration(tensors: Tensors, card: Card, options: Options, scratch: Path) -> Path:
    """A folder that is given, else one that is written from the file's shapes, else the Hub's."""
    if options.config:
        folder = local_path(options.config)
        if not (folder / INDEX).is_file():
            raise InputError(f"config={options.config} is no diffusers folder: it has no {INDEX}")
        return folder
    original = any(name.endswith("input_blocks.0.0.weight") for name in tensors.named)
    if card.family in KNOWN and original and has_packaged_clip():
        write_layout(card, tensors.header, scratch)
        return scratch
    return fetched_configuration(FAMILIES[card.family], tensors.header.path)


def _check_family(card: Card, index: Index, path: Path) -> None:
    told = card_of_folder(index.folder).family
    if told == "other" or _ALIKE.get(told, told) == _ALIKE.get(card.family, card.family):
        return
    raise EngineError(f"{path} is a {card.family} model, and {index.folder} configures {told}")


def _check_parts(work: Work) -> None:
    """Names everything that is missing before anything is loaded."""
    wanted = [name for name in FAMILIES[work.card.family].parts if name in work.index.parts]
    lacking = [name for name in wanted if work.place(name) == "nowhere"]
    lacking = [name for name in lacking if name not in _SPARED.get(work.card.family, ())]
    if lacking:
        held = ", ".join(part.name for part in work.card.parts)
        vae = "vae=FILE, or " if lacking == ["vae"] else ""
        raise EngineError(
            f"{work.path} holds {held} and lacks {', '.join(lacking)}; give {vae}config=FOLDER of"
            " a whole diffusers model whose parts are taken"
        )


def _text_tensors(work: Work, name: str) -> dict[str, torch.Tensor]:
    texts = FAMILIES[work.card.family].texts
    own = tuple(begin for begin, part in texts.items() if part == name)
    return {key: each for key, each in work.tensors.named.items() if key.startswith(own)}


def _denoiser(work: Work) -> Mapping[str, torch.Tensor]:
    """The denoiser's tensors, named as diffusers wants to find them."""
    named = work.tensors.named
    inner = {k[len(DENOISER) :]: each for k, each in named.items() if k.startswith(DENOISER)}
    inner = inner or dict(named)
    # Its converters take bare names, but for UNets, where they want the whole.
    if "input_blocks.0.0.weight" in inner:
        return {f"{DENOISER}{name}": each for name, each in inner.items()}
    return inner


def _changes(work: Work, name: str) -> dict[str, Any]:
    """Settings in which the file is another model than the folder, as inpainting models are."""
    config = work.index.config(name)
    changes: dict[str, Any] = {}
    if work.card.inpaint and config.get("in_channels") != work.card.channels:
        changes["in_channels"] = work.card.channels
        changes |= {"out_channels": config["in_channels"]} if work.card.family == "flux" else {}
    if work.card.family == "flux" and bool(config.get("guidance_embeds")) != work.card.guided:
        changes["guidance_embeds"] = work.card.guided
    return changes
