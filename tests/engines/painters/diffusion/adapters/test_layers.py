"""Layers: every layer of every family is found by the names that trainers give it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import diffusers
import pytest
import torch
from diffusers.loaders import single_file_utils
from safetensors.torch import save_file
from torch import Tensor, nn

from detailer.engines.painters.diffusion.adapters.layers import Layers
from detailer.engines.painters.diffusion.adapters.lora import Loras
from detailer.engines.painters.diffusion.loading.quiet import quiet
from tests.engines.painters.diffusion import tiny
from tests.engines.painters.diffusion.loading import original, original_transformers
from tests.engines.painters.diffusion.lora_files import lora


def own(network: Any, begin: str = "diffusion_model.") -> dict[str, Tensor]:
    """A network's tensors by the names that it has in diffusers."""
    return {begin + name: each for name, each in network.state_dict().items()}


def as_difference(name: str, tensor: Tensor) -> str:
    if name.endswith(".bias"):
        return f"{name.removesuffix('.bias')}.diff_b"
    return f"{name.removesuffix('.weight')}.diff"


def underscored(name: str) -> str:
    """As kohya's scripts write it."""
    layer, _, kind = name.removeprefix("diffusion_model.").rpartition(".")
    return f"lora_unet_{layer.replace('.', '_')}.{kind}"


def wrapped(name: str) -> str:
    return f"base_model.model.{name.replace('diffusion_model.', 'transformer.')}"


def shuffled(network: nn.Module) -> nn.Module:
    """The same network with other numbers in all layers that adapters are for."""
    kinds = (nn.Linear, nn.Conv2d, nn.LayerNorm, nn.GroupNorm)
    torch.manual_seed(3)
    for module in network.modules():
        for value in module.parameters(recurse=False) if isinstance(module, kinds) else ():
            value.data += 0.05 * torch.randn_like(value)
    return network


CONVERTERS: Mapping[str, tuple[str, Callable[..., dict[str, Tensor]]]] = {
    "sd15": ("unet", original.unet),
    "sdxl": ("unet", original.unet),
    "sdxl_refiner": ("unet", original.unet),
    "sd3": ("transformer", original_transformers.sd3),
    "z_image": ("transformer", original_transformers.z_image),
}
SPELLINGS = {"as_it_is": str, "kohya": underscored, "peft": wrapped}


def check(name: str, part: str, folder: Path, written: Callable[[Any], dict[str, Tensor]]) -> None:
    """A file of the differences of all layers makes one network of another."""
    pipe, other = tiny.fresh(name).pipe, shuffled(getattr(tiny.fresh(name).pipe, part))
    before, after = written(getattr(pipe, part)), written(other)
    tensors = {
        as_difference(key, each): (each - before[key]).contiguous()
        for key, each in after.items()
        if not torch.equal(each, before[key])
    }
    assert len(tensors) > 10
    save_file(tensors, folder / "all.safetensors")
    Loras(pipe, (str(folder),)).use((lora("all"),))
    layers = dict(getattr(pipe, part).named_modules())
    for place, theirs in other.named_modules():
        if isinstance(theirs, nn.Linear | nn.Conv2d | nn.LayerNorm | nn.GroupNorm):
            ours = layers[place]
            x = _input(theirs)
            torch.testing.assert_close(ours(x), theirs(x), atol=1e-4, rtol=1e-4, msg=place)


def _input(module: Any) -> Tensor:
    torch.manual_seed(0)
    if isinstance(module, nn.Conv2d):
        return torch.randn(2, module.in_channels, 6, 6)
    if isinstance(module, nn.GroupNorm):
        return torch.randn(2, module.num_channels, 6, 6)
    size = module.in_features if isinstance(module, nn.Linear) else module.normalized_shape[0]
    return torch.randn(2, size)


@pytest.mark.parametrize("spelling", SPELLINGS)
@pytest.mark.parametrize("name", CONVERTERS)
@torch.no_grad()
def test_every_layer_is_found_by_its_original_name(
    tmp_path: Path, name: str, spelling: str
) -> None:
    part, convert = CONVERTERS[name]
    check(
        name, part, tmp_path,
        lambda network: {
            SPELLINGS[spelling](key): each
            for key, each in convert(network, "diffusion_model.").items()
        },
    )  # fmt: skip


@pytest.mark.parametrize("spelling", SPELLINGS)
@pytest.mark.parametrize("name", ["sd15", "sdxl", "sd3", "flux", "chroma", "z_image", "qwen_image"])
@torch.no_grad()
def test_every_layer_is_found_by_its_name_in_diffusers(
    tmp_path: Path, name: str, spelling: str
) -> None:
    part = "unet" if name.startswith("sd") and name != "sd3" else "transformer"
    check(
        name, part, tmp_path,
        lambda network: {SPELLINGS[spelling](key): each for key, each in own(network).items()},
    )  # fmt: skip


