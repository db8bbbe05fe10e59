"""Hub: models of the Hugging Face Hub that are on this machine already."""

from __future__ import annotations

from pathlib import Path

from detailer.engines.painters.diffusion.loading.source import INDEX, Source


def is_here(source: Source) -> bool:
    """Whether a source can be read without the network, as far as its list of parts."""
    return source.kind != "hub" or cached_folder(source) is not None


def cached_folder(source: Source) -> Path | None:
    """The folder of a Hub name in the local cache; None where it is not. Uses no network."""
    try:
        from huggingface_hub import try_to_load_from_cache
        from huggingface_hub.errors import HFValidationError
    except ImportError:
        return None
    try:
        found = try_to_load_from_cache(source.name, INDEX, revision=source.revision or None)
    except HFValidationError:
        return None
    return Path(found).parent if isinstance(found, str) else None
