"""Pictures that a region is to look like."""

from __future__ import annotations

import json
import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import diffusers
import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file
from torch import Tensor
from transformers import (
    CLIPImageProcessor,
    CLIPTextConfig,
    CLIPTextModel,
    CLIPVisionConfig,
    CLIPVisionModelWithProjection,
)

from detailer.core.geometry import Size
from detailer.core.paint import Control
from detailer.engines.painters.diffusion.forward import Guides
from detailer.engines.painters.diffusion.guides import references as module
from detailer.engines.painters.diffusion.guides.hints import Controls, references
from detailer.engines.painters.diffusion.guides.ip_adapters import open_ip_adapter
from detailer.engines.painters.diffusion.guides.references import References, shown
from detailer.errors import EngineError, InputError, MissingEngineError
from tests.engines.painters.diffusion.steered import (
    SIDE,
    WIDTH,
    Pass,
    ToyJob,
    asked,
    output,
    picture,
    saved_picture,
    square,
    unet,
    vae,
)

CPU = torch.device("cpu")
PROJECTION, HIDDEN, EYE, TOKENS = 12, 64, 32, 4


def pipeline() -> Any:
    text = CLIPTextModel(
        CLIPTextConfig(
            vocab_size=8, hidden_size=WIDTH, intermediate_size=8, num_hidden_layers=1,
            num_attention_heads=2,
        )
    )  # fmt: skip
    return diffusers.StableDiffusionPipeline(
        vae=vae(), text_encoder=text, tokenizer=None, unet=unet(),
        scheduler=diffusers.EulerDiscreteScheduler(steps_offset=1), safety_checker=None,
        feature_extractor=None, requires_safety_checker=False,
    )  # fmt: skip


def attention_tensors(width: int = WIDTH, gain: float = 1.0) -> dict[str, Tensor]:
    """Keys and values for the small UNet's four cross-attentions, numbered as in the files."""
    tensors = {}
    for number in (1, 3, 5, 7):
        for part in ("k", "v"):
            name = f"ip_adapter.{number}.to_{part}_ip.weight"
            tensors[name] = torch.randn(16, width) * gain
    return tensors


def plain_tensors() -> dict[str, Tensor]:
    return {
        "image_proj.proj.weight": torch.randn(TOKENS * WIDTH, PROJECTION),
        "image_proj.proj.bias": torch.randn(TOKENS * WIDTH),
        "image_proj.norm.weight": torch.ones(WIDTH),
        "image_proj.norm.bias": torch.zeros(WIDTH),
        **attention_tensors(),
    }


def plus_tensors() -> dict[str, Tensor]:
    """The resampler's layout: four layers of attention from a few latents."""
    inner = 64
    tensors = {
        "latents": torch.randn(1, TOKENS, inner),
        "proj_in.weight": torch.randn(inner, HIDDEN) * 0.1,
        "proj_in.bias": torch.zeros(inner),
        "proj_out.weight": torch.randn(WIDTH, inner) * 0.3,
        "proj_out.bias": torch.zeros(WIDTH),
        "norm_out.weight": torch.ones(WIDTH),
        "norm_out.bias": torch.zeros(WIDTH),
    }
    for n in range(4):
        layer = f"layers.{n}"
        tensors |= {f"{layer}.0.{norm}.weight": torch.ones(inner) for norm in ("norm1", "norm2")}
        tensors |= {f"{layer}.0.{norm}.bias": torch.zeros(inner) for norm in ("norm1", "norm2")}
        tensors |= {
            f"{layer}.0.to_q.weight": torch.randn(64, inner) * 0.1,
            f"{layer}.0.to_kv.weight": torch.randn(128, inner) * 0.1,
            f"{layer}.0.to_out.weight": torch.randn(inner, 64) * 0.1,
            f"{layer}.1.0.weight": torch.ones(inner),
            f"{layer}.1.0.bias": torch.zeros(inner),
            f"{layer}.1.1.weight": torch.randn(inner * 4, inner) * 0.1,
            f"{layer}.1.3.weight": torch.randn(inner, inner * 4) * 0.1,
        }
    return {**{f"image_proj.{name}": each for name, each in tensors.items()}, **attention_tensors()}


