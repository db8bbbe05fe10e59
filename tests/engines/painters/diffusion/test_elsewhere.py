"""The painter on another device than the CPU: every family, with all that guides it."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from transformers import CLIPVisionConfig, CLIPVisionModelWithProjection

from detailer.core.geometry import Size
from detailer.core.paint import Control
from detailer.core.plan import Cutout, Failed, Painted, Progress
from detailer.engines.painters.diffusion.loading.memory import place
from detailer.engines.painters.diffusion.loading.quiet import quiet
from detailer.engines.painters.diffusion.model import denoiser_of, model_of
from detailer.engines.painters.diffusion.options import Options
from detailer.engines.painters.diffusion.painter import Diffusion
from detailer.engines.painters.diffusion.samplers import SAMPLERS
from tests.engines.painters.diffusion.elsewhere import ELSEWHERE, elsewhere
from tests.engines.painters.diffusion.lora_files import FIRST, UNET, kohya
from tests.engines.painters.diffusion.test_every_family import FAMILIES, cutout, painter
from tests.engines.painters.diffusion.tiny import controlnet, family, fresh

MIXED = (
    {"denoise": 0.3, "steps": 2, "mask_mode": "differential", "noise_mask_feather": 8},
    {"denoise": 1.0, "steps": 2, "prompt": "(another:1.2), much longer text about somebody"},
)


def moved(name: str, **options: Any) -> Diffusion:
    """A painter whose networks are elsewhere; only to be used within elsewhere()."""
    loaded = replace(fresh(name), device=ELSEWHERE)
    for part in loaded.pipe.components.values():
        if isinstance(part, torch.nn.Module):
            part.to(ELSEWHERE)
    wanted = Options(batching="on", **options)
    return Diffusion(model_of(loaded, wanted), wanted)


@cache
def moved_once() -> Diffusion:
    return moved("sd15")


def pictures(one: Diffusion, *work: Cutout) -> list[np.ndarray]:
    answers = [each for each in one(work) if not isinstance(each, Progress)]
    assert all(isinstance(each, Painted) for each in answers), answers
    return [each.pixels for each in answers if isinstance(each, Painted)]


def test_what_is_elsewhere_does_not_meet_what_is_here() -> None:
    with elsewhere():
        there = torch.ones(3, device=ELSEWHERE)
        assert (there + torch.tensor(1.0)).tolist() == [2, 2, 2]
        with pytest.raises(RuntimeError, match="same device"):
            there + torch.ones(3)


@pytest.mark.parametrize("name", FAMILIES)
def test_every_family_paints_elsewhere_what_it_paints_here(name: str) -> None:
    work = [cutout(i, **told) for i, told in enumerate(MIXED)]
    here = pictures(painter(name), *work)
    with elsewhere():
        there = pictures(moved(name), *work)
    for one, other in zip(here, there, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-4)


@pytest.mark.parametrize("name", FAMILIES)
def test_every_family_paints_in_half_precision_with_networks_that_come_and_go(name: str) -> None:
    """As on a graphics card with little memory: fp16, or bf16 for flows."""
    flow = family(name).table(Size(64, 64)).space.flow
    wanted = Options(batching="on", memory="model")
    loaded = replace(fresh(name), device=ELSEWHERE, dtype=(torch.float16, torch.bfloat16)[flow])
    loaded.pipe.to(loaded.dtype, silence_dtype_warnings=True)
    with elsewhere():
        place(loaded.pipe, ELSEWHERE, wanted)
        one = Diffusion(model_of(loaded, wanted), wanted)
        painted = pictures(one, *[cutout(i, **told) for i, told in enumerate(MIXED)])
        assert all(np.isfinite(each).all() for each in painted)
        waits = {each.device.type for each in denoiser_of(loaded.pipe).parameters()}
        assert waits == {"cpu"}


@pytest.mark.parametrize("memory", ["none", "model"])
def test_a_lora_acts_on_networks_that_come_and_go_as_on_those_that_stay(
    tmp_path: Path, memory: str
) -> None:
    name = f"lora_unet_{UNET.replace('.', '_')}"
    kohya(tmp_path / "a.safetensors", {name: FIRST})
    wanted = Options(batching="on", memory=memory, loras=(str(tmp_path),))
    loaded = replace(fresh("sd15"), device=ELSEWHERE)
    with elsewhere():
        place(loaded.pipe, ELSEWHERE, wanted)
        one = Diffusion(model_of(loaded, wanted), wanted)
        with_it, without = pictures(one, cutout(prompt="<lora:a>"), cutout())
        assert not np.array_equal(with_it, without)


def test_a_lora_that_cannot_be_loaded_leaves_networks_that_come_and_go(tmp_path: Path) -> None:
    (tmp_path / "a.safetensors").write_bytes(b"no tensors at all")
    wanted = Options(batching="on", memory="model", loras=(str(tmp_path),))
    loaded = replace(fresh("sd15"), device=ELSEWHERE)
    with elsewhere():
        place(loaded.pipe, ELSEWHERE, wanted)
        one = Diffusion(model_of(loaded, wanted), wanted)
        answers = [
            each
            for each in one([cutout(prompt="<lora:a>"), cutout(1)])
            if not isinstance(each, Progress)
        ]
    assert isinstance(answers[0], Failed)
    assert "a.safetensors is no whole safetensors file" in answers[0].reason
    assert isinstance(answers[1], Painted)


@pytest.mark.parametrize("name", SAMPLERS)
def test_every_sampler_runs_elsewhere(name: str) -> None:
    with elsewhere():
        work = [cutout(i, sampler_name=name, **told) for i, told in enumerate(MIXED)]
        assert len(pictures(moved_once(), *work)) == 2


def ip_adapter(folder: Path) -> str:
    """An IP-Adapter for sd15's four cross-attentions, its image encoder beside it."""
    torch.manual_seed(0)
    eye = CLIPVisionModelWithProjection(
        CLIPVisionConfig(
            hidden_size=16, intermediate_size=16, projection_dim=12, image_size=32, patch_size=8,
            num_hidden_layers=1, num_attention_heads=2,
        )
    )  # fmt: skip
    with quiet():
        eye.save_pretrained(folder / "image_encoder")
    tensors = {
        "image_proj.proj.weight": torch.randn(4 * 32, 12),
        "image_proj.proj.bias": torch.randn(4 * 32),
        "image_proj.norm.weight": torch.ones(32),
        "image_proj.norm.bias": torch.zeros(32),
    }
    for number, part in product((1, 3, 5, 7), "kv"):
        tensors[f"ip_adapter.{number}.to_{part}_ip.weight"] = torch.randn(16, 32)
    save_file(tensors, folder / "ip.safetensors")
    return str(folder / "ip.safetensors")


