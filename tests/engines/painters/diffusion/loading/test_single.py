"""Checkpoints in one file: put together, or refused with what is wrong with them."""

from __future__ import annotations

import pickle
import shutil

import pytest
import torch

from detailer.engines.painters.diffusion.loading import Source, open_pipeline
from detailer.engines.painters.diffusion.loading import tokenizers as vocabulary
from detailer.errors import EngineError, InputError, MissingEngineError
from tests.engines.painters.diffusion import tiny
from tests.engines.painters.diffusion.loading import original, original_transformers
from tests.engines.painters.diffusion.loading.checkpoints import (
    refiner_tensors,
    sd15_tensors,
    sdxl_tensors,
    wishes,
    written,
)

MADE = {"sd15": sd15_tensors, "sdxl": sdxl_tensors, "sdxl_refiner": refiner_tensors}


def configuration(name, path):
    """A model's folder without any weights."""
    leave = shutil.ignore_patterns("*.safetensors")
    return str(shutil.copytree(tiny.folder(name), path / "config", ignore=leave))


def opened(source, **options):
    return open_pipeline(source, wishes(**options))


def same(ours, theirs):
    ours, theirs = ours.state_dict(), theirs.state_dict()
    return ours.keys() == theirs.keys() and all(torch.equal(ours[k], theirs[k]) for k in theirs)


def without(tensors, *begins):
    return {name: each for name, each in tensors.items() if not name.startswith(begins)}


@pytest.mark.parametrize("name", MADE)
def test_a_checkpoint_gives_what_the_folder_gives(tmp_path, name):
    source = written(MADE[name](), tmp_path / "a.safetensors")
    loaded = opened(source, config=configuration(name, tmp_path))
    other = tiny.opened(name)
    assert loaded.card.family == other.card.family == name
    assert type(loaded.pipe) is type(other.pipe)
    assert loaded.pipe.scheduler.config == other.pipe.scheduler.config
    for part, network in other.pipe.components.items():
        if isinstance(network, torch.nn.Module):
            assert same(loaded.pipe.components[part], network), part


@pytest.mark.parametrize("name", ["qwen_image", "flux", "chroma", "sd3", "z_image"])
def test_a_transformer_alone_takes_the_rest_from_a_folder(tmp_path, name):
    transformer = tiny.opened(name).pipe.transformer
    source = written(transformer.state_dict(), tmp_path / "a.safetensors")
    loaded = opened(source, config=str(tiny.folder(name)))
    assert loaded.card.family == name
    assert same(loaded.pipe.transformer, transformer)
    assert same(loaded.pipe.text_encoder, tiny.opened(name).pipe.text_encoder)
    assert same(loaded.pipe.vae, tiny.opened(name).pipe.vae)


@pytest.mark.parametrize("name", ["sd3", "z_image"])
def test_a_transformer_by_its_original_names_is_converted(tmp_path, name):
    transformer = tiny.opened(name).pipe.transformer
    convert = getattr(original_transformers, name)
    for begin in ("", "model.diffusion_model."):
        source = written(convert(transformer, begin), tmp_path / "a.safetensors")
        loaded = opened(source, config=str(tiny.folder(name)))
        assert loaded.card.family == name
        assert same(loaded.pipe.transformer, transformer)


def sd3_tensors():
    """All of the tiny SD3's, as its makers put them into one file."""
    pipe = tiny.opened("sd3").pipe
    return {
        **original_transformers.sd3(pipe.transformer),
        **original.vae(pipe.vae),
        **original.clip(pipe.text_encoder, "text_encoders.clip_l."),
        **original.clip(pipe.text_encoder_2, "text_encoders.clip_g."),
        **original_transformers.t5(pipe.text_encoder_3),
    }


def test_stable_diffusion_3_in_one_file_has_all_its_text_encoders(tmp_path):
    source = written(sd3_tensors(), tmp_path / "a.safetensors")
    loaded = opened(source, config=configuration("sd3", tmp_path))
    other = tiny.opened("sd3").pipe
    for part in ("transformer", "vae", "text_encoder_2", "text_encoder_3"):
        assert same(loaded.pipe.components[part], other.components[part]), part
    ours, theirs = loaded.pipe.text_encoder, other.text_encoder
    assert torch.equal(ours(torch.tensor([[1, 2]]))[1], theirs(torch.tensor([[1, 2]]))[1])


def test_stable_diffusion_3_runs_without_t5(tmp_path):
    tensors = without(sd3_tensors(), "text_encoders.t5xxl.")
    loaded = opened(
        written(tensors, tmp_path / "a.safetensors"), config=configuration("sd3", tmp_path)
    )
    assert loaded.pipe.text_encoder_3 is None


def test_a_prefix_makes_no_difference_to_a_transformer(tmp_path):
    transformer = tiny.opened("qwen_image").pipe.transformer
    named = {f"model.diffusion_model.{k}": v for k, v in transformer.state_dict().items()}
    source = written(named, tmp_path / "a.safetensors")
    loaded = opened(source, config=str(tiny.folder("qwen_image")))
    assert same(loaded.pipe.transformer, transformer)