def full_tensors() -> dict[str, Tensor]:
    return {
        "image_proj.proj.0.weight": torch.randn(HIDDEN, HIDDEN) * 0.1,
        "image_proj.proj.0.bias": torch.zeros(HIDDEN),
        "image_proj.proj.2.weight": torch.randn(WIDTH, HIDDEN) * 0.1,
        "image_proj.proj.2.bias": torch.zeros(WIDTH),
        "image_proj.proj.3.weight": torch.ones(WIDTH),
        "image_proj.proj.3.bias": torch.zeros(WIDTH),
        **attention_tensors(),
    }


LAYOUTS = {"plain": plain_tensors, "plus": plus_tensors, "full": full_tensors}


def adapter_file(folder: Path, kind: str = "plain", seed: int = 0) -> str:
    """An IP-Adapter in the layout of its authors' files, its image encoder beside it."""
    torch.manual_seed(seed)
    encoder = CLIPVisionModelWithProjection(
        CLIPVisionConfig(
            hidden_size=HIDDEN, intermediate_size=16, projection_dim=PROJECTION, image_size=EYE,
            patch_size=8, num_hidden_layers=2, num_attention_heads=2,
        )
    )  # fmt: skip
    encoder.save_pretrained(folder / "image_encoder")
    save_file(LAYOUTS[kind](), folder / f"{kind}.safetensors")
    return str(folder / f"{kind}.safetensors")


@pytest.fixture(scope="module", params=["plain", "plus", "full"])
def adapter(request: pytest.FixtureRequest, tmp_path_factory) -> str:
    return adapter_file(tmp_path_factory.mktemp("adapter"), request.param)


@pytest.fixture(scope="module")
def plain(tmp_path_factory) -> str:
    return adapter_file(tmp_path_factory.mktemp("adapter"))


def references_of(pipe: Any) -> References:
    return References(pipe, CPU, torch.float32)


def predicted(refer: References, *jobs: Any, sigma: Any = 2.0, negative: bool = False) -> Tensor:
    """What a UNet predicts for jobs with their references; of the negatives, if those are asked."""
    guides = Guides(Size(SIDE, SIDE), references=refer(jobs))
    forward = Pass(len(jobs), sigma).guided(guides)
    if negative:
        forward = forward.doubled(forward.conditions)
    rows = output(refer.pipe.unet, forward, shown(refer.pipe.unet, forward))
    return rows[len(jobs) :] if negative else rows


def regions(adapter: str, *strengths: float) -> list[Any]:
    """Regions of different crops, each its own reference."""
    return [
        square(asked(Control(model=adapter, kind="reference", strength=strength)), seed=index)
        for index, strength in enumerate(strengths)
    ]


def test_a_reference_is_shown_as_the_pipelines_of_diffusers_show_it(adapter, tmp_path) -> None:
    torch.manual_seed(0)
    face = saved_picture(picture(Size(40, 32), 5), tmp_path / "face.png")
    one = square(asked(Control(model=adapter, kind="reference", strength=0.6, image=face)))
    refer = references_of(pipeline())
    ours, ours_negative = predicted(refer, one), predicted(refer, one, negative=True)
    # The same by the library's own means: its processor, its encoding, its one scale for all.
    pipe, file = pipeline(), Path(adapter)
    pipe.load_ip_adapter(
        str(file.parent), subfolder="", weight_name=file.name, low_cpu_mem_usage=False
    )
    pipe.set_ip_adapter_scale(0.6)
    plain = file.stem == "plain"
    with torch.no_grad():
        seen, unseen = pipe.encode_image(Image.open(face), CPU, 1, not plain)
    forward = Pass(1).forward
    for expected, embedding in ((ours, seen), (ours_negative, unseen)):
        theirs = output(pipe.unet, forward, {"image_embeds": [embedding[None]]})
        torch.testing.assert_close(expected, theirs, atol=2e-4, rtol=1e-3)
    assert float((ours - ours_negative).abs().max()) > 1e-2


def test_the_eye_sees_what_clips_own_processor_shows_it(adapter) -> None:
    opened = open_ip_adapter(adapter, CPU, torch.float32)
    pixels = picture(Size(50, 40), 2)
    levels = np.round(pixels * 255).astype(np.uint8)
    processor = CLIPImageProcessor(size=EYE, crop_size=EYE)
    theirs = processor(Image.fromarray(levels), return_tensors="pt").pixel_values
    asked_for: list[Tensor] = []
    opened.encoder.register_forward_pre_hook(lambda _, given: asked_for.append(given[0]))
    with torch.no_grad():
        opened.embedded(pixels)
    # A level of 8 bits apart at most, by the order in which resizing rounds.
    assert float((asked_for[0] - theirs).abs().max()) < 1.01 / 255 / 0.26


