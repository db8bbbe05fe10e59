"""Importing: makes the ONNX of a checkpoint, once, after a person has allowed its bytes."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from threading import Timer

from detailer.engines.detectors.yolo.detector import Yolo
from detailer.engines.files.exporting import CHECKPOINT, ONNX
from detailer.engines.files.imported import place_of
from detailer.engines.files.models import is_offline, keep
from detailer.engines.health.finding import version_of
from detailer.errors import EngineError, InputError, MissingEngineError

LICENCE = "Ultralytics is under the AGPL-3.0, or a licence that its makers sell"

_MODULE = "detailer.engines.files.exporting"
# Taken over by strangers, who mined with the machines it was installed on (its issue 18027).
_POISONED = ("8.3.41", "8.3.42", "8.3.45", "8.3.46")
_SAID = 500
_PASSED = (
    "PATH", "PYTHONPATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "HOME", "LANG", "TMPDIR", "TEMP",
    "TMP", "SYSTEMROOT", "USERPROFILE", "APPDATA", "LOCALAPPDATA", "OMP_NUM_THREADS", "HTTPS_PROXY",
)  # fmt: skip


@dataclass(frozen=True)
class Export:
    """What is made of a checkpoint.

    `classes` are the words that a YOLO-World or YOLOE model shall find, none for its own; `size`
    is the side it looks at, pixels, 0 for the one it was trained at; `patience` in seconds.
    """

    classes: tuple[str, ...] = ()
    size: int = 0
    patience: float = 900.0

    def __post_init__(self) -> None:
        if self.size and (self.size < 32 or self.size % 32):
            raise InputError(f"size={self.size} px; give a multiple of 32, or 0 for its own")
        if self.patience <= 0:
            raise InputError(f"patience={self.patience} s; give more than 0")


def export(checkpoint: Path, allowed: str, how: Export | None = None) -> Iterator[str]:
    """The ONNX of a checkpoint, kept where `place_of` its sha256 says; yields step by step.

    The checkpoint is a pickle. It is read in a process of its own, in a folder that is thrown
    away, without telemetry or installing anything, and without the network unless words have to
    be looked up. What comes out is kept only if it opens as a detector.

    Args:
        checkpoint: The .pt file.
        allowed: The sha256 of the very bytes that a person allowed to be read.
        how: What is made of it; as it is if None.

    Raises:
        InputError: If the file is not the one that was allowed.
        MissingEngineError: If ultralytics or onnx is not installed.
        EngineError: If it cannot be read, is not a YOLO for boxes or masks, or is not done in time.
    """
    how = how or Export()
    content = _content(checkpoint)
    sha256 = hashlib.sha256(content).hexdigest()
    if sha256 != allowed.strip().lower():
        raise InputError(
            f"{checkpoint} has the sha256 {sha256}, not {allowed}: it is not the file that was"
            " allowed; nothing was read"
        )
    check_installed()
    # Without its locks the folder of a process that was killed may resist on Windows.
    with tempfile.TemporaryDirectory(prefix="detailer-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        (folder / CHECKPOINT).write_bytes(content)
        yield from _run(folder, checkpoint, how)
        yield "opening the ONNX"
        made = folder / ONNX
        try:
            Yolo(made)
            keep(made.read_bytes(), place_of(sha256))
        except (OSError, EngineError) as error:
            said = str(error).replace(str(made), "its ONNX")
            raise EngineError(f"{checkpoint} was exported and does not work: {said}") from error


def check_installed() -> None:
    """Raise MissingEngineError unless what exports is installed and may be run."""
    for library in ("ultralytics", "onnx", "onnxruntime"):
        if find_spec(library) is None:
            raise MissingEngineError(
                f"{library} is not installed; run: pip install 'detailer[ultralytics]'"
                f" ({LICENCE}; detailer needs it for the import only)"
            )
    if version_of("ultralytics") in _POISONED:
        raise MissingEngineError(
            f"ultralytics {version_of('ultralytics')} was published by strangers and is harmful;"
            " run: pip install --upgrade 'detailer[ultralytics]'"
        )


def _run(folder: Path, checkpoint: Path, how: Export) -> Iterator[str]:
    """The process, step by step; it is ended when its time is over or nobody listens any more."""
    order = json.dumps({"classes": how.classes, "size": how.size})
    # -P: what lies in the working directory is never imported.
    words = [sys.executable, "-P", "-m", _MODULE, order]
    said = folder / "said.txt"
    with (
        said.open("wb") as errors,
        subprocess.Popen(
            words,
            cwd=folder,
            env=_environment(folder, bool(how.classes)),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=errors,
            start_new_session=True,
        ) as process,
    ):
        alarm = Timer(how.patience, _end, [process])
        alarm.start()
        try:
            for line in process.stdout or ():
                yield line.decode("utf-8", "replace").strip()
            process.wait()
        finally:
            late = not alarm.is_alive()
            alarm.cancel()
            _end(process)
    if late:
        raise EngineError(f"{checkpoint} was not exported within {how.patience:g} s")
    if process.returncode or not (folder / ONNX).is_file():
        raise EngineError(f"{checkpoint} could not be exported: {_last_line(said, process)}")


def _end(process: subprocess.Popen[bytes]) -> None:
    """End it with all that it has started, where the system knows groups of processes."""
    if sys.platform == "win32":
        process.kill()
        return
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)


def _environment(folder: Path, words: bool) -> dict[str, str]:
    """What Python needs to run, and no more: what is read may look at it, and has no business to.

    For Ultralytics no settings but ours, nothing installed; no network unless words need it.
    """
    off = not words or is_offline()
    return {name: os.environ[name] for name in _PASSED if name in os.environ} | {
        "YOLO_CONFIG_DIR": str(folder),
        "YOLO_AUTOINSTALL": "false",
        "YOLO_OFFLINE": str(off).lower(),
        "PYTHONIOENCODING": "utf-8",
        # What is said last is the reason: nothing may be held back behind it.
        "PYTHONUNBUFFERED": "1",
    }


def _last_line(said: Path, process: subprocess.Popen[bytes]) -> str:
    with contextlib.suppress(OSError):
        text = said.read_text(encoding="utf-8", errors="replace")
        lines = [line.strip() for line in text.splitlines() if line.strip()]
        if lines:
            return lines[-1][:_SAID]
    return f"its process ended with {process.returncode} and said nothing"


def _content(checkpoint: Path) -> bytes:
    try:
        return checkpoint.read_bytes()
    except OSError as error:
        raise EngineError(f"model file {checkpoint} cannot be read: {error.strerror}") from error
