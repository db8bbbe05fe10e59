"""What a picture of a face measures, beside the original."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from detailer.core.alpha import ellipse
from detailer.core.geometry import Box
from detailer.core.pixels import Picture, size_of, to_unit
from detailer.core.sharpness import Gray, gradient, luma, soft
from detailer.stages.detect import Detector

_FINE = 1.0
_LOCAL = 3.0


def similarity(a: Gray, b: Gray) -> Gray:
    """Wang et al., Image quality assessment: from error visibility to structural similarity."""
    mean_a, mean_b = soft(a, 1.5), soft(b, 1.5)
    spread_a, spread_b = soft(a * a, 1.5) - mean_a**2, soft(b * b, 1.5) - mean_b**2
    shared = soft(a * b, 1.5) - mean_a * mean_b
    light = (2 * mean_a * mean_b + 1e-4) / (mean_a**2 + mean_b**2 + 1e-4)
    return light * (2 * shared + 9e-4) / (spread_a + spread_b + 9e-4)


def inside(picture: Picture, box: Box) -> tuple[slice, slice]:
    """The pixels of a box, as slices."""
    return box.whole().clipped(size_of(picture).box).slices


def likeness(picture: Picture, sharp: Picture, box: Box) -> float:
    """Mean structural similarity of brightness with the original, over the box."""
    pair = (luma(to_unit(each)) for each in (picture, sharp))
    return float(similarity(*pair)[inside(sharp, box)].mean())


def mean_gradient(picture: Picture, box: Box) -> float:
    """Mean magnitude of the gradient of brightness (Sobel), over the box."""
    return float(gradient(luma(to_unit(picture)))[inside(picture, box)].mean())


def edges(picture: Picture, box: Box) -> float:
    """The 98th percentile of the gradient's magnitude, over the box."""
    return float(np.quantile(gradient(luma(to_unit(picture)))[inside(picture, box)], 0.98))


def texture(picture: Picture, box: Box) -> float:
    """The 25th percentile, over the face, of the local deviation of what is finer than 1 px."""
    deviation, face = _deviation(picture, box)
    return float(np.quantile(deviation[face], 0.25))


def grain(picture: Picture, box: Box) -> float:
    """The same for the background in the box: its corners, outside the ellipse of the face."""
    deviation, face = _deviation(picture, box)
    return float(np.quantile(deviation[~face], 0.25))


def _deviation(picture: Picture, box: Box) -> tuple[Gray, NDArray[np.bool_]]:
    gray = luma(to_unit(picture))
    fine = gray - soft(gray, _FINE)
    deviation = np.sqrt(np.maximum(soft(fine * fine, _LOCAL), 0))
    part = box.whole().clipped(size_of(picture).box)
    face = ellipse(part.size.shape, box.shifted(-part.left, -part.top)) > 0
    return np.asarray(deviation[part.slices], np.float32), face


def score(picture: Picture, box: Box, detector: Detector) -> float:
    """What a detector gives the face, 0 where it does not find it."""
    found = [region.score for region in detector(picture) if region.box.overlap(box) >= 0.4]
    return max(found, default=0.0)


def tone(picture: Picture, sharp: Picture, box: Box) -> float:
    """Mean distance in CIE Lab from the original, both blurred by an eighth of the box."""
    labs = [
        cv2.cvtColor(soft(to_unit(each), box.width / 8), cv2.COLOR_RGB2Lab)
        for each in (picture, sharp)
    ]
    return float(np.linalg.norm(labs[0] - labs[1], axis=2)[inside(sharp, box)].mean())
