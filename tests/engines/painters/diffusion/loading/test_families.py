"""What a model is, told by headers and configurations alone."""

from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pytest
import torch
from safetensors.numpy import save_file

from detailer.engines.painters.diffusion.loading.card import FAMILIES
from detailer.engines.painters.diffusion.loading.families import recognised
from detailer.engines.painters.diffusion.loading.source import Source
from detailer.errors import EngineError
from tests.engines.painters.diffusion import tiny
from tests.engines.painters.diffusion.loading import checkpoints

UNET = "model.diffusion_model."


def source_of(path, notes=None, **shapes):
    arrays = {name: np.zeros(shape, np.float16) for name, shape in shapes.items()}
    save_file(arrays, path / "a.safetensors", metadata=notes)
    return Source.parse(str(path / "a.safetensors"))


def unet(channels=4, context=768, **more):
    return {
        f"{UNET}input_blocks.0.0.weight": (8, channels, 3, 3),
        f"{UNET}input_blocks.1.1.transformer_blocks.0.attn2.to_k.weight": (8, context),
        **more,
    }


XL = {f"{UNET}label_emb.0.0.weight": (8, 16)}


@pytest.mark.parametrize("name", tiny.MADE)
def test_a_folder_tells_its_family(name):
    card = recognised(Source.parse(str(tiny.folder(name))))
    family = max((each for each in FAMILIES if name.startswith(each)), key=len)
    assert card.family == family
    assert card.inpaint == (name.endswith(("_inpaint", "_fill")))
    assert card.flow == (family in ("sd3", "flux", "chroma", "qwen_image", "z_image"))


@pytest.mark.parametrize("name", ["sd15", "sdxl", "flux", "qwen_image"])
def test_a_card_counts_what_is_loaded(name):
    card = recognised(Source.parse(str(tiny.folder(name))))
    pipe = tiny.opened(name).pipe
    networks = {k: v for k, v in pipe.components.items() if isinstance(v, torch.nn.Module)}
    assert {part.name for part in card.parts} == set(networks)
    for part in card.parts:
        held = sum(each.numel() for each in networks[part.name].parameters())
        # CLIP's files may hold a table of positions as well.
        assert 0 <= part.parameters - held <= 77
    assert card.bytes == card.bytes_at(4)


def test_a_folder_tells_what_its_network_predicts():
    card = recognised(Source.parse(str(tiny.folder("sd15_velocity"))))
    assert (card.prediction, card.zero_snr) == ("v_prediction", True)


def test_a_folder_without_weights_has_a_family_and_no_parts(tmp_path):
    index = json.loads((tiny.folder("sd15") / "model_index.json").read_text())
    (tmp_path / "unet").mkdir()
    (tmp_path / "model_index.json").write_text(json.dumps(index))
    (tmp_path / "unet" / "config.json").write_text('{"in_channels": 4}')
    card = recognised(Source.parse(str(tmp_path)))
    assert (card.family, card.parts) == ("sd15", ())


def test_a_pipeline_without_an_adapter_is_other(tmp_path):
    (tmp_path / "model_index.json").write_text('{"_class_name": "KolorsPipeline"}')
    assert recognised(Source.parse(str(tmp_path))).family == "other"


@pytest.mark.parametrize(
    ("shapes", "family", "inpaint"),
    [
        (unet(), "sd15", False),
        (unet(channels=9), "sd15", True),
        (unet(context=1024), "sd2", False),
        (unet(context=64, **{"cond_stage_model.model.ln_final.bias": (8,)}), "sd2", False),
        (unet(context=2048, **XL), "sdxl", False),
        (unet(channels=9, context=2048, **XL), "sdxl", True),
        (unet(context=1280, **XL), "sdxl_refiner", False),
        ({"joint_blocks.0.context_block.adaLN_modulation.1.bias": (8,)}, "sd3", False),
        ({f"{UNET}double_blocks.0.img_attn.norm.key_norm.scale": (8,)}, "flux", False),
        (
            {"double_blocks.0.img_attn.norm.key_norm.scale": (8,), "img_in.weight": (8, 384)},
            "flux",
            True,
        ),
        (
            {
                "double_blocks.0.img_attn.norm.key_norm.scale": (8,),
                "distilled_guidance_layer.in_proj.bias": (8,),
            },
            "chroma",
            False,
        ),
        (
            {"transformer_blocks.0.img_mod.1.weight": (8, 8), "txt_norm.weight": (8,)},
            "qwen_image",
            False,
        ),
        (
            {"layers.0.adaLN_modulation.0.weight": (8, 8), "cap_embedder.0.weight": (8,)},
            "z_image",
            False,
        ),
    ],
)
def test_a_single_file_tells_its_family(tmp_path, shapes, family, inpaint):
    card = recognised(source_of(tmp_path, **shapes))
    assert (card.family, card.inpaint) == (family, inpaint)
    assert card.has(FAMILIES[family].denoiser)


