"""Makes the picture of the guide: what may change at which share of the steps, by mask mode.

python examples/mask_modes.py docs/mask-modes.jpg
"""

from __future__ import annotations

import sys

import numpy as np
import skimage.data
import torch
from PIL import Image, ImageDraw, ImageOps

import detailer
from detailer.core.canvas import Canvas
from detailer.core.plan import Cutout
from detailer.engines.painters.diffusion.masks import Act, Kept, Mode, latent_mask
from detailer.engines.painters.diffusion.schedules import Steps, sigmas
from detailer.engines.painters.diffusion.table import Table, betas
from detailer.stages.crop import cut

MODES: tuple[Mode, ...] = ("hard", "blend", "differential")
STEPS = 20
SHOWN = (0, 5, 10, 19)
SIDE = 224
HEAD, LEFT = 28, 108


def main(target: str) -> None:
    """One row for each mode; orange is what the model may change in that step."""
    recipe = detailer.Recipe(
        detect={"detector": "face"},
        crop={"guide_size": 256, "max_size": 512},
        mask={"dilation": -12},
        paint={"painter": "classic", "noise_mask_feather": 100},
    )
    canvas = Canvas(skimage.data.astronaut())
    plan = detailer.load(recipe, without="painters").plan(canvas)
    cutout = cut(canvas, plan.patches[0])
    sheet = Image.new("RGB", (LEFT + len(SHOWN) * SIDE, HEAD + len(MODES) * SIDE), "white")
    draw = ImageDraw.Draw(sheet)
    for column, step in enumerate(SHOWN):
        draw.text((LEFT + column * SIDE + 8, 8), f"step {step + 1} of {STEPS}", fill="black")
    for row, mode in enumerate(MODES):
        draw.text((8, HEAD + row * SIDE + SIDE // 2), mode, fill="black")
        for column, mask in enumerate(over_time(cutout, mode)):
            place = LEFT + column * SIDE, HEAD + row * SIDE
            sheet.paste(shown(cutout, mask), place)
    sheet.save(target, quality=88)


def over_time(cutout: Cutout, mode: Mode) -> list[np.ndarray]:
    """The mask at the steps that are shown, (h, w) each, in cells of the latents."""
    height, width = (side // 8 for side in cutout.patch.size.shape)
    mask = latent_mask(cutout, (height, width), mode)[None]
    table = Table.trained(betas())
    levels = sigmas(Steps(steps=STEPS, denoise=0.5), table)[None]
    latents = torch.zeros(1, 4, height, width)
    kept = Kept(latents, latents, mask, [Act(mode)], levels, table)
    return [kept.at(levels[:, step])[0, 0].numpy() for step in SHOWN]


def shown(cutout: Cutout, mask: np.ndarray) -> Image.Image:
    """The crop with the mask laid over it."""
    pixels = Image.fromarray((cutout.pixels * 255).astype(np.uint8))
    cells = Image.fromarray((mask * 160).astype(np.uint8)).resize(pixels.size, Image.Resampling.BOX)
    orange = Image.new("RGB", pixels.size, (255, 120, 0))
    pixels = pixels.convert("L").convert("RGB")
    pixels.paste(orange, (0, 0), cells)
    return ImageOps.fit(pixels, (SIDE, SIDE))


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "docs/mask-modes.jpg")