def test_an_inpainting_checkpoint_needs_no_configuration_of_its_own(tmp_path):
    pipe = tiny.opened("sd15_inpaint").pipe
    tensors = sd15_tensors() | original.unet(pipe.unet)
    source = written(tensors, tmp_path / "a.safetensors")
    loaded = opened(source, config=configuration("sd15", tmp_path))
    assert loaded.card.inpaint
    assert same(loaded.pipe.unet, pipe.unet)


def test_a_checkpoint_that_says_so_predicts_velocity(tmp_path):
    marks = {"v_pred": torch.zeros(0), "ztsnr": torch.zeros(0)}
    source = written(sd15_tensors() | marks, tmp_path / "a.safetensors")
    loaded = opened(source, config=configuration("sd15", tmp_path))
    scheduler = loaded.pipe.scheduler.config
    assert loaded.card.prediction == scheduler.prediction_type == "v_prediction"
    assert scheduler.rescale_betas_zero_snr


def test_a_configuration_says_what_a_checkpoint_predicts(tmp_path):
    source = written(sd15_tensors(), tmp_path / "a.safetensors")
    loaded = opened(source, config=configuration("sd15_velocity", tmp_path))
    assert loaded.card.prediction == "v_prediction"


def test_a_checkpoint_narrower_than_asked_for_is_widened(tmp_path):
    tensors = {name: each.half() for name, each in sd15_tensors().items()}
    loaded = opened(
        written(tensors, tmp_path / "a.safetensors"), config=configuration("sd15", tmp_path)
    )
    for part in ("unet", "vae", "text_encoder"):
        assert getattr(loaded.pipe, part).dtype == torch.float32


def test_an_ema_copy_is_not_taken(tmp_path):
    copy = {f"model_ema.{i}": torch.zeros(1) for i in range(200)}
    source = written(sd15_tensors() | copy, tmp_path / "a.safetensors")
    loaded = opened(source, config=configuration("sd15", tmp_path))
    assert same(loaded.pipe.unet, tiny.opened("sd15").pipe.unet)


def test_a_unet_alone_says_what_is_missing(tmp_path):
    source = written(original.unet(tiny.opened("sd15").pipe.unet), tmp_path / "a.safetensors")
    with pytest.raises(EngineError, match="holds unet and lacks vae, text_encoder"):
        opened(source, config=configuration("sd15", tmp_path))


def test_what_a_file_lacks_comes_from_the_configurations_folder(tmp_path):
    source = written(original.unet(tiny.opened("sd15").pipe.unet), tmp_path / "a.safetensors")
    loaded = opened(source, config=str(tiny.folder("sd15")))
    assert same(loaded.pipe.vae, tiny.opened("sd15").pipe.vae)


def test_a_vae_that_is_given_is_taken(tmp_path):
    tensors = without(sd15_tensors(), "first_stage_model.")
    source = written(tensors, tmp_path / "a.safetensors")
    config = configuration("sd15", tmp_path)
    with pytest.raises(EngineError, match="lacks vae; give vae=FILE"):
        opened(source, config=config)
    vae = tiny.opened("sd15").pipe.vae
    for number, named in enumerate([original.vae(vae, ""), original.vae(vae), vae.state_dict()]):
        file = written(named, tmp_path / f"vae{number}.safetensors")
        assert same(opened(source, config=config, vae=str(file.path)).pipe.vae, vae)


def test_a_network_that_lacks_tensors_is_refused(tmp_path):
    tensors = without(sd15_tensors(), "model.diffusion_model.middle_block.1.proj_out")
    source = written(tensors, tmp_path / "a.safetensors")
    with pytest.raises(EngineError, match="unet"):
        opened(source, config=configuration("sd15", tmp_path))


@pytest.mark.parametrize(
    "name",
    ["first_stage_model.decoder.norm_out.weight",
     "cond_stage_model.transformer.text_model.final_layer_norm.weight"],
)  # fmt: skip
def test_a_tensor_that_is_lost_is_named_by_its_part(tmp_path, name):
    part = "vae" if "first" in name else "text_encoder"
    source = written(without(sd15_tensors(), name), tmp_path / "a.safetensors")
    with pytest.raises(EngineError, match=f"{part}.*lacks .*tensors"):
        opened(source, config=configuration("sd15", tmp_path))


def test_tensors_of_another_shape_are_refused(tmp_path):
    tensors = sd15_tensors()
    tensors["model.diffusion_model.time_embed.0.weight"] = torch.zeros(7, 7)
    source = written(tensors, tmp_path / "a.safetensors")
    with pytest.raises(EngineError, match="unet cannot be loaded"):
        opened(source, config=configuration("sd15", tmp_path))


def test_a_configuration_of_another_family_is_refused(tmp_path):
    source = written(sd15_tensors(), tmp_path / "a.safetensors")
    with pytest.raises(EngineError, match=r"is a sd15 model, and .* configures sdxl"):
        opened(source, config=configuration("sdxl", tmp_path))


