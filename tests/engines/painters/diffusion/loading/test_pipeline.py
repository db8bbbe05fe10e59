"""Models of every family, opened from folders as diffusers writes them."""

from __future__ import annotations

import json
import shutil

import diffusers
import numpy as np
import pytest
import torch
from safetensors.numpy import save_file

from detailer.engines.painters.diffusion.loading import Source, open_pipeline
from detailer.engines.painters.diffusion.loading.folders import read_index
from detailer.engines.painters.diffusion.loading.quiet import quiet
from detailer.errors import EngineError, InputError, MissingEngineError
from tests.engines.painters.diffusion import tiny
from tests.engines.painters.diffusion.loading.checkpoints import wishes


def networks(pipe):
    return {k: v for k, v in pipe.components.items() if isinstance(v, torch.nn.Module)}


def copied(name, path):
    return shutil.copytree(tiny.folder(name), path / name)


def opened(folder, **options):
    return open_pipeline(Source.parse(str(folder)), wishes(**options))


@pytest.mark.parametrize("name", tiny.MADE)
def test_a_folder_gives_what_was_saved(name):
    loaded = tiny.opened(name)
    with quiet():
        made = tiny.MADE[name]()
    assert type(loaded.pipe) is type(made)
    assert networks(loaded.pipe).keys() == networks(made).keys()
    for part, network in networks(made).items():
        ours = networks(loaded.pipe)[part].state_dict()
        for key, value in network.state_dict().items():
            assert torch.equal(ours[key], value), (part, key)


@pytest.mark.parametrize("name", ["sdxl", "flux"])
def test_networks_are_never_trained(name):
    for network in networks(tiny.opened(name).pipe).values():
        assert not network.training
        assert not any(each.requires_grad for each in network.parameters())


@pytest.mark.parametrize("name", ["sd15", "sd3", "qwen_image"])
def test_networks_and_text_encoders_have_the_precision_that_is_asked_for(name):
    loaded = tiny.fresh(name, dtype="bf16")
    assert loaded.dtype == torch.bfloat16
    for network in networks(loaded.pipe).values():
        assert {each.dtype for each in network.parameters()} == {torch.bfloat16}


def test_a_vae_that_cannot_bear_fp16_is_widened():
    from detailer.engines.painters.diffusion.loading.pipeline import _settle

    loaded = tiny.fresh("sd15")
    _settle(loaded.pipe, torch.float16, torch.device("cpu"))
    assert loaded.pipe.vae.dtype == torch.float32
    loaded.pipe.vae.register_to_config(force_upcast=False)
    _settle(loaded.pipe, torch.float16, torch.device("cpu"))
    assert loaded.pipe.vae.dtype == torch.float16


def test_nothing_is_said_while_a_model_is_loaded(capfd, caplog):
    tiny.fresh("sdxl")
    captured = capfd.readouterr()
    assert (captured.out, captured.err, caplog.text) == ("", "", "")


def test_a_safety_checker_is_not_loaded(tmp_path):
    folder = copied("sd15", tmp_path)
    index = json.loads((folder / "model_index.json").read_text())
    index["safety_checker"] = ["stable_diffusion", "StableDiffusionSafetyChecker"]
    index["feature_extractor"] = ["transformers", "CLIPImageProcessor"]
    (folder / "model_index.json").write_text(json.dumps(index))
    pipe = opened(folder).pipe
    assert (pipe.safety_checker, pipe.feature_extractor) == (None, None)


def test_another_vae_takes_the_place_of_the_models(tmp_path):
    torch.manual_seed(99)
    with quiet():
        vae = tiny.vae(scaling_factor=0.5)
        with torch.no_grad():
            vae.decoder.conv_out.bias.fill_(3)
        vae.save_pretrained(tmp_path / "vae")
    pipe = opened(tiny.folder("sd15"), vae=str(tmp_path / "vae")).pipe
    assert pipe.vae.config.scaling_factor == 0.5
    assert pipe.vae.decoder.conv_out.bias.tolist() == [3, 3, 3]


