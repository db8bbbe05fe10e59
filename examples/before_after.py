"""Makes the picture at the top of the README: a small face, before and after.

python examples/before_after.py docs/before-after.jpg
"""

from __future__ import annotations

import sys

import numpy as np
import skimage.data
from PIL import Image

import detailer

FACE = (140, 12, 332, 204)
SHOWN = 512


def main(target: str) -> None:
    """Shrink the astronaut to a third, detail her face, and show both side by side."""
    sharp = Image.fromarray(skimage.data.astronaut())
    blurred = sharp.resize((176, 176), Image.Resampling.BICUBIC).resize(
        sharp.size, Image.Resampling.BICUBIC
    )
    finished = detailer.load("face")(np.asarray(blurred))
    sheet = Image.new("RGB", (2 * SHOWN + 8, SHOWN), "white")
    for place, picture in enumerate((blurred, Image.fromarray(np.array(finished.pixels)))):
        face = picture.crop(FACE).resize((SHOWN, SHOWN), Image.Resampling.LANCZOS)
        sheet.paste(face, (place * (SHOWN + 8), 0))
    sheet.save(target, quality=88)


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "docs/before-after.jpg")
