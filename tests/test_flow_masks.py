"""What a given mask protects stays as it is, whatever the painter does."""

from __future__ import annotations

from collections.abc import Mapping

import cv2
import numpy as np
import pytest

from detailer import Detailer, Recipe
from detailer.engines.detectors.given import given_mask
from detailer.stages.paint import each

white = each(lambda cutout: np.ones_like(cutout.pixels))
RECIPES = {
    "as in the recipe for masks": {"mask": {"dilation": 0}},
    "as for found faces": {},
    "faded inside": {"mask": {"dilation": 0}, "blend": {"feather_side": "inside"}},
    "faded on both sides": {"mask": {"dilation": 0}, "blend": {"feather_side": "both"}},
    "grown far": {"mask": {"dilation": 60}},
}
recipes = pytest.mark.parametrize("recipe", RECIPES.values(), ids=RECIPES.keys())


def painted_white(mask: np.ndarray, recipe: Mapping[str, object]) -> np.ndarray:
    """How bright a black picture has become, 0..255."""
    black = np.zeros((*mask.shape, 3), np.uint8)
    return Detailer(given_mask(mask), white, Recipe(**recipe))(black).pixels.max(axis=2)


def all_but_a_face() -> np.ndarray:
    mask = np.full((1024, 1024), 255, np.uint8)
    return cv2.ellipse(mask, (512, 512), (115, 141), 0, 0, 360, 0, -1)


def a_stroke() -> np.ndarray:
    return cv2.line(np.zeros((1024, 1024), np.uint8), (60, 60), (960, 960), 255, 12)


@recipes
def test_a_face_that_a_mask_leaves_out_does_not_change(recipe: dict) -> None:
    mask = all_but_a_face()
    bright = painted_white(mask, recipe)
    assert not bright[mask == 0].any()
    # Around it the seam is soft: a tenth of the face's width.
    away = cv2.distanceTransform(mask, cv2.DIST_L2, 0)
    assert bright[away > 24].min() == 255
    assert 0 < bright[(away > 5) & (away < 7)].mean() < 128


@recipes
def test_beside_a_thin_stroke_no_more_changes_than_it_grows_and_fades(recipe: dict) -> None:
    mask = a_stroke()
    bright = painted_white(mask, recipe)
    settings = Recipe(**recipe)
    grown = settings.mask.dilation // 2
    away = cv2.distanceTransform((mask == 0).astype(np.uint8), cv2.DIST_L2, 0)
    reach = settings.blend.feather_ratio * (12 + 2 * np.sqrt(2) * grown)
    assert not bright[away > np.sqrt(2) * grown + reach].any()
    middle = np.arange(100, 920)
    assert bright[middle, middle].min() == 255


@pytest.mark.parametrize("recipe", list(RECIPES.values())[:-1], ids=list(RECIPES)[:-1])
def test_the_face_and_all_but_it_never_both_claim_a_pixel(recipe: dict) -> None:
    mask = all_but_a_face()
    both = [painted_white(part, recipe) for part in (mask, 255 - mask)]
    assert np.minimum(*both).max() < 255
