"""What the tests of detailer run share."""

import json

import numpy as np
from PIL import Image

from detailer.apps.cli import main

FAKES = ["--detector", "two", "--painter", "inverting"]


def run(*words):
    return main(["run", *words])


def pixels(name):
    with Image.open(name) as image:
        return np.asarray(image).astype(int)


def mode(name):
    with Image.open(name) as image:
        return image.mode


def steps(out):
    return [json.loads(line) for line in out.splitlines()]