@pytest.mark.parametrize(
    ("name", "part", "begin"),
    [
        ("sd15", "text_encoder", "lora_te_text_model_"),
        ("sdxl", "text_encoder", "lora_te1_text_model_"),
        ("sdxl", "text_encoder_2", "lora_te2_text_model_"),
        ("sdxl_refiner", "text_encoder_2", "lora_te_text_model_"),
        ("sd3", "text_encoder_3", "lora_te3_"),
        ("flux", "text_encoder", "text_encoders.clip_l.transformer.text_model."),
        ("flux", "text_encoder_2", "t5xxl.transformer."),
        ("chroma", "text_encoder", "lora_te3_"),
        ("sd15", "text_encoder", "base_model.model.text_encoder.text_model."),
        ("sdxl", "text_encoder_2", "text_encoder_2."),
    ],
)
@torch.no_grad()
def test_every_layer_of_a_text_encoder_is_found(
    tmp_path: Path, name: str, part: str, begin: str
) -> None:
    def written(network: Any) -> dict[str, Tensor]:
        named = {}
        for key, each in network.state_dict().items():
            layer, _, kind = key.removeprefix("text_model.").rpartition(".")
            flat = layer.replace(".", "_") if begin.endswith("_") else layer
            named[f"{begin}{flat}.{kind}"] = each
        return named

    check(name, part, tmp_path, written)


def test_the_projection_of_a_text_encoder_is_a_layer_too() -> None:
    pipe = tiny.sdxl()
    for name in ("lora_te2_text_projection", "text_encoder_2.text_projection"):
        found = Layers(pipe).find(name)
        assert found is not None
        assert found.pieces[0].module is pipe.text_encoder_2.text_projection


@pytest.mark.parametrize("kind", ["flux", "chroma"])
def test_the_original_names_of_flux_are_cut_as_diffusers_cuts_checkpoints(kind: str) -> None:
    """At the real width, which diffusers' converters are written for, without real weights."""
    name = {"flux": "FluxTransformer2DModel", "chroma": "ChromaTransformer2DModel"}[kind]
    with torch.device("meta"), quiet():
        network = getattr(diffusers, name)(num_layers=1, num_single_layers=1)

    class Pipe:
        transformer = network

    layers = Layers(Pipe())
    convert = getattr(single_file_utils, f"convert_{kind}_transformer_checkpoint_to_diffusers")
    names = _flux_rows(network)
    tagged = {
        f"{each}.weight": torch.arange(count)[:, None] + number * 100_000
        for number, (each, count) in enumerate(names.items(), 1)
    }
    whole = {**tagged, **{f"{each}.bias": tagged[f"{each}.weight"].flatten() for each in names}}
    norms = ("img_attn.norm.query_norm", "img_attn.norm.key_norm", "txt_attn.norm.query_norm",
             "txt_attn.norm.key_norm")  # fmt: skip
    whole |= {f"double_blocks.0.{each}.scale": torch.zeros(1) for each in norms}
    whole |= {
        f"single_blocks.0.norm.{each}_norm.scale": torch.zeros(1) for each in ("query", "key")
    }
    whole |= {"distilled_guidance_layer.norms.0.scale": torch.zeros(1)} if kind == "chroma" else {}
    converted = convert(whole)
    modules = dict(network.named_modules())
    seen = 0
    for number, source in enumerate(names, 1):
        found = layers.find(f"diffusion_model.{source}")
        assert found is not None, source
        for piece in found.pieces:
            place = next(key for key, each in modules.items() if each is piece.module)
            rows = torch.arange(names[source])[piece.rows] + number * 100_000
            assert torch.equal(converted[f"{place}.weight"].flatten(), rows), place
            seen += 1
    assert seen == sum(isinstance(each, nn.Linear) for each in modules.values()) - _unused(kind)


def _unused(kind: str) -> int:
    # Of the layers that repeat in the guidance one is written here.
    return 0 if kind == "flux" else 2 * 4


def _flux_rows(network: Any) -> dict[str, int]:
    """The original names of one block of each kind, and how many rows their weights have."""
    double = {"img_attn.qkv": 3, "img_attn.proj": 1, "img_mlp.0": 4, "img_mlp.2": 1,
              "txt_attn.qkv": 3, "txt_attn.proj": 1, "txt_mlp.0": 4, "txt_mlp.2": 1}  # fmt: skip
    single = {"linear1": 7, "linear2": 1}
    ends = {"img_in": 1, "txt_in": 1}
    if hasattr(network, "distilled_guidance_layer"):
        guided = "distilled_guidance_layer."
        ends |= {f"{guided}in_proj": 1, f"{guided}out_proj": 1}
        ends |= {f"{guided}layers.0.in_layer": 1, f"{guided}layers.0.out_layer": 1}
    else:
        double |= {"img_mod.lin": 6, "txt_mod.lin": 6}
        single |= {"modulation.lin": 3}
        ends |= {f"{one}.{way}": 1 for one in ("time_in", "vector_in") for way in
                 ("in_layer", "out_layer")}  # fmt: skip
        ends["final_layer.adaLN_modulation.1"] = 2
    width = 3072
    rows = {f"double_blocks.0.{name}": count * width for name, count in double.items()}
    rows |= {f"single_blocks.0.{name}": count * width for name, count in single.items()}
    rows |= {name: count * width for name, count in ends.items()}
    return {**rows, "final_layer.linear": 64}
