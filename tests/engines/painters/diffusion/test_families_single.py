"""Single files: a checkpoint predicts what the folder that it was made from predicts."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor

from detailer.core.geometry import Size
from detailer.engines.painters.diffusion.families import family_of
from detailer.engines.painters.diffusion.families.family import Family
from detailer.engines.painters.diffusion.forward import Forward, Guides
from detailer.engines.painters.diffusion.loading import open_pipeline
from tests.engines.painters.diffusion import tiny
from tests.engines.painters.diffusion.loading import checkpoints, original
from tests.engines.painters.diffusion.original_transformers import sd3_checkpoint, z_image

SIZE = Size(64, 64)


def sd3_tensors() -> original.Tensors:
    pipe = tiny.opened("sd3").pipe
    return sd3_checkpoint(pipe) | original.vae(pipe.vae)


def sd15_inpaint_tensors() -> original.Tensors:
    return checkpoints.sd15_tensors() | original.unet(tiny.opened("sd15_inpaint").pipe.unet)


# Of a model that is whole, its folder is given without weights: only the configuration is used.
WHOLE: dict[str, Callable[[], original.Tensors]] = {
    "sd15": checkpoints.sd15_tensors,
    "sd15_inpaint": sd15_inpaint_tensors,
    "sdxl": checkpoints.sdxl_tensors,
    "sdxl_refiner": checkpoints.refiner_tensors,
    "sd3": sd3_tensors,
}
# Of these, files hold the transformer alone; but for Z-Image's by diffusers' own names.
ALONE = ("z_image", "flux", "flux_fill", "chroma", "qwen_image")


def predicted(family: Family) -> Tensor:
    draw = torch.Generator().manual_seed(8)
    channels = family.vae.channels
    x = torch.randn(1, channels, 8, 8, generator=draw)
    hole = None
    if family.takes_hole:
        more = family.vae.factor**2 if family.name == "flux" else 1
        hole = torch.rand(1, channels + more, 8, 8, generator=draw)
    said = family.encode_text(["a (smiling:1.2) face"])
    return family.predict(Forward(x, torch.tensor([0.6]), said, Guides(SIZE, hole)))


def check(name: str, tensors: original.Tensors, config: Path, place: Path) -> None:
    source = checkpoints.written(tensors, place / "checkpoint.safetensors")
    loaded = open_pipeline(source, checkpoints.wishes(config=str(config)))
    single, folder = family_of(loaded), tiny.family(name)
    assert single.name == folder.name
    assert single.takes_hole == folder.takes_hole
    assert torch.equal(single.table(SIZE).sigmas, folder.table(SIZE).sigmas)
    torch.testing.assert_close(predicted(single), predicted(folder), rtol=0, atol=1e-6)
    pixels = torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(9))
    torch.testing.assert_close(single.vae.encode(pixels), folder.vae.encode(pixels))


@pytest.mark.parametrize("name", WHOLE)
def test_a_whole_checkpoint_predicts_what_its_folder_does(name: str, tmp_path: Path) -> None:
    leave = shutil.ignore_patterns("*.safetensors")
    config = shutil.copytree(tiny.folder(name), tmp_path / "config", ignore=leave)
    check(name, WHOLE[name](), config, tmp_path)


@pytest.mark.parametrize("name", ALONE)
def test_a_transformer_alone_predicts_what_its_folder_does(name: str, tmp_path: Path) -> None:
    transformer = tiny.opened(name).pipe.transformer
    tensors = z_image(transformer) if name == "z_image" else transformer.state_dict()
    check(name, tensors, tiny.folder(name), tmp_path)
