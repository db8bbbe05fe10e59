"""Makes a checkpoint in Stable Diffusion 1.5's file layout, with random but well-behaved weights.

    python -m tests.interop.weights FOLDER [--layout narrow|real]

Three structured tensors (`eye`) make the UNet answer roughly with its input and a random function
of it, of the time and of the text, much as a trained noise predictor does: pairs of +1 and -1 in
the first convolution survive the last SiLU, since silu(a) - silu(-a) = a, and the last skip
connection hands them through. With plain random weights sampling would be chaotic, and two right
programs would disagree.
"""

from __future__ import annotations

import argparse
import hashlib
import os
from pathlib import Path

import torch
from safetensors.torch import save_file

from tests.interop.layout import NARROW, REAL, TEXT, Layout, Weight, weights

LAYOUTS = {"narrow": NARROW, "real": REAL}


def made(weight: Weight) -> torch.Tensor:
    """The tensor, fp16; seeded by its name, so no order matters."""
    seed = int.from_bytes(hashlib.sha256(weight.name.encode()).digest()[:7], "little")
    generator = torch.Generator().manual_seed(seed)
    values = torch.randn(weight.shape, generator=generator) * weight.scale + weight.base
    if weight.eye == "pairs_in":
        for row in range(weight.shape[0]):
            values[row, row // 2 % 4, 1, 1] += 1 - 2 * (row % 2)
    elif weight.eye == "pairs_out":
        for column in range(weight.shape[1]):
            values[column // 2 % 4, column, 1, 1] += (1 - 2 * (column % 2)) / 15
    elif weight.eye == "skip":
        rows = weight.shape[0]
        values[torch.arange(rows), torch.arange(rows) + rows] += 1
    return values.half()


def checkpoint(layout: Layout) -> dict[str, torch.Tensor]:
    tensors = {weight.name: made(weight) for weight in weights(layout)}
    # Files from the wild have these positions too; nobody needs them.
    tensors[f"{TEXT}embeddings.position_ids"] = torch.arange(77)[None]
    return tensors


def checkpoint_file(folder: Path, name: str) -> Path:
    """The file of a layout, made where it is missing; 0.5 GB narrow, 2.1 GB real."""
    path = folder / f"sd15_{name}.safetensors"
    if not path.is_file():
        folder.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(f".{os.getpid()}")
        save_file(checkpoint(LAYOUTS[name]), part)
        part.replace(path)
    return path


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--layout", default="narrow", choices=LAYOUTS)
    chosen = parser.parse_args()
    checkpoint_file(chosen.folder, chosen.layout)


if __name__ == "__main__":
    main()
