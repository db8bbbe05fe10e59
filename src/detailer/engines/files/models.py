"""Model files: where they come from, and how one is fetched once and never trusted unseen."""

from __future__ import annotations

import contextlib
import hashlib
import importlib.util
import logging
import os
import sys
import tempfile
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeAlias

from detailer.core.paths import local_path
from detailer.errors import EngineError, MissingEngineError

log = logging.getLogger(__name__)

_CHUNK = 1 << 20
_PATIENCE = 30  # seconds without an answer


class Response(Protocol):
    """What comes back from an address, to be read piece by piece."""

    def read(self, amount: int, /) -> bytes:
        """At most so many bytes; none at the end."""
        ...

    def geturl(self) -> str:
        """The address it came from, after all redirects."""
        ...


Opener: TypeAlias = Callable[[str], AbstractContextManager[Response]]
"""Opens an address for reading; raises OSError where that fails."""


@dataclass(frozen=True)
class Download:
    """A model file on the network: its name here, its address, and what its bytes must be."""

    file: str
    address: str
    sha256: str
    bytes: int


def installed_file(package: str, file: str, extra: str) -> Path:
    """A file that ships in an installed package, which is not imported.

    Raises:
        MissingEngineError: If the package or the file is not there; it names the extra.
    """
    spec = importlib.util.find_spec(package)
    folders = list(spec.submodule_search_locations or []) if spec else []
    for folder in folders:
        path = Path(folder, file)
        if path.is_file():
            return path
    lack = f"the installed package {package} has no {file}" if folders else f"needs {package}"
    raise MissingEngineError(f"{lack}; run: pip install --upgrade 'detailer[{extra}]'")


def cache_directory() -> Path:
    """Where fetched models are kept: $DETAILER_CACHE, or the system's place for caches."""
    given = os.environ.get("DETAILER_CACHE")
    if given:
        return local_path(given, "DETAILER_CACHE")
    if sys.platform == "win32":
        local = os.environ.get("LOCALAPPDATA")
        return (Path(local) if local else Path.home() / "AppData" / "Local") / "detailer" / "cache"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "detailer"
    shared = Path(os.environ.get("XDG_CACHE_HOME", ""))
    # The XDG rule: a relative path there is to be ignored.
    return (shared if shared.is_absolute() else Path.home() / ".cache") / "detailer"


def is_offline() -> bool:
    """Whether $DETAILER_OFFLINE forbids the network: anything but empty, 0, false and no."""
    return os.environ.get("DETAILER_OFFLINE", "").lower() not in ("", "0", "false", "no")


def open_https(address: str) -> AbstractContextManager[Response]:
    """Opens an https address; whatever it is redirected to must be https as well."""
    from urllib.parse import urlsplit
    from urllib.request import urlopen

    if urlsplit(address).scheme != "https":
        raise EngineError(f"{address} is not an https address")
    answer = urlopen(address, timeout=_PATIENCE)
    if urlsplit(answer.geturl()).scheme != "https":
        answer.close()
        raise EngineError(f"{address} leads to {answer.geturl()}, which is not https")
    return contextlib.closing(answer)


def is_fetched(download: Download) -> bool:
    """Whether the cache holds it, whole."""
    try:
        content = (cache_directory() / download.file).read_bytes()
    except OSError:
        return False
    return _sha256(content) == download.sha256


def fetched(download: Download, offline: bool | None = None, opener: Opener = open_https) -> Path:
    """The file in the cache; fetched there if it is not yet, and whole or not at all.

    Args:
        download: What is wanted.
        offline: Never use the network; $DETAILER_OFFLINE decides if None.
        opener: Opens the address.

    Raises:
        MissingEngineError: If it is not in the cache and cannot be fetched.
        EngineError: If what comes is not the file that is expected, or cannot be kept.
    """
    path = cache_directory() / download.file
    if is_fetched(download):
        return path
    by_hand = f"fetch {download.address} yourself and give its path, or put it at {path}"
    if is_offline() if offline is None else offline:
        raise MissingEngineError(f"{path} is not there and the network is off; {by_hand}")
    from http.client import HTTPException

    log.info("fetching %s (%d KiB)", download.address, download.bytes // 1024)
    try:
        with opener(download.address) as answer:
            content = _read(answer, download)
    except (OSError, HTTPException) as error:
        reason = f"{download.address} cannot be fetched ({error})"
        raise MissingEngineError(f"{reason}; {by_hand}") from error
    keep(content, path)
    return path


def _read(answer: Response, download: Download) -> bytes:
    content = bytearray()
    # One byte more than there should be is enough to know that it is another file.
    while len(content) <= download.bytes:
        piece = answer.read(min(_CHUNK, download.bytes + 1 - len(content)))
        if not piece:
            break
        content += piece
    if len(content) != download.bytes or _sha256(content) != download.sha256:
        size = f"{len(content)} bytes" if len(content) <= download.bytes else "more"
        raise EngineError(
            f"{download.address} gave {size} with sha256 {_sha256(content)[:16]}…; expected"
            f" {download.bytes} bytes with {download.sha256[:16]}…; nothing was kept"
        )
    return bytes(content)


def keep(content: bytes, path: Path) -> None:
    """Writes beside the target and replaces it, so that no reader meets half a file.

    Raises:
        EngineError: If it cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=f"{path.name}.", dir=path.parent)
        part = Path(name)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(content)
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)
    except OSError as error:
        raise EngineError(
            f"{path} cannot be written ({error.strerror}); set DETAILER_CACHE to another folder"
        ) from error


def _sha256(content: bytes | bytearray) -> str:
    return hashlib.sha256(content).hexdigest()
