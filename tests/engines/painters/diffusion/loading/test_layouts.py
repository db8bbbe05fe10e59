"""Configurations read off a checkpoint's shapes, so that nothing is looked up."""

from __future__ import annotations

import json

import pytest
import torch
import transformers

from detailer.engines.painters.diffusion.loading import open_pipeline
from detailer.engines.painters.diffusion.loading.card import Card
from detailer.engines.painters.diffusion.loading.families import card_of_file
from detailer.engines.painters.diffusion.loading.headers import Weight, read_header
from detailer.engines.painters.diffusion.loading.layouts import unet_config, write_layout
from detailer.engines.painters.diffusion.loading.telling import denoiser_of
from detailer.engines.painters.diffusion.loading.tokenizers import has_packaged_clip
from detailer.errors import EngineError
from tests.engines.painters.diffusion.loading import original
from tests.engines.painters.diffusion.loading.checkpoints import (
    lone_vae,
    narrow_clip,
    narrow_unet,
    wishes,
    written,
)

WITH_TEXT, PLAIN = "CrossAttnDownBlock2D", "DownBlock2D"
XL = {
    "use_linear_projection": True, "addition_embed_type": "text_time",
    "addition_time_embed_dim": 256, "projection_class_embeddings_input_dim": 1600,
}  # fmt: skip
# The real ones' levels, narrowed ten times and more.
UNETS = {
    "sd15": {
        "block_out_channels": (32, 64, 64, 64), "attention_head_dim": 8,
        "down_block_types": (WITH_TEXT,) * 3 + (PLAIN,), "cross_attention_dim": 64,
    },
    "sd2": {
        "block_out_channels": (64, 128, 128, 128), "attention_head_dim": [1, 2, 2, 2],
        "down_block_types": (WITH_TEXT,) * 3 + (PLAIN,), "cross_attention_dim": 1024,
        "use_linear_projection": True,
    },
    "sdxl": {
        "block_out_channels": (64, 64, 128), "attention_head_dim": [1, 1, 2],
        "down_block_types": (PLAIN, WITH_TEXT, WITH_TEXT), "cross_attention_dim": 128,
        "transformer_layers_per_block": [1, 2, 3], **XL,
    },
    "sdxl_refiner": {
        "block_out_channels": (64, 64, 128, 128), "attention_head_dim": [1, 1, 2, 2],
        "down_block_types": (PLAIN, WITH_TEXT, WITH_TEXT, PLAIN), "cross_attention_dim": 64,
        "transformer_layers_per_block": [1, 2, 2, 2], **XL,
    },
}  # fmt: skip
UP = {WITH_TEXT: "CrossAttnUpBlock2D", PLAIN: "UpBlock2D"}


def narrow(family):
    settings = UNETS[family]
    up = tuple(UP[each] for each in reversed(settings["down_block_types"]))
    return narrow_unet(**settings, up_block_types=up)


def texts(family):
    plain = narrow_clip(transformers.CLIPTextModel, 2, "quick_gelu")
    projected = narrow_clip(transformers.CLIPTextModelWithProjection, 2, "gelu")
    if family == "sd15":
        return {"text_encoder": plain}, original.clip(plain)
    if family == "sdxl":
        return {"text_encoder": plain, "text_encoder_2": projected}, (
            original.clip(plain, "conditioner.embedders.0.")
            | original.open_clip(projected, "conditioner.embedders.1.")
        )
    return {"text_encoder_2": projected}, original.open_clip(projected, "conditioner.embedders.0.")


def passed(unet):
    """What a UNet makes of a fixed input."""
    make = torch.Generator().manual_seed(0)
    config = unet.config
    added = None
    if config.addition_embed_type:
        width = config.projection_class_embeddings_input_dim - 6 * 256
        added = {"text_embeds": torch.ones(1, width), "time_ids": torch.ones(1, 6)}
    latents = torch.randn(1, config.in_channels, 16, 16, generator=make)
    text = torch.randn(1, 5, config.cross_attention_dim, generator=make)
    with torch.no_grad():
        return unet(latents, torch.tensor([500.0]), text, added_cond_kwargs=added).sample


@pytest.mark.skipif(not has_packaged_clip(), reason="needs open_clip_torch")
@pytest.mark.parametrize("family", ["sd15", "sdxl", "sdxl_refiner"])
def test_a_checkpoint_needs_nothing_but_itself(tmp_path, monkeypatch, family):
    monkeypatch.setenv("DETAILER_OFFLINE", "1")
    unet = narrow(family)
    networks, tensors = texts(family)
    source = written(original.unet(unet) | tensors, tmp_path / "a.safetensors")
    loaded = open_pipeline(source, wishes(vae=str(lone_vae())))
    assert loaded.card.family == family
    torch.testing.assert_close(passed(loaded.pipe.unet), passed(unet), rtol=0, atol=1e-5)
    words = torch.tensor([[49406, 320, 2368, 49407, 49407]])
    for name, network in networks.items():
        ours = loaded.pipe.components[name]
        assert torch.equal(ours(words).last_hidden_state, network(words).last_hidden_state)
        assert ours.config.hidden_act == network.config.hidden_act
        tokenizer = loaded.pipe.components[name.replace("text_encoder", "tokenizer")]
        assert tokenizer("a cat").input_ids == [49406, 320, 2368, 49407]


@pytest.mark.parametrize("family", UNETS)
def test_a_unets_shapes_tell_its_configuration(tmp_path, family):
    unet = narrow(family)
    source = written(original.unet(unet), tmp_path / "a.safetensors")
    header = read_header(source.path)
    told = unet_config(denoiser_of(header.weights), Card(family))
    for name in (
        "block_out_channels", "down_block_types", "up_block_types", "layers_per_block",
        "cross_attention_dim", "attention_head_dim", "use_linear_projection",
        "projection_class_embeddings_input_dim", "addition_embed_type", "mid_block_type",
    ):  # fmt: skip
        wanted = unet.config[name]
        assert told.get(name) == (list(wanted) if isinstance(wanted, tuple) else wanted), name


def test_stable_diffusion_2_reads_the_last_layer_but_one(tmp_path):
    text = narrow_clip(transformers.CLIPTextModel, 5, "gelu")
    tensors = original.unet(narrow("sd2")) | original.open_clip(text, "cond_stage_model.")
    header = read_header(written(tensors, tmp_path / "a.safetensors").path)
    write_layout(card_of_file(header), header, tmp_path / "layout")
    config = json.loads((tmp_path / "layout" / "text_encoder" / "config.json").read_text())
    assert (config["num_hidden_layers"], config["hidden_act"]) == (4, "gelu")


def test_a_unet_whose_blocks_are_strange_is_refused():
    strange = {"input_blocks.0.0.weight": Weight("F16", (8, 4, 3, 3)),
               "input_blocks.1.0.strange": Weight("F16", (8,))}  # fmt: skip
    with pytest.raises(EngineError, match="give config=FOLDER"):
        unet_config(strange, Card("sd15"))