def test_each_sample_has_its_own_picture_and_strength(adapter) -> None:
    jobs = regions(adapter, 0.3, 1.0, 1.7)
    refer = references_of(pipeline())
    together = predicted(refer, *jobs)
    for row, each in enumerate(jobs):
        torch.testing.assert_close(together[row], predicted(refer, each)[0], atol=2e-5, rtol=1e-4)


def test_strength_0_is_as_no_reference_bit_for_bit(adapter) -> None:
    without = output(unet(), Pass(2).forward)
    refer = references_of(pipeline())
    assert torch.equal(predicted(refer, *regions(adapter, 0.0, 0.0)), without)
    assert refer._opened == {}
    mixed = predicted(refer, *regions(adapter, 0.0, 1.0))
    assert torch.equal(mixed[0], without[0])
    assert float((mixed[1] - without[1]).abs().max()) > 1e-3


def test_an_adapter_that_is_in_the_network_says_nothing_to_who_asks_nothing(adapter) -> None:
    refer = references_of(pipeline())
    predicted(refer, *regions(adapter, 1.0))
    without = output(unet(), Pass(2).forward)
    assert torch.equal(predicted(refer, square(asked()), square(asked())), without)


def test_a_reference_acts_in_its_window_and_nowhere_else(plain) -> None:
    control = Control(model=plain, kind="reference", start=0.25, end=0.75)
    one = square(asked(control))
    levels = [one.table.at_percent(share) for share in (0.25, 0.5, 0.75)]
    sigmas = (levels[0] * 1.01, *levels, levels[2] * 0.99)
    refer = references_of(pipeline())
    shown_to = predicted(refer, *[one] * 5, sigma=sigmas)
    without = output(unet(), Pass(5, sigmas).forward)
    same = [torch.equal(one, other) for one, other in zip(shown_to, without, strict=True)]
    assert same == [True, False, False, False, True]


def test_two_references_of_one_region_add_up_and_need_no_order(plain, tmp_path) -> None:
    files = [saved_picture(picture(Size(32, 32), n), tmp_path / f"{n}.png") for n in (6, 7)]
    pair = [Control(model=plain, kind="reference", image=file, strength=0.7) for file in files]
    refer = references_of(pipeline())
    alone = predicted(refer, square(asked(pair[0])))
    both = predicted(refer, square(asked(*pair)))
    assert refer._placed == [plain, plain]
    torch.testing.assert_close(
        both, predicted(refer, square(asked(*pair[::-1]))), atol=1e-5, rtol=0
    )
    assert not torch.allclose(both, alone, atol=1e-4)
    torch.testing.assert_close(predicted(refer, square(asked(pair[0]))), alone, atol=1e-5, rtol=0)


def test_adapters_of_two_makes_share_a_network(plain, tmp_path) -> None:
    other = adapter_file(tmp_path, "plus", seed=4)
    refer = references_of(pipeline())
    first = predicted(refer, *regions(plain, 0.8))
    jobs = [*regions(plain, 0.8), *regions(other, 0.5)]
    together = predicted(refer, *jobs)
    torch.testing.assert_close(together[0], first[0], atol=1e-5, rtol=1e-4)
    alone = references_of(pipeline())
    torch.testing.assert_close(together[1], predicted(alone, jobs[1])[0], atol=1e-5, rtol=1e-4)


def test_an_embedding_that_is_not_finite_spoils_its_own_sample_only(plain) -> None:
    jobs = regions(plain, 1.0, 1.0)
    refer = references_of(pipeline())
    clean = predicted(refer, *jobs)
    guides = Guides(Size(SIDE, SIDE), references=refer(jobs))
    guides.references[0].seen[0] = float("nan")
    forward = Pass(2).guided(guides)
    spoilt = output(refer.pipe.unet, forward, shown(refer.pipe.unet, forward))
    assert not torch.isfinite(spoilt[0]).all()
    assert torch.equal(spoilt[1], clean[1])