def test_all_that_guides_a_region_goes_elsewhere_with_it(tmp_path: Path) -> None:
    kohya(tmp_path / "a.safetensors", {f"lora_unet_{UNET.replace('.', '_')}": FIRST})
    save_file({"clip_l": torch.randn(2, 32)}, tmp_path / "word.safetensors")
    shelf = {"loras": (str(tmp_path),), "embeddings": (str(tmp_path),)}
    guides = (
        Control(model=str(controlnet()), preprocessor="canny", end=0.6),
        Control(model=ip_adapter(tmp_path), kind="reference", strength=0.7),
    )
    weaker = tuple(each.but(strength=0.2, start=0.3) for each in guides)
    told: dict[str, Any] = {"prompt": "embedding:word <lora:a:0.5> face", "cycle": 2}
    told |= {"refiner": "itself", "refiner_prompt": "a face"}
    work = [cutout(0, controls=guides, **told), cutout(1, controls=weaker, **told)]
    wanted = Options(batching="on", **shelf)
    one = Diffusion(model_of(fresh("sd15"), wanted), wanted)
    one._refiners["itself"] = painter("sd15").model
    here = pictures(one, *work)
    with elsewhere():
        other = moved("sd15", **shelf)
        other._refiners["itself"] = moved("sd15").model
        there = pictures(other, *work)
    for a, b in zip(here, there, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-4)
