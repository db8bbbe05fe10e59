"""Makes a portrait whose face is soft, as small pictures are that were enlarged.

python examples/soft_portrait.py out/soft.png
"""

from __future__ import annotations

import sys
from pathlib import Path

import skimage.data
from PIL import Image


def main(target: str) -> None:
    """Write the portrait of an astronaut, enlarged from a third of its size."""
    sharp = Image.fromarray(skimage.data.astronaut())
    small = sharp.resize((176, 176), Image.Resampling.BICUBIC)
    Path(target).parent.mkdir(parents=True, exist_ok=True)
    small.resize(sharp.size, Image.Resampling.BICUBIC).save(target)


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "out/soft.png")
