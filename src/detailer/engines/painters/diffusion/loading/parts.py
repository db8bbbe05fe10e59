"""Parts: one network of a pipeline, from a folder or from the tensors of a single file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import diffusers
import torch
import transformers
from diffusers.loaders.single_file_utils import (
    create_diffusers_clip_model_from_ldm,
    create_diffusers_t5_model_from_checkpoint,
)

from detailer.engines.painters.diffusion.loading.faults import as_engine_error
from detailer.engines.painters.diffusion.loading.folders import Index
from detailer.engines.painters.diffusion.loading.shards import weights_file
from detailer.errors import EngineError

_LIBRARIES = {"diffusers": diffusers, "transformers": transformers}
REMEDY = "give config=FOLDER of this very model"
"""What to do where a file and its configuration do not fit together."""


def class_of(index: Index, part: str) -> Any:
    """The class of a folder's part, of diffusers or transformers and of nothing else.

    Raises:
        EngineError: If it is another library's, or not in the installed version.
    """
    library, name = index.parts[part]
    found = getattr(_LIBRARIES.get(library), name, None)
    if found is None:
        raise EngineError(
            f"{index.folder}: {part} is {library}.{name}, which is not here;"
            " run: pip install --upgrade diffusers transformers"
        )
    return found


def is_network(index: Index, part: str) -> bool:
    """Whether a folder's part has weights; schedulers and tokenizers have none."""
    return issubclass(class_of(index, part), torch.nn.Module)


def networks_of(index: Index) -> list[str]:
    """A folder's networks, but for those of libraries that only its own pipeline knows."""
    known = [name for name, (library, _) in index.parts.items() if library in _LIBRARIES]
    return [name for name in known if is_network(index, name)]


def part_of_folder(index: Index, part: str, dtype: torch.dtype | None, variant: str = "") -> Any:
    """A part from its own folder; a network from safetensors alone.

    Raises:
        EngineError: If its files are broken, are not there, or do not fit its configuration.
    """
    kind = class_of(index, part)
    place = index.folder / part
    if not is_network(index, part):
        with as_engine_error(place):
            return kind.from_pretrained(str(index.folder), subfolder=part, local_files_only=True)
    file = weights_file(place, variant)
    if file is None:
        raise EngineError(f"{place} lacks safetensors weights; fetch them, or convert its pickle")
    with as_engine_error(place):
        model, told = kind.from_pretrained(
            str(index.folder),
            subfolder=part,
            local_files_only=True,
            use_safetensors=True,
            dtype=dtype,
            variant=variant if variant and variant in file.name else None,
            output_loading_info=True,
        )
    lost = sorted(told["missing_keys"])
    if lost:
        raise EngineError(f"{place} lacks {lacking(lost)}")
    return model


def single_file_class_of(index: Index, part: str) -> Any:
    """The class of a denoiser or VAE that diffusers loads from a single file.

    Raises:
        EngineError: If it is none of those.
    """
    kind = class_of(index, part)
    if not hasattr(kind, "from_single_file"):
        raise EngineError(
            f"{part} is a {kind.__name__}, which diffusers does not load from a single file;"
            " give a diffusers folder"
        )
    return kind


def network_of_tensors(
    tensors: Mapping[str, Any], index: Index, part: str, dtype: torch.dtype, **changes: Any
) -> Any:
    """A denoiser or VAE from tensors with their original names.

    `changes` are settings of its configuration that the tensors contradict.

    Raises:
        EngineError: If the tensors do not fit the configuration, or some are missing.
    """
    kind = single_file_class_of(index, part)
    with as_engine_error(part, REMEDY):
        model = kind.from_single_file(
            dict(tensors),
            config=str(index.folder),
            subfolder=part,
            dtype=dtype,
            local_files_only=True,
            **changes,
        )
    return _whole(model, part)


def text_encoder_of_tensors(
    tensors: Mapping[str, Any], index: Index, part: str, dtype: torch.dtype
) -> Any:
    """CLIP or T5 from tensors with the names that checkpoints give them.

    Raises:
        EngineError: If the tensors do not fit the configuration, or some are missing.
    """
    kind = class_of(index, part)
    is_t5 = "T5" in kind.__name__
    make: Any = create_diffusers_clip_model_from_ldm
    if is_t5:
        make = create_diffusers_t5_model_from_checkpoint
    with as_engine_error(part, REMEDY):
        model = make(
            kind,
            checkpoint=dict(tensors),
            subfolder=part,
            config=str(index.folder),
            torch_dtype=dtype,
            local_files_only=True,
        )
    if is_t5:
        # T5 looks words up in one table by two names, of which files hold one.
        model.tie_weights()
    return _whole(model, part)


def _whole(model: Any, part: str) -> Any:
    """The model; diffusers leaves what a file lacks without values and says nothing."""
    lost = [name for name, value in model.named_parameters() if value.is_meta]
    if lost:
        raise EngineError(f"{part}: the file lacks {lacking(lost)}; {REMEDY}")
    return model


def lacking(names: Sequence[str]) -> str:
    """How many tensors are missing, and one of them."""
    return f"{len(names)} of its tensors, such as {names[0]}"