def test_a_picture_file_is_embedded_once_until_it_changes(plain, tmp_path, monkeypatch) -> None:
    read: list[Any] = []
    real = module.read_picture
    monkeypatch.setattr(module, "read_picture", lambda path: read.append(path) or real(path))
    face = saved_picture(picture(Size(32, 32), 1), tmp_path / "face.png")
    one = square(asked(Control(model=plain, kind="reference", image=face)))
    refer = references_of(pipeline())
    for _ in range(3):
        refer([one, one])
    assert len(read) == 1
    saved_picture(picture(Size(32, 32), 2), tmp_path / "face.png")
    later = Path(face).stat().st_mtime_ns + 10**9
    os.utime(face, ns=(later, later))
    refer([one])
    assert len(read) == 2


def test_a_folder_with_one_file_will_do(plain) -> None:
    assert open_ip_adapter(str(Path(plain).parent), CPU, torch.float32).kind == "plain"


def test_the_encoder_of_the_right_width_is_found_where_the_hub_keeps_it(plain, tmp_path) -> None:
    own, shared = tmp_path / "sdxl_models", tmp_path / "models" / "image_encoder"
    own.mkdir()
    source = Path(plain).parent / "image_encoder"
    (own / "image_encoder").mkdir()
    config = json.loads((source / "config.json").read_text())
    wide = json.dumps(config | {"projection_dim": 1280})
    (own / "image_encoder" / "config.json").write_text(wide)
    save_file(load_file(plain), own / "adapter.safetensors")
    with pytest.raises(MissingEngineError, match=r"width 12 \(.* has 1280\); put"):
        open_ip_adapter(str(own / "adapter.safetensors"), CPU, torch.float32)
    shared.mkdir(parents=True)
    for file in source.iterdir():
        (shared / file.name).write_bytes(file.read_bytes())
    assert open_ip_adapter(str(own / "adapter.safetensors"), CPU, torch.float32).kind == "plain"


def test_an_adapter_for_another_model_is_refused_and_both_are_named(plain, tmp_path) -> None:
    file = adapter_file(tmp_path)
    save_file({**load_file(file), **attention_tensors(width=24)}, file)
    with pytest.raises(EngineError, match=r"texts of width 24; the model has 4 of width 16"):
        references_of(pipeline())(regions(file, 1.0))


def test_what_is_no_adapter_is_refused(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("DETAILER_OFFLINE", "1")
    save_file({"weight": torch.zeros(1)}, tmp_path / "some.safetensors")
    with pytest.raises(EngineError, match="no IP-Adapter of a UNet"):
        open_ip_adapter(str(tmp_path / "some.safetensors"), CPU, torch.float32)
    face = {
        "image_proj.norm.weight": torch.ones(4),
        "ip_adapter.1.to_k_ip.weight": torch.ones(4, 4),
    }
    save_file(face, tmp_path / "face.safetensors")
    with pytest.raises(EngineError, match="InsightFace"):
        open_ip_adapter(str(tmp_path / "face.safetensors"), CPU, torch.float32)
    with pytest.raises(InputError, match=r"face\.safetensors, some\.safetensors; give one"):
        open_ip_adapter(str(tmp_path), CPU, torch.float32)
    with pytest.raises(InputError, match=r"give a \.safetensors file"):
        open_ip_adapter("ip-adapter.bin", CPU, torch.float32)
    with pytest.raises(MissingEngineError, match="the network is off"):
        open_ip_adapter("nobody/has/this.safetensors", CPU, torch.float32)
    with pytest.raises(MissingEngineError, match="no such file"):
        open_ip_adapter("none.safetensors", CPU, torch.float32)


def test_a_batch_without_references_asks_for_no_adapter(plain) -> None:
    guiding = Controls(SimpleNamespace(pipe=pipeline(), device=CPU, dtype=torch.float32))
    assert references([square(asked())], guiding) == ()
    assert guiding.references._opened == {}
    (reference,) = references(regions(plain, 0.5), guiding)
    assert reference.strength.tolist() == [0.5]


def test_models_without_a_unet_refuse_references(plain) -> None:
    class FluxPipeline:
        pass

    with pytest.raises(EngineError, match="this model is a FluxPipeline"):
        references_of(FluxPipeline())(regions(plain, 1.0))


def test_a_unet_without_an_adapter_is_told_nothing() -> None:
    assert shown(unet(), Pass(1).forward) == {}
    assert references_of(pipeline())([ToyJob(square(asked()).cutout, square(asked()).fit)]) == ()
