"""What of a model lies on the device, and what waits beside it."""

from __future__ import annotations

import pytest
import torch
from diffusers.hooks.group_offloading import ModuleGroup

from detailer.engines.painters.diffusion.loading.memory import (
    check,
    in_tiles,
    offload_groups,
    place,
)
from detailer.engines.painters.diffusion.options import Options
from detailer.errors import InputError
from tests.engines.painters.diffusion import tiny

CPU, CUDA, MPS = (torch.device(name) for name in ("cpu", "cuda:0", "mps"))


@pytest.mark.parametrize(
    ("options", "device", "why"),
    [
        ({"memory": "model"}, CPU, "device=cpu is none"),
        ({"memory": "group"}, CPU, "device=cpu is none"),
        ({"memory": "group"}, MPS, "memory=model or none"),
        ({"memory": "group", "compile": True}, CUDA, "do not work together"),
    ],
)
def test_what_cannot_work_is_refused(options, device, why):
    with pytest.raises(InputError, match=why):
        check(Options(**options), device)


@pytest.mark.parametrize(
    ("options", "device"),
    [({}, CPU), ({"compile": True}, CPU), ({"memory": "group"}, CUDA), ({"memory": "model"}, CUDA)],
)
def test_what_can_work_is_let_through(options, device):
    check(Options(**options), device)


def passes(loaded):
    """What each network gives when it is called directly, as the loop calls it."""
    pipe = loaded.pipe
    make = torch.Generator().manual_seed(0)
    latents = torch.randn(1, 4, 8, 8, generator=make)
    text = torch.randn(1, 7, 32, generator=make)
    picture = torch.rand(1, 3, 64, 64, generator=make)
    words = torch.tensor([[1, 2, 3]])
    with torch.no_grad():
        return [
            pipe.vae.encode(picture).latent_dist.mode(),
            pipe.text_encoder(words).last_hidden_state,
            pipe.unet(latents, torch.tensor([10.0]), text).sample,
            pipe.vae.decode(latents).sample,
        ]


@pytest.fixture
def expected():
    return passes(tiny.opened("sd15"))


@pytest.mark.parametrize("times", [1, 3])
def test_networks_moved_as_a_whole_give_the_same_when_called_directly(expected, times):
    loaded = tiny.fresh("sd15")
    loaded.pipe.enable_model_cpu_offload(device="cpu")
    for _ in range(times):
        for ours, theirs in zip(passes(loaded), expected, strict=True):
            torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-5)


CALLS = {
    "encode": lambda pipe, at: (
        pipe.vae.encode(torch.zeros(1, 3, 64, 64, device=at)).latent_dist.mean
    ),
    "decode": lambda pipe, at: (
        pipe.vae.decode(torch.zeros(1, pipe.vae.config.latent_channels, 8, 8, device=at)).sample
    ),
    "text": lambda pipe, at: pipe.text_encoder(torch.tensor([[1, 2]], device=at))[0],
}


@pytest.mark.parametrize("call", CALLS)
def test_a_direct_call_brings_a_network_to_its_device(monkeypatch, call):
    loaded = tiny.fresh("sd15")
    # The one device that every machine has besides its CPU has no cache to be emptied.
    monkeypatch.setattr("diffusers.pipelines.pipeline_utils.empty_device_cache", lambda *_: None)
    loaded.pipe.enable_model_cpu_offload(device="meta")
    with torch.no_grad():
        assert CALLS[call](loaded.pipe, "meta").device.type == "meta"


@pytest.mark.parametrize("times", [1, 3])
def test_networks_moved_by_layers_give_the_same_when_called_directly(expected, times):
    loaded = tiny.fresh("sd15")
    offload_groups(loaded.pipe, CPU)
    for _ in range(times):
        for ours, theirs in zip(passes(loaded), expected, strict=True):
            torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-5)


@pytest.fixture
def brought(monkeypatch):
    """The weights that were brought to the device, by their identity."""
    seen: set[int] = set()
    bring = ModuleGroup.onload_

    def watched(self):
        weights = [each for module in self.modules for each in module.parameters()]
        seen.update(id(each) for each in (*weights, *self.parameters, *self.buffers))
        bring(self)

    monkeypatch.setattr(ModuleGroup, "onload_", watched)
    return seen


@pytest.mark.parametrize("name", ["sd15", "sdxl", "sd3", "flux"])
@pytest.mark.parametrize(
    ("call", "part", "unused"),
    [
        ("encode", "vae", ("decoder.", "post_quant_conv.")),
        ("decode", "vae", ("encoder.", "quant_conv.")),
        ("text", "text_encoder", ()),
    ],
)
def test_a_direct_call_brings_every_layer_that_it_uses(brought, name, call, part, unused):
    loaded = tiny.fresh(name)
    offload_groups(loaded.pipe, CPU)
    with torch.no_grad():
        CALLS[call](loaded.pipe, "cpu")
    weights = loaded.pipe.components[part].named_parameters()
    assert [key for key, each in weights if id(each) not in brought] == [
        key for key, _ in loaded.pipe.components[part].named_parameters() if key.startswith(unused)
    ]


def test_a_unet_is_laid_out_for_speed_unless_numbers_are_to_be_compared():
    layouts = {}
    for dtype in ("fp32", "bf16"):
        weight = tiny.fresh("sd15", dtype=dtype).pipe.unet.conv_in.weight
        layouts[dtype] = weight.is_contiguous(memory_format=torch.channels_last)
    assert layouts == {"fp32": False, "bf16": True}


def test_networks_on_a_cpu_stay_where_they_are(monkeypatch):
    loaded = tiny.fresh("sd15")
    moved = []
    monkeypatch.setattr(type(loaded.pipe), "to", lambda self, *to, **_: moved.append(to))
    place(loaded.pipe, CPU, Options())
    assert moved == [(CPU,)]


@pytest.mark.parametrize("wish", ["model", "group"])
def test_where_memory_is_short_the_vae_takes_one_picture_at_a_time(monkeypatch, wish):
    loaded = tiny.fresh("sd15")
    monkeypatch.setattr(type(loaded.pipe), "enable_model_cpu_offload", lambda self, device: None)
    monkeypatch.setattr(type(loaded.pipe), "enable_group_offload", lambda self, **_: None)
    assert not loaded.pipe.vae.use_slicing
    place(loaded.pipe, CUDA, Options(memory=wish))
    assert loaded.pipe.vae.use_slicing


@pytest.mark.parametrize("name", ["sd15", "flux"])
def test_a_network_is_compiled_when_that_is_asked_for(monkeypatch, name):
    loaded = tiny.fresh(name)
    denoiser = loaded.pipe.unet if name == "sd15" else loaded.pipe.transformer
    compiled = []

    def compile_it(self):
        compiled.append(self)

    monkeypatch.setattr(type(denoiser), "compile", compile_it)
    place(loaded.pipe, CPU, Options())
    assert compiled == []
    place(loaded.pipe, CPU, Options(compile=True))
    assert compiled == [denoiser]


def test_tiles_are_used_while_they_are_wanted():
    vae = tiny.fresh("sd15").pipe.vae
    with in_tiles(vae, wanted=False):
        assert not vae.use_tiling
    with in_tiles(vae, wanted=True):
        assert vae.use_tiling
        with in_tiles(vae, wanted=True):
            pass
        assert vae.use_tiling
    assert not vae.use_tiling