@pytest.mark.parametrize("config", ["no/such/folder", "."])
def test_a_configuration_that_is_no_folder_of_diffusers_is_refused(tmp_path, config):
    source = written(sd15_tensors(), tmp_path / "a.safetensors")
    with pytest.raises(InputError, match=r"no model_index\.json"):
        opened(source, config=str(tmp_path / config))


def test_a_truncated_checkpoint_is_told_with_its_sizes(tmp_path):
    source = written(sd15_tensors(), tmp_path / "a.safetensors")
    content = source.path.read_bytes()
    source.path.write_bytes(content[: len(content) // 2])
    with pytest.raises(EngineError, match=f"expected {len(content)}"):
        opened(source, config=configuration("sd15", tmp_path))


@pytest.fixture
def offline(monkeypatch, tmp_path):
    monkeypatch.setenv("DETAILER_OFFLINE", "1")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))


@pytest.mark.usefixtures("offline")
@pytest.mark.parametrize(
    ("name", "repository"),
    [("flux", "FLUX.1-dev"), ("z_image", "Z-Image"), ("sd3", "stable-diffusion-3")],
)
def test_offline_it_is_said_what_would_be_looked_up(tmp_path, name, repository):
    transformer = tiny.opened(name).pipe.transformer
    source = written(transformer.state_dict(), tmp_path / "a.safetensors")
    with pytest.raises(MissingEngineError, match=rf"Hub at .*{repository}.*config=FOLDER"):
        opened(source)


@pytest.mark.usefixtures("offline")
def test_without_a_vocabulary_the_hub_would_be_asked(tmp_path, monkeypatch):
    def missing(*_):
        raise MissingEngineError("not here")

    monkeypatch.setattr(vocabulary, "installed_file", missing)
    source = written(sd15_tensors(), tmp_path / "a.safetensors")
    with pytest.raises(MissingEngineError, match="stable-diffusion-v1-5"):
        opened(source)


def test_a_pickle_that_is_allowed_is_opened(tmp_path):
    path = tmp_path / "a.ckpt"
    torch.save({"state_dict": original.contiguous(sd15_tensors()), "epoch": 3}, path)
    config = configuration("sd15", tmp_path)
    loaded = opened(Source.parse(str(path)), config=config, allow_pickle=(str(path),))
    assert same(loaded.pipe.unet, tiny.opened("sd15").pipe.unet)


class Trap:
    """Runs something when it is unpickled."""

    def __reduce__(self):
        return (pytest.fail, ("the pickle was run",))


@pytest.mark.parametrize("held", [{"state_dict": Trap()}, Trap(), [1, 2], {}])
def test_a_pickle_never_runs_anything(tmp_path, held):
    path = tmp_path / "a.ckpt"
    torch.save(held, path)
    with pytest.raises(EngineError, match=r"a\.ckpt"):
        opened(Source.parse(str(path)), allow_pickle=(str(path),))


def test_what_is_no_pickle_is_told(tmp_path):
    path = tmp_path / "a.ckpt"
    path.write_bytes(pickle.dumps({})[:-1])
    with pytest.raises(EngineError, match=r"take the model's \.safetensors file"):
        opened(Source.parse(str(path)), allow_pickle=(str(path),))


def test_a_checkpoint_trained_in_edms_manner_is_refused(tmp_path):
    marks = {"edm_mean": torch.zeros(4), "edm_std": torch.zeros(4)}
    source = written(sdxl_tensors() | marks, tmp_path / "a.safetensors")
    with pytest.raises(EngineError, match="EDM"):
        opened(source, config=configuration("sdxl", tmp_path))


def old_named(tensors):
    """As checkpoints of 2022 have them: CLIP's layers without text_model before them."""
    return {name.replace("transformer.text_model.", "transformer."): each
            for name, each in tensors.items()}  # fmt: skip


@pytest.mark.parametrize("name", MADE)
def test_text_encoders_of_old_checkpoints_are_read(tmp_path, name):
    tensors = old_named(MADE[name]())
    assert not any(".text_model." in key for key in tensors)
    source = written(tensors, tmp_path / "old.safetensors")
    loaded = opened(source, config=configuration(name, tmp_path))
    for part in ("text_encoder", "text_encoder_2"):
        ours, theirs = loaded.pipe.components.get(part), tiny.opened(name).pipe.components.get(part)
        assert (ours is None) == (theirs is None)
        assert ours is None or same(ours, theirs)


def test_an_old_checkpoint_as_a_pickle_is_read_too(tmp_path):
    torch.save({"state_dict": old_named(sd15_tensors())}, tmp_path / "old.ckpt")
    loaded = opened(
        Source.parse(str(tmp_path / "old.ckpt")),
        config=configuration("sd15", tmp_path),
        allow_pickle=(str(tmp_path / "old.ckpt"),),
    )
    assert same(loaded.pipe.text_encoder, tiny.opened("sd15").pipe.text_encoder)