def test_the_golden_way_of_naming_tells_every_part(tmp_path):
    source = checkpoints.written(checkpoints.sdxl_tensors(), tmp_path / "xl.safetensors")
    card = recognised(source)
    pipe = tiny.opened("sdxl").pipe
    assert {part.name for part in card.parts} == set(FAMILIES["sdxl"].parts)
    unet = next(part for part in card.parts if part.name == "unet")
    assert unet.parameters == sum(each.numel() for each in pipe.unet.parameters())


@pytest.mark.parametrize(
    ("more", "notes", "prediction"),
    [
        ({}, None, "epsilon"),
        ({"v_pred": (0,)}, None, "v_prediction"),
        ({}, {"modelspec.prediction_type": "v"}, "v_prediction"),
        ({"edm_mean": (4,)}, None, "edm"),
    ],
)
def test_a_single_file_hints_at_what_it_predicts(tmp_path, more, notes, prediction):
    assert recognised(source_of(tmp_path, notes, **unet(**more))).prediction == prediction


@pytest.mark.parametrize(("width", "prediction"), [(0.02, "epsilon"), (0.3, "v_prediction")])
def test_stable_diffusion_2s_kinds_differ_in_one_layers_values(tmp_path, width, prediction):
    key = f"{UNET}output_blocks.11.1.transformer_blocks.0.norm1.bias"
    arrays = {name: np.zeros(shape, np.float16) for name, shape in unet(context=1024).items()}
    arrays[key] = np.tile(np.float16([width, -width]), 32)
    save_file(arrays, tmp_path / "a.safetensors")
    card = recognised(Source.parse(str(tmp_path / "a.safetensors")))
    assert card.prediction == prediction


def test_flux_without_guidance_was_distilled(tmp_path):
    key = "double_blocks.0.img_attn.norm.key_norm.scale"
    assert recognised(source_of(tmp_path, **{key: (8,)})).few_steps
    guided = recognised(source_of(tmp_path, **{key: (8,), "guidance_in.in_layer.bias": (8,)}))
    assert (guided.few_steps, guided.guided) == (False, True)


@pytest.mark.parametrize(
    ("shapes", "what"),
    [
        ({"lora_unet_down_blocks_0.lora_up.weight": (4, 4)}, "a LoRA"),
        ({"transformer.blocks.0.attn.to_q.lora_A.weight": (4, 4)}, "a LoRA"),
        ({"lora_unet_mid.hada_w1_a": (4, 4)}, "LyCORIS"),
        ({"control_model.input_blocks.0.0.weight": (4, 4, 3, 3)}, "a ControlNet"),
        ({"controlnet_cond_embedding.conv_in.weight": (4, 4, 3, 3)}, "a ControlNet"),
        ({"emb_params": (4, 768)}, "embedding"),
        ({"clip_l": (4, 768), "clip_g": (4, 1280)}, "embedding"),
        ({"decoder.conv_in.weight": (4, 4, 3, 3)}, "a VAE"),
        ({"first_stage_model.decoder.conv_in.weight": (4, 4, 3, 3)}, "a VAE"),
        ({"text_model.encoder.layers.0.layer_norm1.weight": (4,)}, "CLIP text encoder"),
        ({"encoder.block.0.layer.0.SelfAttention.q.weight": (4,)}, "T5"),
        ({"model.layers.0.self_attn.q_proj.weight": (4,)}, "language model"),
        ({"image_proj.proj.weight": (4,), "ip_adapter.1.to_k_ip.weight": (4,)}, "IP-Adapter"),
        ({"model.0.weight": (4,)}, "an upscaler"),
        ({"double_stream_modulation_img.lin.weight": (4,)}, r"FLUX\.2"),
        (unet(channels=8), "takes 8 channels"),
        (unet(scaled_fp8=(0,)), "quantised"),
        ({"something": (4,), "else": (4,)}, "2 tensors: else, something"),
    ],
)
def test_what_is_no_checkpoint_is_named(tmp_path, shapes, what):
    with pytest.raises(EngineError, match=what):
        recognised(source_of(tmp_path, **shapes))


def test_a_hub_name_that_is_not_cached_is_not_looked_up(monkeypatch, tmp_path):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(EngineError, match="not in the Hub's cache"):
        recognised(Source.parse("nobody/nothing-at-all"))


def test_no_model_library_is_loaded_to_tell(tmp_path):
    source_of(tmp_path, **unet())
    code = (
        "import sys; from detailer.engines.painters.diffusion.loading.defaults import defaults_of;"
        "assert defaults_of(sys.argv[1]); assert defaults_of(sys.argv[2]);"
        "print({'torch', 'diffusers', 'transformers'} & set(sys.modules))"
    )
    paths = [str(tmp_path / "a.safetensors"), str(tiny.folder("sdxl"))]
    done = subprocess.run(
        [sys.executable, "-c", code, *paths], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "set()"
