"""The work that is measured: faces on a picture, as cutouts, the same for every program."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from detailer import Box, Canvas, Cutout, Detailer, Mask, Recipe, Region, Regions
from detailer.core.paint import Paint
from detailer.core.plan import Plan
from detailer.stages.crop import Crop, cut
from detailer.stages.paint import Painter, each

PROMPT, NEGATIVE = "a detailed face, (freckles:1.2), photo", "blurry, (bad:1.1)"
CELL, FACE = 512, 128
FACTOR = 3.0

nothing = each(lambda cutout: cutout.pixels)


@dataclass(frozen=True)
class Work:
    """How many faces are painted, how large, in how many steps; half of the noise is put on."""

    steps: int = 20
    side: int = 512
    faces: int = 1
    batch_size: int = 8
    prompt: str = PROMPT

    @property
    def paint(self) -> Paint:
        return Paint(
            prompt=self.prompt,
            negative=NEGATIVE,
            steps=self.steps,
            cfg=7.0,
            denoise=0.5,
            sampler_name="euler",
            scheduler="normal",
            noise_mask_feather=0,
            batch_size=self.batch_size,
            seed=7,
        )

    @property
    def recipe(self) -> Recipe:
        crop = Crop(
            guide_size=self.side,
            guide_size_for="crop_region",
            max_size=self.side,
            crop_factor=FACTOR,
        )
        return Recipe(crop=crop, mask=Mask(dilation=0), paint=self.paint)

    def picture(self) -> np.ndarray:
        """Soft colours, a cell of 512 px for each face, uint8."""
        columns, rows = min(self.faces, 4), -(-self.faces // 4)
        coarse = np.random.default_rng(0).random((rows * 8, columns * 8, 3))
        fine = coarse.repeat(CELL // 8, 0).repeat(CELL // 8, 1)
        return (fine * 255).astype(np.uint8)

    def detailer(self, painter: Painter) -> Detailer:
        return Detailer(self._found, painter, self.recipe)

    def cutouts(self) -> list[Cutout]:
        """What the painter is given; all of the same size."""
        canvas = Canvas(self.picture())
        plan: Plan = self.detailer(nothing).plan(canvas)
        sizes = {patch.size for patch in plan.patches}
        assert len(plan.patches) == self.faces
        assert {(size.width, size.height) for size in sizes} == {(self.side, self.side)}
        return [cut(canvas, patch) for patch in plan.patches]

    def _found(self, picture: np.ndarray) -> Regions:
        boxes = []
        for index in range(self.faces):
            left = index % 4 * CELL + (CELL - FACE) // 2
            top = index // 4 * CELL + (CELL - FACE) // 2
            boxes.append(Box(left, top, left + FACE, top + FACE))
        size = Canvas(picture).size
        return Regions(size, tuple(Region.from_box(box, label="face") for box in boxes))
