"""A VAE that is given beside a model."""

from __future__ import annotations

import shutil

import pytest

from detailer.engines.painters.diffusion.loading.folders import read_index
from detailer.engines.painters.diffusion.loading.quiet import quiet
from detailer.engines.painters.diffusion.loading.vae import open_vae
from detailer.errors import EngineError, MissingEngineError
from tests.engines.painters.diffusion import tiny
from tests.engines.painters.diffusion.loading import original
from tests.engines.painters.diffusion.loading.checkpoints import lone_vae, written


@pytest.fixture
def index():
    return read_index(tiny.folder("sd15"))


def test_a_vaes_own_folder_and_a_models_folder_are_taken(index):
    with quiet():
        for folder in (lone_vae(), tiny.folder("sdxl")):
            assert open_vae(str(folder), index).config.latent_channels == 4


def test_a_vae_for_other_latents_is_refused(index):
    with quiet(), pytest.raises(EngineError, match="16 channels, the model needs 4"):
        open_vae(str(tiny.folder("flux")), index)


def test_a_vae_that_does_not_fit_the_configuration_is_refused(index, tmp_path):
    vae = tiny.opened("flux").pipe.vae
    file = written(original.vae(vae, ""), tmp_path / "vae.safetensors")
    with quiet(), pytest.raises(EngineError, match="vae"):
        open_vae(str(file.path), index)


@pytest.mark.parametrize("kept", ["config.json", "diffusion_pytorch_model.safetensors"])
def test_half_a_folder_is_refused(index, tmp_path, kept):
    shutil.copy(lone_vae() / kept, tmp_path / kept)
    with quiet(), pytest.raises(EngineError, match="vae="):
        open_vae(str(tmp_path), index)


def test_a_vae_that_is_not_there_is_missing(index, monkeypatch, tmp_path):
    monkeypatch.setenv("DETAILER_OFFLINE", "1")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    for text in ("nobody/nothing-at-all", "no such file.safetensors"):
        with pytest.raises(MissingEngineError, match="vae="):
            open_vae(text, index)
