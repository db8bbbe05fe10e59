"""MediaPipe: finds faces, outlines of faces, both eyes, or hands, with Google's MediaPipe."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal, TypeAlias, get_args

from detailer.core.geometry import Size
from detailer.core.pixels import Picture, size_of
from detailer.core.regions import Regions
from detailer.engines.detectors.look import check_picture
from detailer.engines.detectors.mediapipe import found
from detailer.engines.detectors.mediapipe.file import Network, read_asset
from detailer.engines.detectors.mediapipe.task import Task, Wish
from detailer.engines.files.downloads import (
    BLAZE_FACE_FULL,
    BLAZE_FACE_SHORT,
    FACE_LANDMARKER,
    HAND_LANDMARKER,
)
from detailer.engines.files.models import Download, fetched
from detailer.engines.ranges import check_share
from detailer.errors import EngineError, InputError

Kind: TypeAlias = Literal["", "face", "mesh", "eyes", "hands"]

MODELS: Final[dict[str, tuple[Kind, Download]]] = {
    "face": ("face", BLAZE_FACE_FULL),
    "full": ("face", BLAZE_FACE_FULL),
    "short": ("face", BLAZE_FACE_SHORT),
    "mesh": ("mesh", FACE_LANDMARKER),
    "eyes": ("eyes", FACE_LANDMARKER),
    "hands": ("hands", HAND_LANDMARKER),
}
"""What can be asked for by a word, and the file that is fetched for it."""

_NETWORKS: Final[dict[Kind, Network]] = {
    "face": "faces",
    "mesh": "mesh",
    "eyes": "mesh",
    "hands": "hands",
}
_USUAL: Final[dict[Network, Kind]] = {"faces": "face", "mesh": "mesh", "hands": "hands"}


@dataclass(eq=False)
class MediaPipe:
    """Finds what a task of MediaPipe sees; `open_mediapipe` makes one."""

    kind: Kind
    most: int
    path: Path
    look: Callable[[Picture], Any]

    def __call__(self, picture: Picture, /) -> Regions:
        """What is found in (h, w, 3) uint8 RGB."""
        check_picture(picture)
        result = self.look(picture)
        try:
            return self._regions(result, size_of(picture))
        except (EngineError, AttributeError, TypeError) as error:
            raise EngineError(f"mediapipe: {self.path}: {error}") from error

    def _regions(self, result: Any, size: Size) -> Regions:
        if self.kind == "face":
            return found.faces(result.detections, size, self.most)
        if self.kind == "hands":
            return found.hands(result.hand_landmarks, size)
        shape = found.eyes if self.kind == "eyes" else found.meshes
        return shape(result.face_landmarks, size)


def open_mediapipe(
    path: str | Path = "face",
    threshold: float = 0.5,
    most: int = 20,
    kind: Kind = "",
    device: str = "auto",
) -> MediaPipe:
    """A detector of MediaPipe.

    `face` (the same as `full`: faces within some 5 m) and `short` (within 2 m) give boxes with a
    score and the points of both eyes and nose; `mesh` gives the convex hull of 478 points of each
    face, `eyes` one region for both eyes of each face, `hands` the hull of each hand's joints. For
    these three MediaPipe tells no score, and it is 1. The network sees the whole picture at 128
    or 192 px: for small faces look at tiles.

    MediaPipe 1 sends metrics about its use to Google; here it is kept from that (see `Task`).

    Args:
        path: One of these words, whose file is fetched once; or a .tflite or .task file.
        threshold: Least score, 0..1, of a face or hand before its points are looked for, too.
        most: So many at most, the surest.
        kind: What a file is used for, where it can be used for more than one thing: `eyes` of a
            face landmarker. Else it is what the file holds.
        device: auto or cpu; gpu: MediaPipe's own way to use one, where it has any.

    Raises:
        InputError: If kind, most or device is not one of these, or the file is not for that kind.
        MissingEngineError: If MediaPipe is not installed, or the file cannot be fetched.
        EngineError: If the file is no model of these kinds, or MediaPipe does not take it.
    """
    wish = Wish(check_share("threshold", threshold), most, device)
    if kind not in get_args(Kind):
        raise InputError(f"kind={kind!r} is unknown; give one of {get_args(Kind)[1:]}")
    named = MODELS.get(str(path).lower())
    if named and kind not in ("", named[0]):
        raise InputError(f"mediapipe:{path} finds {named[0]}, not kind={kind}; leave kind out")
    asset = read_asset(fetched(named[1]) if named else path)
    usual = named[0] if named else _USUAL[asset.network]
    if _NETWORKS[kind or usual] != asset.network:
        raise InputError(f"{asset.path} is for kind={usual}, not for kind={kind}")
    return MediaPipe(kind or usual, most, asset.path, Task(asset, wish))
