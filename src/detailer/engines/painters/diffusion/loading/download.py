"""Download: a model or its configuration from the Hub into the Hub's own cache."""

from __future__ import annotations

from pathlib import Path

from diffusers import DiffusionPipeline
from huggingface_hub import snapshot_download

from detailer.engines.files.hub import short, unreachable
from detailer.engines.files.models import is_offline
from detailer.engines.painters.diffusion.loading.card import Build
from detailer.engines.painters.diffusion.loading.folders import LEFT_OUT
from detailer.engines.painters.diffusion.loading.source import Source
from detailer.engines.painters.diffusion.options import Options
from detailer.errors import MissingEngineError

_CONFIGURATION = ("*.json", "*.txt", "*.model")


def fetched_folder(source: Source, options: Options) -> Path:
    """The folder of a Hub name in the local cache, fetched where it is not whole.

    Its safety checker is not fetched, nor are pickles.

    Raises:
        MissingEngineError: If it is not there and cannot be fetched, or has no safetensors.
    """
    try:
        folder = DiffusionPipeline.download(
            source.name,
            revision=source.at(options.revision).revision or None,
            variant=options.variant or None,
            use_safetensors=True,
            local_files_only=is_offline(),
            **dict.fromkeys(LEFT_OUT),
        )
    except (OSError, ValueError) as error:
        raise MissingEngineError(unreachable(source.text, error)) from error
    return Path(folder)


def fetched_configuration(build: Build, path: Path) -> Path:
    """The folder with a family's configuration, for a single file that has none beside it.

    Raises:
        MissingEngineError: If it is not in the cache and cannot be fetched.
    """
    try:
        folder = snapshot_download(
            build.repository, allow_patterns=list(_CONFIGURATION), local_files_only=is_offline()
        )
    except (OSError, ValueError) as error:
        state = "the network is off" if is_offline() else short(error)
        raise MissingEngineError(
            f"{path} holds weights alone; their configuration would be looked up on the Hub at"
            f" {build.repository}, but {state}; give config=FOLDER, a diffusers folder of such a"
            " model (its .json files and tokenizers are enough)"
        ) from error
    return Path(folder)
