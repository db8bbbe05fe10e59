"""Two pictures of a person are nearer than pictures of two persons."""

from __future__ import annotations

import sys
from itertools import combinations
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from PIL import Image

from detailer.core.geometry import Box
from detailer.errors import InputError
from tests.engines.places import data_file

pytest.importorskip("dlib", reason="dlib-bin is not installed")
pytest.importorskip("face_recognition_models", reason="its models are not installed")

pytestmark = pytest.mark.slow

FOLDER = Path(__file__).parents[2] / "benchmarks"
FACE = Box(177, 56, 273, 180)


@pytest.fixture(scope="module")
def identity() -> ModuleType:
    sys.path.insert(0, str(FOLDER))
    try:
        import identity
    finally:
        sys.path.remove(str(FOLDER))
    return identity


@pytest.fixture(scope="module")
def astronaut() -> np.ndarray:
    return pytest.importorskip("skimage.data").astronaut()


def blurred(picture: np.ndarray, by: int) -> np.ndarray:
    image = Image.fromarray(picture)
    bicubic = Image.Resampling.BICUBIC
    small = image.resize((image.width // by, image.height // by), bicubic)
    return np.asarray(small.resize(image.size, bicubic))


def test_a_face_is_128_numbers(identity, astronaut):
    numbers = identity.descriptor(astronaut, FACE)
    assert (numbers.shape, numbers.dtype) == ((128,), np.float64)
    assert identity.distance(numbers, numbers) == 0


def test_a_face_moves_away_from_itself_as_it_is_blurred(identity, astronaut):
    pictures = [astronaut, *(blurred(astronaut, by) for by in (2, 8))]
    same, slightly, much = identity.distances(astronaut, pictures, FACE)
    assert same == 0
    assert 0 < slightly < identity.SAME_PERSON / 2 < much


def test_a_box_that_is_a_little_off_shows_the_same_person(identity, astronaut):
    moved = identity.descriptor(astronaut, FACE.shifted(8, -6))
    there = identity.descriptor(astronaut, FACE)
    assert identity.distance(moved, there) < identity.SAME_PERSON / 2


def test_three_persons_are_three(identity):
    with Image.open(data_file("images/group_apollo11.jpg")) as image:
        picture = np.asarray(image.convert("RGB"))
    boxes = (Box(125, 161, 175, 230), Box(267, 75, 313, 139), Box(411, 170, 461, 238))
    found = [identity.descriptor(picture, box) for box in boxes]
    assert all(identity.distance(a, b) > identity.SAME_PERSON for a, b in combinations(found, 2))


@pytest.mark.parametrize(
    ("other", "box", "words"),
    [
        (np.zeros((9, 9), np.uint8), Box(0, 0, 9, 9), r"\(9, 9\) uint8; give uint8"),
        (np.zeros((9, 9, 3)), Box(0, 0, 9, 9), "float64; give uint8"),
        (np.zeros((9, 9, 3), np.uint8), Box(20, 0, 29, 9), "outside the picture of 9×9"),
    ],
)
def test_what_is_no_picture_of_a_face_is_refused(identity, other, box, words):
    with pytest.raises(InputError, match=words):
        identity.descriptor(other, box)


def test_pictures_of_two_sizes_are_refused(identity, astronaut):
    with pytest.raises(InputError, match="256×256 for one of 512×512"):
        identity.descriptor(astronaut, FACE, astronaut[::2, ::2])
