"""Task: MediaPipe's own detector of faces, face points or hands, opened once."""

from __future__ import annotations

import importlib
import logging
import os
import tempfile
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from threading import RLock
from typing import Any, Final

import numpy as np

from detailer.core.pixels import Picture, size_of
from detailer.engines.detectors.mediapipe.file import Asset, Network
from detailer.errors import EngineError, InputError, MissingEngineError

log = logging.getLogger(__name__)

INSTALL: Final = "pip install 'detailer[mediapipe]', then: pip install --no-deps mediapipe"
"""What brings MediaPipe without its second OpenCV, which would overwrite ours."""

_DEVICES = {"auto": "CPU", "cpu": "CPU", "gpu": "GPU"}
_NOWHERE: Final = b"/nowhere/no-metrics-are-sent"
_ERRORS = (
    OSError, RuntimeError, ValueError, IndexError, TypeError, AttributeError, MemoryError,
)  # fmt: skip
# The terminal's file descriptor belongs to the whole process: one at a time may borrow it.
_TERMINAL: Final = RLock()
_STDERR = 2


@dataclass(frozen=True)
class Wish:
    """How a task looks: least score 0..1, at most so many, and the device auto, cpu or gpu."""

    threshold: float = 0.5
    most: int = 20
    device: str = "auto"

    def __post_init__(self) -> None:
        if self.device not in _DEVICES:
            raise InputError(f"device={self.device!r} is unknown; give one of {tuple(_DEVICES)}")
        if self.most < 1:
            raise InputError(f"most={self.most}; look for at least 1")


class Task:
    """Looks at pictures with MediaPipe; may be called from several threads.

    MediaPipe 1 sends metrics (versions, counts and times, no pictures) to Google, and has no
    switch for it. Here it is told to trust no certificate: it still calls play.googleapis.com,
    and hangs up before anything is sent. What it writes to the terminal while it is opened and
    closed goes to our log. Its threads end with `close`, or with the last reference.

    Args:
        asset: The model.
        wish: How it looks.

    Raises:
        MissingEngineError: If MediaPipe, or what it needs, is not installed.
        EngineError: If MediaPipe does not take the model.
    """

    def __init__(self, asset: Asset, wish: Wish) -> None:
        self._asset = asset
        self._library = _library()
        with self._naming("does not run"), _hushed():
            task = _MAKERS[asset.network](self._library, self._base(wish.device), wish)
            self._closing = weakref.finalize(self, _close, task)
            self._detect = task.detect
            self._try()

    def __call__(self, picture: Picture, /) -> Any:
        """MediaPipe's own result for (h, w, 3) uint8 RGB.

        Raises:
            EngineError: If it fails, or the task was closed.
        """
        if not self._closing.alive:
            raise EngineError(f"mediapipe: {self._asset.path} was closed; open it again")
        with self._naming(f"cannot look at a picture of {size_of(picture)}"):
            return self._look(picture)

    def close(self) -> None:
        """End its threads and free its memory."""
        self._closing()

    def _look(self, picture: Picture) -> Any:
        pixels = np.ascontiguousarray(picture)
        return self._detect(self._library.Image(self._library.ImageFormat.SRGB, pixels))

    def _try(self) -> None:
        try:
            self._look(np.zeros((64, 64, 3), np.uint8))
        except _ERRORS:
            self.close()
            raise

    def _base(self, device: str) -> Any:
        class Silent(self._library.tasks.BaseOptions):  # type: ignore[misc, name-defined]
            """Options under which no metrics are sent."""

            def to_ctypes(self) -> Any:
                options = super().to_ctypes()
                options.ca_bundle_path = _NOWHERE
                return options

        delegate = getattr(Silent.Delegate, _DEVICES[device])
        return Silent(model_asset_buffer=self._asset.content, delegate=delegate)

    @contextmanager
    def _naming(self, what: str) -> Iterator[None]:
        try:
            yield
        except EngineError:
            raise
        except _ERRORS as error:
            said = " ".join(str(error).split()) or type(error).__name__
            raise EngineError(f"mediapipe: {self._asset.path} {what}: {said}") from error


def _faces(library: Any, base: Any, wish: Wish) -> Any:
    vision = library.tasks.vision
    options = vision.FaceDetectorOptions(base_options=base, min_detection_confidence=wish.threshold)
    return vision.FaceDetector.create_from_options(options)


def _mesh(library: Any, base: Any, wish: Wish) -> Any:
    vision = library.tasks.vision
    options = vision.FaceLandmarkerOptions(
        base_options=base,
        num_faces=wish.most,
        min_face_detection_confidence=wish.threshold,
        min_face_presence_confidence=wish.threshold,
    )
    return vision.FaceLandmarker.create_from_options(options)


def _hands(library: Any, base: Any, wish: Wish) -> Any:
    vision = library.tasks.vision
    options = vision.HandLandmarkerOptions(
        base_options=base,
        num_hands=wish.most,
        min_hand_detection_confidence=wish.threshold,
        min_hand_presence_confidence=wish.threshold,
    )
    return vision.HandLandmarker.create_from_options(options)


_MAKERS: Final[dict[Network, Callable[[Any, Any, Wish], Any]]] = {
    "faces": _faces,
    "mesh": _mesh,
    "hands": _hands,
}


def _library() -> Any:
    try:
        return importlib.import_module("mediapipe")
    except ImportError as error:
        raise MissingEngineError(
            f"mediapipe cannot be imported: {error}; run: {INSTALL}"
        ) from error
    except _ERRORS as error:
        raise EngineError(f"mediapipe cannot be imported: {error}; run: {INSTALL}") from error


def _close(task: Any) -> None:
    with _hushed():
        try:
            task.close()
        except _ERRORS as error:
            # It failed before, or Python is ending.
            log.debug("mediapipe was not closed: %s", error)
            _forget(task)


def _forget(task: Any) -> None:
    """Keep MediaPipe from closing it once more when the object goes: that would wait forever."""
    task._handle = None  # noqa: SLF001  # there is no other way
    for name in ("_dispatcher", "_lib"):
        with suppress(*_ERRORS):
            getattr(task, name).close()


@contextmanager
def _hushed() -> Iterator[None]:
    """Whatever is written to the terminal's errors meanwhile goes to our log."""
    with _TERMINAL, tempfile.TemporaryFile() as heard:
        try:
            terminal = os.dup(_STDERR)
        except OSError:
            # There is no terminal, as in a program with windows.
            yield
            return
        try:
            os.dup2(heard.fileno(), _STDERR)
            yield
        finally:
            os.dup2(terminal, _STDERR)
            os.close(terminal)
            heard.seek(0)
            for line in heard.read().decode(errors="replace").splitlines():
                log.debug("mediapipe: %s", line)
