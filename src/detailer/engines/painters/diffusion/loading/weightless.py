"""Weightless: a model put together of its files' headers alone, to see what loading would lack."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import torch
from diffusers.loaders.single_file_model import SINGLE_FILE_LOADABLE_CLASSES
from diffusers.loaders.single_file_utils import convert_open_clip_checkpoint

from detailer.core.paths import local_path
from detailer.engines.painters.diffusion.loading.faults import as_engine_error
from detailer.engines.painters.diffusion.loading.folders import Index, read_index
from detailer.engines.painters.diffusion.loading.headers import Header, read_header
from detailer.engines.painters.diffusion.loading.hub import cached_folder
from detailer.engines.painters.diffusion.loading.parts import (
    REMEDY,
    class_of,
    lacking,
    networks_of,
    single_file_class_of,
)
from detailer.engines.painters.diffusion.loading.planned import Work, planned_single
from detailer.engines.painters.diffusion.loading.quiet import quiet
from detailer.engines.painters.diffusion.loading.shards import read_part
from detailer.engines.painters.diffusion.loading.source import Source
from detailer.engines.painters.diffusion.loading.tensors import Tensors
from detailer.engines.painters.diffusion.options import Options
from detailer.errors import EngineError

_META = torch.device("meta")
# Names of an attention in VAEs that are older than diffusers' own ones.
_OLD_ATTENTION = (("query.", "to_q."), ("key.", "to_k."), ("value.", "to_v."))


def weightless(source: Source, options: Options) -> dict[str, Any]:
    """The networks of a source by name, on no device: their layers have shapes and no numbers.

    All is looked at that loading would look at, but for the numbers.

    Args:
        source: A folder, a safetensors file or a Hub name in the local cache; of a pickle and of
            what is not here nothing can be known, and nothing is returned.
        options: config, variant, vae and allow_pickle are used.

    Raises:
        InputError, MissingEngineError, EngineError: Where loading would raise them.
    """
    source.allow(options.allow_pickle)
    if source.is_pickle:
        return {}
    with quiet():
        if source.kind == "file":
            return _of_file(source, options)
        folder = source.path if source.kind == "folder" else cached_folder(source)
        return _of_folder(read_index(folder), options) if folder else {}


def _of_file(source: Source, options: Options) -> dict[str, Any]:
    header = read_header(source.path)
    tensors = Tensors(_placeholders(header), header)
    with tempfile.TemporaryDirectory(prefix="detailer-") as scratch:
        work = planned_single(tensors, options, Path(scratch))
        return {name: made for name in work.networks if (made := _part(work, name)) is not None}


def _placeholders(header: Header) -> dict[str, torch.Tensor]:
    """What stands for a file's tensors, of their shapes."""
    return {name: torch.empty(each.shape, device=_META) for name, each in header.weights.items()}


def _part(work: Work, name: str) -> Any:
    place = work.place(name)
    if place == "given":
        _check_vae(work.options.vae, work.index)
        return None
    if place == "folder":
        return _part_of_folder(work.index, name, work.options.variant)
    held = work.held(name)
    if name in work.texts:
        return _text_encoder(held, work.index, name)
    return _network(held, work.index, name, work.changes(name))


def _network(held: Mapping[str, Any], index: Index, part: str, changes: Mapping[str, Any]) -> Any:
    """A denoiser or VAE, its names and shapes as diffusers makes them of a checkpoint's."""
    kind = single_file_class_of(index, part)
    with as_engine_error(part, REMEDY):
        config = {**kind.load_config(str(index.folder / part)), **changes}
        with _META:
            network = kind.from_config(config)
        wanted = network.state_dict()
        known: Mapping[str, Any] = SINGLE_FILE_LOADABLE_CLASSES
        convert = known[kind.__name__]["checkpoint_mapping_fn"]
        is_converted = held.keys() == wanted.keys()
        there = held if is_converted else convert(config=config, checkpoint=dict(held))
    lost = [name for name, _ in network.named_parameters() if name not in there]
    if lost:
        raise EngineError(f"{part}: the file lacks {lacking(lost)}; {REMEDY}")
    for name, value in wanted.items():
        if name in there and there[name].shape != value.shape:
            has, needs = (list(each.shape) for each in (there[name], value))
            raise EngineError(f"{part}: {name} is {has} in the file, not {needs}; {REMEDY}")
    return network


def _of_folder(index: Index, options: Options) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for name in networks_of(index):
        if name == "vae" and options.vae:
            _check_vae(options.vae, index)
        else:
            made[name] = _part_of_folder(index, name, options.variant)
    return made


def _part_of_folder(index: Index, part: str, variant: str) -> Any:
    place = index.folder / part
    header = read_part(place, variant)
    if header is None:
        raise EngineError(f"{place} lacks safetensors weights; fetch them, or convert its pickle")
    with as_engine_error(place):
        network = _made(index, part)
    _check_names(network, _held(header), f"{place} lacks {{}}")
    return network


def _made(index: Index, part: str) -> Any:
    kind = class_of(index, part)
    with _META:
        if hasattr(kind, "load_config"):
            return kind.from_config(kind.load_config(str(index.folder / part)))
        return kind(kind.config_class.from_pretrained(str(index.folder / part)))


def _text_encoder(held: Mapping[str, Any], index: Index, part: str) -> Any:
    """A text encoder, its names as diffusers would make them of a checkpoint's."""
    with as_engine_error(part, REMEDY):
        network = _made(index, part)
        begin = next(iter(held)).partition("transformer.")[0]
        if any(name.startswith(f"{begin}transformer.") for name in held):
            names = {name.removeprefix(f"{begin}transformer.") for name in held}
        else:
            begin = next(iter(held)).partition("model.")[0]
            convert: Any = convert_open_clip_checkpoint
            names = set(convert(network, dict(held), f"{begin}model."))
    # Of SD3's CLIPs one has a projection that changes nothing, which no file holds.
    names |= {"text_projection.weight"} if "text_encoders.clip_l." in begin else set()
    _check_names(network, names, f"{part}: the file lacks {{}}; {REMEDY}")
    return network


def _check_names(network: Any, held: Iterable[str], said: str) -> None:
    """Refuses where one of a network's tensors has no name among those that are held."""
    names = {_plain(name) for name in held}
    known = type(network).__name__
    if not known.startswith(("CLIP", "T5")) and not hasattr(network, "load_config"):
        # transformers renames what older versions of other families' classes have written.
        return
    lost = [name for name in network.state_dict() if _plain(name) not in names]
    lost = [name for name in lost if not name.endswith(("position_ids", "embed_tokens.weight"))]
    if lost:
        raise EngineError(said.format(lacking(lost)))


def _held(header: Header) -> set[str]:
    names = set(header.weights)
    for old, new in _OLD_ATTENTION:
        names |= {name.replace(f".{old}", f".{new}") for name in names}
    return names | {name.replace(".proj_attn.", ".to_out.0.") for name in names}


def _plain(name: str) -> str:
    return name.removeprefix("text_model.")


def _check_vae(text: str, index: Index) -> None:
    """Looks at a VAE that is given; one on the Hub is known once it is fetched."""
    path = local_path(text)
    if path.is_file():
        header = read_header(path)
        _network(_placeholders(header), index, "vae", {})
    elif path.is_dir():
        has_index = (path / "model_index.json").is_file()
        if read_part(path / "vae" if has_index else path) is None:
            raise EngineError(f"vae={path} holds no safetensors weights of a VAE")