def test_a_tokenizer_that_is_lost_is_made_or_left_out(tmp_path):
    folder = copied("flux", tmp_path)
    shutil.rmtree(folder / "tokenizer_2")
    assert opened(folder).pipe.tokenizer_2 is None


@pytest.mark.parametrize("part", ["unet", "vae"])
def test_a_truncated_file_is_told_by_name_and_size(tmp_path, part):
    folder = copied("sd15", tmp_path)
    file = folder / part / "diffusion_pytorch_model.safetensors"
    file.write_bytes(file.read_bytes()[:-1000])
    with pytest.raises(EngineError, match=rf"{part}.*cut short: it has \d+ bytes, expected \d+"):
        opened(folder)


@pytest.mark.parametrize(("part", "stem"), [("unet", "diffusion_pytorch_model"), ("vae", "")])
def test_a_part_without_safetensors_is_named(tmp_path, part, stem):
    folder = copied("sd15", tmp_path)
    (folder / part / "diffusion_pytorch_model.safetensors").unlink()
    if stem:
        torch.save({}, folder / part / f"{stem}.bin")
    with pytest.raises(EngineError, match=f"{part} lacks safetensors"):
        opened(folder)


def test_weights_of_another_shape_are_refused(tmp_path):
    folder = copied("sd15", tmp_path)
    config = folder / "unet" / "config.json"
    config.write_text(config.read_text().replace('"in_channels": 4', '"in_channels": 9'))
    with pytest.raises(EngineError, match="cannot be loaded"):
        opened(folder)


@pytest.mark.parametrize("part", ["unet", "vae", "text_encoder"])
def test_a_network_that_lacks_tensors_is_refused(tmp_path, part):
    folder = copied("sd15", tmp_path)
    file = next((folder / part).glob("*.safetensors"))
    save_file({"unknown": np.zeros(3, np.float32)}, file)
    with pytest.raises(EngineError, match=part):
        opened(folder)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"_class_name": 3}', "{}"])
def test_a_broken_list_of_parts_is_refused(tmp_path, text):
    (tmp_path / "model_index.json").write_text(text)
    with pytest.raises(EngineError, match="model_index"):
        opened(tmp_path)


def test_a_pipeline_that_diffusers_does_not_have_is_named(tmp_path):
    (tmp_path / "model_index.json").write_text('{"_class_name": "TomorrowPipeline"}')
    with pytest.raises(EngineError, match=r"TomorrowPipeline.*pip install --upgrade diffusers"):
        opened(tmp_path)


def test_a_part_that_lies_outside_of_its_folder_is_none(tmp_path):
    index = {"_class_name": "X", "../vae": ["diffusers", "AutoencoderKL"]}
    (tmp_path / "model_index.json").write_text(json.dumps(index))
    assert read_index(tmp_path).parts == {}


def test_code_in_a_folder_is_not_run(tmp_path):
    folder = copied("sd15", tmp_path)
    index = json.loads((folder / "model_index.json").read_text())
    index["_class_name"] = ["pipeline", "Own"]
    (folder / "model_index.json").write_text(json.dumps(index))
    (folder / "pipeline.py").write_text("raise SystemExit('run')")
    with pytest.raises(EngineError):
        opened(folder)


def test_offline_a_name_that_is_not_cached_is_refused_at_once(monkeypatch, tmp_path):
    monkeypatch.setenv("DETAILER_OFFLINE", "1")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr(diffusers.utils.hub_utils, "HF_HUB_CACHE", str(tmp_path), raising=False)
    with pytest.raises(MissingEngineError, match="DETAILER_OFFLINE forbids"):
        open_pipeline(Source.parse("nobody/nothing-at-all"), wishes())


def test_a_pickle_is_refused_before_it_is_read(tmp_path):
    (tmp_path / "a.ckpt").write_bytes(b"anything")
    with pytest.raises(InputError, match="allow-pickle"):
        opened(tmp_path / "a.ckpt")
