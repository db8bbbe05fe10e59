"""Hub: names on the Hugging Face Hub, and files of theirs in its own cache."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from detailer.engines.files.models import is_offline
from detailer.errors import MissingEngineError

_NAME = r"[A-Za-z0-9][A-Za-z0-9._-]{0,95}"
_HUB = re.compile(rf"(?P<name>{_NAME}/{_NAME})(?:@(?P<revision>[A-Za-z0-9._/-]+))?")
_NOT_BELOW = ("*/*",)


@dataclass(frozen=True, slots=True)
class HubName:
    """A repository on the Hub, `owner/name`, and a revision of it; empty: its newest."""

    name: str
    revision: str = ""

    @classmethod
    def parse(cls, text: str) -> HubName | None:
        """What `owner/name` or `owner/name@revision` means; None where it is neither."""
        found = _HUB.fullmatch(text)
        return cls(found["name"], found["revision"] or "") if found else None

    def fetched(self, patterns: Sequence[str]) -> Path:
        """The folder in the cache with the files of these patterns, fetched where they are not.

        Files in folders below are left out.

        Raises:
            MissingEngineError: If it is not in the cache and cannot be fetched.
        """
        try:
            from huggingface_hub import snapshot_download
        except ImportError as error:
            raise MissingEngineError(
                "huggingface_hub is not installed; run: pip install 'detailer[transformers]'"
            ) from error
        try:
            folder = snapshot_download(
                self.name,
                revision=self.revision or None,
                allow_patterns=list(patterns),
                ignore_patterns=list(_NOT_BELOW),
                local_files_only=is_offline(),
            )
        except (OSError, ValueError) as error:
            raise MissingEngineError(unreachable(self.name, error, "a folder")) from error
        return Path(folder)


def unreachable(name: str, error: Exception, instead: str = "a folder or a file") -> str:
    """What to say of a name on the Hub that cannot be had, and what to give instead."""
    if is_offline():
        return (
            f"no folder {name} is here, it is not whole in the Hub's cache, and DETAILER_OFFLINE"
            f" forbids the network; unset it to fetch the model once, or give {instead}"
        )
    return (
        f"no folder {name} is here, and from the Hub it cannot be fetched ({short(error)});"
        f" give {instead}"
    )


def short(error: Exception) -> str:
    """What an error says, in one line of bearable length."""
    return " ".join(str(error).split())[:200]
