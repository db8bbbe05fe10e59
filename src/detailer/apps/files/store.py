"""Store: bytes put in a file's place, whole or not at all."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
from pathlib import Path

from detailer.errors import OutputError


def store(content: bytes, target: Path) -> None:
    """Writes beside the target, flushes to the disk, then takes the target's place.

    Whatever happens, Ctrl-C too, the target is either as it was or new, and nothing else is
    left behind. A link stays a link; its file is replaced.

    Raises:
        OutputError: If the file cannot be written: no room, no leave, no such folder.
    """
    place = Path(os.path.realpath(target))
    beside = place.with_name(f".detailer-{secrets.token_hex(8)}.part")
    try:
        try:
            _written(content, beside)
            if place.exists():
                shutil.copymode(place, beside)
            beside.replace(place)
        finally:
            beside.unlink(missing_ok=True)
        _settled(place.parent)
    except OSError as error:
        raise OutputError(
            f"{target} cannot be written: {error.strerror or error}; what was there is untouched."
            " Make room, or give another place to write to"
        ) from error


def _written(content: bytes, path: Path) -> None:
    # "x" fails rather than write over a file that somebody else has made.
    with path.open("xb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _settled(folder: Path) -> None:
    """Has the new name written to the disk; Windows knows no such thing."""
    if os.name == "nt":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        # The file is in its place by now; some network drives cannot do this for a folder.
        with contextlib.suppress(OSError):
            os.fsync(handle)
    finally:
        os.close(handle)
