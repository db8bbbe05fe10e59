"""Single: a checkpoint in one file, put together as a diffusers pipeline."""

from __future__ import annotations

import inspect
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import diffusers
import torch

from detailer.engines.painters.diffusion.loading.card import Card
from detailer.engines.painters.diffusion.loading.device import dtype_of
from detailer.engines.painters.diffusion.loading.folders import Index
from detailer.engines.painters.diffusion.loading.parts import (
    is_network,
    network_of_tensors,
    part_of_folder,
    text_encoder_of_tensors,
)
from detailer.engines.painters.diffusion.loading.planned import Work, planned_single
from detailer.engines.painters.diffusion.loading.source import Source
from detailer.engines.painters.diffusion.loading.tensors import (
    read_pickle,
    read_tensors,
)
from detailer.engines.painters.diffusion.loading.tokenizing import tokenizers_for
from detailer.engines.painters.diffusion.loading.vae import open_vae
from detailer.engines.painters.diffusion.options import Options
from detailer.errors import EngineError


@dataclass(frozen=True, eq=False)
class Single:
    """A pipeline made of one file, what it is, and the precision of its networks."""

    pipe: Any
    card: Card
    dtype: torch.dtype


def open_single(source: Source, options: Options, device: torch.device) -> Single:
    """A checkpoint's parts, and what it lacks from the folder that is given as config.

    Raises:
        MissingEngineError: If its configuration would have to be looked up and cannot be.
        EngineError: If it is broken, nothing known, lacks a part, or is not what config is for.
    """
    tensors = read_pickle(source.path) if source.is_pickle else read_tensors(source.path)
    with tempfile.TemporaryDirectory(prefix="detailer-") as scratch:
        work = planned_single(tensors, options, Path(scratch))
        dtype = dtype_of(options.dtype, device, work.card.flow)
        pipe = _put_together(work, dtype)
    return Single(pipe, _told_by(pipe.scheduler, work.card), dtype)


def _put_together(work: Work, dtype: torch.dtype) -> Any:
    tokenizers = tokenizers_for(work.index)
    names = [name for name in work.index.parts if name not in tokenizers]
    parts = {name: _part(work, name, dtype) for name in names if not _is_nowhere(work, name)}
    return _assembled(work.index, {**parts, **tokenizers})


def _is_nowhere(work: Work, name: str) -> bool:
    return is_network(work.index, name) and work.place(name) == "nowhere"


def _part(work: Work, name: str, dtype: torch.dtype) -> Any:
    if not is_network(work.index, name):
        part = part_of_folder(work.index, name, None)
        return _as_predicted(part, work) if name == "scheduler" else part
    dtype = torch.float32 if name == "vae" else dtype
    place = work.place(name)
    if place == "given":
        return open_vae(work.options.vae, work.index)
    if place == "folder":
        return part_of_folder(work.index, name, dtype, work.options.variant)
    if name in work.texts:
        return text_encoder_of_tensors(work.held(name), work.index, name, dtype)
    return network_of_tensors(work.held(name), work.index, name, dtype, **work.changes(name))


def _as_predicted(scheduler: Any, work: Work) -> Any:
    """The scheduler, told what the network predicts where the file knows better."""
    told = scheduler.config.get("prediction_type")
    sure = work.card.prediction == "v_prediction" or not work.options.config
    if told is None or told == work.card.prediction or not sure:
        return scheduler
    return type(scheduler).from_config(
        scheduler.config,
        prediction_type=work.card.prediction,
        rescale_betas_zero_snr=work.card.zero_snr,
    )


def _told_by(scheduler: Any, card: Card) -> Card:
    """The card, as the scheduler has it in the end."""
    told = scheduler.config.get("prediction_type")
    return card if card.flow or told is None else replace(card, prediction=told)


def _assembled(index: Index, parts: Mapping[str, Any]) -> Any:
    kind = getattr(diffusers, index.pipeline, None)
    if kind is None:
        raise EngineError(f"{index.folder} is a {index.pipeline}, which diffusers has not")
    known = inspect.signature(kind.__init__).parameters
    given: dict[str, Any] = {name: None for name in known if name != "self"}
    given = {name: None for name in given if known[name].default is inspect.Parameter.empty}
    given |= {name: value for name, value in index.settings.items() if name in known}
    return kind(**{**given, **parts})
