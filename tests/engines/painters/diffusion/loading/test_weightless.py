"""Weightless: what loading would lack, seen without any weights."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from detailer.engines.painters.diffusion.loading import Source, open_pipeline
from detailer.engines.painters.diffusion.loading.weightless import weightless
from detailer.errors import DetailerError, EngineError, InputError
from tests.engines.painters.diffusion import tiny
from tests.engines.painters.diffusion.loading import original_transformers
from tests.engines.painters.diffusion.loading.checkpoints import (
    refiner_tensors,
    sd15_tensors,
    sdxl_tensors,
    wishes,
    written,
)

MADE = {"sd15": sd15_tensors, "sdxl": sdxl_tensors, "sdxl_refiner": refiner_tensors}


def copied(name: str, folder: Path) -> Path:
    return Path(shutil.copytree(tiny.folder(name), folder / name))


def shapes(network: Any) -> dict[str, tuple[int, ...]]:
    return {name: tuple(each.shape) for name, each in network.state_dict().items()}


@pytest.mark.parametrize("name", tiny.MADE)
def test_a_whole_folder_passes_and_has_the_networks_of_the_real_one(name: str) -> None:
    made = weightless(Source.parse(str(tiny.folder(name))), wishes())
    pipe = tiny.opened(name).pipe
    for part, network in pipe.components.items():
        if isinstance(network, torch.nn.Module):
            assert shapes(made[part]) == shapes(network)
            assert all(value.is_meta for value in made[part].parameters())


@pytest.mark.parametrize("name", MADE)
def test_a_whole_checkpoint_passes(tmp_path: Path, name: str) -> None:
    source = written(MADE[name](), tmp_path / "a.safetensors")
    made = weightless(source, wishes(config=str(tiny.folder(name))))
    for part, network in made.items():
        assert shapes(network) == shapes(tiny.opened(name).pipe.components[part])
        assert all(value.is_meta for value in network.parameters())


@pytest.mark.parametrize("name", ["sd3", "z_image"])
def test_a_transformer_by_its_original_names_passes(tmp_path: Path, name: str) -> None:
    convert = getattr(original_transformers, name)
    source = written(convert(tiny.opened(name).pipe.transformer), tmp_path / "a.safetensors")
    assert "transformer" in weightless(source, wishes(config=str(tiny.folder(name))))


LOST = {
    "sd15": ("model.diffusion_model.out.2.bias", "cond_stage_model.transformer.text_model.encoder."
             "layers.1.mlp.fc1.weight", "first_stage_model.decoder.conv_in.weight"),
    "sdxl": ("model.diffusion_model.label_emb.0.2.bias",
             "conditioner.embedders.1.model.transformer.resblocks.0.ln_1.bias",
             "conditioner.embedders.1.model.ln_final.bias"),
}  # fmt: skip


@pytest.mark.parametrize(("name", "key"), [(name, key) for name in LOST for key in LOST[name]])
def test_a_checkpoint_that_lacks_a_tensor_fails_as_loading_does(
    tmp_path: Path, name: str, key: str
) -> None:
    tensors = MADE[name]()
    del tensors[key]
    source = written(tensors, tmp_path / "a.safetensors")
    options = wishes(config=str(tiny.folder(name)))
    said = []
    for look in (weightless, open_pipeline):
        with pytest.raises(EngineError) as error:
            look(source, options)
        said.append(str(error.value))
    assert "lacks 1 of its tensors" in said[0] or "cannot be loaded" in said[0]
    # Which part it is, loading says too.
    assert len({each.split()[0].rstrip(":") for each in said}) == 1


@pytest.mark.parametrize("part", ["unet", "vae", "text_encoder"])
def test_a_folder_that_lacks_a_tensor_fails_as_loading_does(tmp_path: Path, part: str) -> None:
    folder = copied("sd15", tmp_path)
    (file,) = (folder / part).glob("*.safetensors")
    tensors = load_file(file)
    lost = sorted(name for name in tensors if "conv_in" in name or "fc1" in name)[0]
    save_file({name: each for name, each in tensors.items() if name != lost}, file)
    source = Source.parse(str(folder))
    for look in (weightless, open_pipeline):
        with pytest.raises(EngineError, match=f"{part} lacks 1 of its tensors, such as"):
            look(source, wishes())


def broken_file(folder: Path) -> None:
    file = folder / "unet" / "diffusion_pytorch_model.safetensors"
    file.write_bytes(file.read_bytes()[:-9])


def no_weights(folder: Path) -> None:
    (folder / "text_encoder" / "model.safetensors").unlink()


def no_config(folder: Path) -> None:
    (folder / "unet" / "config.json").unlink()


@pytest.mark.parametrize("harm", [broken_file, no_weights, no_config])
def test_a_folder_that_cannot_be_loaded_fails(tmp_path: Path, harm: Any) -> None:
    folder = copied("sd15", tmp_path)
    harm(folder)
    source = Source.parse(str(folder))
    for look in (weightless, open_pipeline):
        with pytest.raises(DetailerError):
            look(source, wishes())


def test_a_checkpoint_without_text_encoder_fails(tmp_path: Path) -> None:
    tensors = {name: each for name, each in sd15_tensors().items() if "cond_stage" not in name}
    source = written(tensors, tmp_path / "a.safetensors")
    shell = tmp_path / "shell"
    shutil.copytree(tiny.folder("sd15"), shell, ignore=shutil.ignore_patterns("*.safetensors"))
    with pytest.raises(EngineError, match="lacks text_encoder"):
        weightless(source, wishes(config=str(shell)))


def test_a_pickle_is_refused_unless_it_is_allowed(tmp_path: Path) -> None:
    path = tmp_path / "a.ckpt"
    torch.save(sd15_tensors(), path)
    with pytest.raises(InputError, match="is a pickle"):
        weightless(Source.parse(str(path)), wishes())
    assert weightless(Source.parse(str(path)), wishes(allow_pickle=(str(path),))) == {}


def test_a_vae_that_is_given_is_looked_at(tmp_path: Path) -> None:
    broken = tmp_path / "vae.safetensors"
    broken.write_bytes(b"nothing of a VAE")
    source = Source.parse(str(tiny.folder("sd15")))
    with pytest.raises(EngineError, match=r"vae\.safetensors"):
        weightless(source, wishes(vae=str(broken)))
    (tmp_path / "empty").mkdir()
    with pytest.raises(EngineError, match="no safetensors weights of a VAE"):
        weightless(source, wishes(vae=str(tmp_path / "empty")))
