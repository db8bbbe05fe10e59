"""VAE: pixels to latents and back, and what happens where a precision is too narrow."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, ClassVar

import pytest
import torch
from torch import Tensor

from detailer.engines.painters.diffusion.vae import Vae
from tests.engines.painters.diffusion import tiny

CPU = torch.device("cpu")

every_model = pytest.mark.parametrize("name", tiny.MADE)


def pixels(count: int = 2) -> Tensor:
    return torch.rand(count, 3, 96, 64, generator=torch.Generator().manual_seed(5))


@every_model
def test_latents_have_the_shape_that_the_vae_says(name: str) -> None:
    vae = tiny.family(name).vae
    latents = vae.encode(pixels())
    assert latents.shape == (2, vae.channels, 96 // vae.factor, 64 // vae.factor)
    assert latents.dtype == torch.float32
    assert torch.isfinite(latents).all()


@every_model
def test_latents_come_back_as_a_picture_of_the_same_size(name: str) -> None:
    vae = tiny.family(name).vae
    shown = vae.decode(vae.encode(pixels()))
    assert shown.shape == (2, 3, 96, 64)
    assert shown.dtype == torch.float32
    assert 0 <= shown.min() < shown.max() <= 1


@every_model
def test_encoding_draws_no_noise_and_takes_the_mode(name: str) -> None:
    vae = tiny.family(name).vae
    torch.manual_seed(1)
    before = torch.get_rng_state()
    first = vae.encode(pixels())
    assert torch.equal(torch.get_rng_state(), before)
    seen = pixels() * 2 - 1
    posterior = vae.model.encode(seen[:, :, None] if vae.frames else seen).latent_dist
    mode = posterior.mode()[:, :, 0] if vae.frames else posterior.mode()
    config = vae.model.config
    if vae.frames:
        mean, deviation = (
            torch.tensor(each).view(1, -1, 1, 1)
            for each in (config.latents_mean, config.latents_std)
        )
        expected = (mode - mean) / deviation
    else:
        expected = (mode - (config.shift_factor or 0)) * config.scaling_factor
    torch.testing.assert_close(first, expected)


@every_model
def test_decoding_undoes_the_scale_of_encoding(name: str) -> None:
    vae = tiny.family(name).vae
    seen = pixels() * 2 - 1
    mode = vae.model.encode(seen[:, :, None] if vae.frames else seen).latent_dist.mode()
    shown = vae.model.decode(mode).sample
    shown = shown[:, :, 0] if vae.frames else shown
    expected = (shown / 2 + 0.5).clamp(0, 1)
    assert (vae.decode(vae.encode(pixels())) - expected).abs().max() < 1e-4


@pytest.mark.parametrize("name", ["sd15", "qwen_image"])
def test_latents_that_are_not_numbers_give_none_and_touch_no_other_sample(name: str) -> None:
    vae = tiny.family(name).vae
    latents = vae.encode(pixels(3))
    whole = vae.decode_safely(latents)
    latents[1, 0, 0, 0] = torch.nan
    first, broken, last = vae.decode_safely(latents)
    assert broken is None
    assert first is not None
    assert last is not None
    assert whole[0] is not None
    assert whole[2] is not None
    assert torch.equal(first, whole[0])
    assert torch.equal(last, whole[2])


def test_what_overflows_in_fp16_is_decoded_again_and_the_others_are_not() -> None:
    model = tiny.fresh("sd15").pipe.vae.to(torch.float16)
    weights = {name: weight.clone() for name, weight in model.state_dict().items()}
    vae = Vae(model, CPU)
    latents = torch.randn(2, 4, 8, 8, generator=torch.Generator().manual_seed(6))
    narrow = vae.decode(latents)
    latents[1] *= 1e4
    assert not torch.isfinite(vae.decode(latents)[1]).all()
    first, second = vae.decode_safely(latents)
    assert first is not None
    assert torch.equal(first, narrow[0])
    assert second is not None
    assert torch.isfinite(second).all()
    wide = Vae(tiny.fresh("sd15").pipe.vae, CPU).decode(latents)[1]
    assert (second - wide).abs().max() < 0.1
    assert vae.model.dtype == torch.float16
    assert all(torch.equal(model.state_dict()[name], weight) for name, weight in weights.items())


def test_infinity_is_not_shown_as_white() -> None:
    vae = Vae(Fragile({"finite": [], "value": "inf"}), CPU)
    assert torch.isnan(vae.decode(torch.ones(1, 4, 2, 2))).all()


def test_what_does_not_fit_together_is_decoded_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    model = tiny.fresh("sd15").pipe.vae
    vae = Vae(model, CPU)
    latents = torch.randn(3, 4, 8, 8, generator=torch.Generator().manual_seed(6))
    together = vae.decode_safely(latents)
    decode = model.decode

    def hungry(given: Tensor) -> Any:
        if len(given) > 1:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return decode(given)

    monkeypatch.setattr(model, "decode", hungry)
    for one, other in zip(vae.decode_safely(latents), together, strict=True):
        assert one is not None
        assert other is not None
        torch.testing.assert_close(one, other)


class Fragile(torch.nn.Module):
    """A decoder that is finite only in some precisions, and keeps a list of what it was asked."""

    asked: ClassVar[list[str]] = []

    def __init__(self, config: Mapping[str, Any]) -> None:
        super().__init__()
        values = {"scaling_factor": 1.0, "shift_factor": None, **config}
        self.config = Config(values)
        self.weight = torch.nn.Parameter(torch.ones(1), requires_grad=False)
        self.use_tiling = False

    @classmethod
    def from_config(cls, config: Config) -> Fragile:
        return cls(config.values)

    @property
    def dtype(self) -> torch.dtype:
        return self.weight.dtype

    def enable_tiling(self) -> None:
        self.use_tiling = True

    def disable_tiling(self) -> None:
        self.use_tiling = False

    def decode(self, latents: Tensor) -> SimpleNamespace:
        assert latents.dtype == self.dtype
        way = "tiles" if self.use_tiling else str(self.dtype).removeprefix("torch.")
        self.asked.append(f"{way} {len(latents)}")
        value = float(self.config.values.get("value", "nan"))
        bad = torch.full_like(latents[:, :3], value)
        fine = way in self.config.values["finite"]
        broken = (latents[:, :1] > 0.5) & torch.tensor(not fine)
        return SimpleNamespace(sample=torch.where(broken, bad, latents[:, :3]))


@dataclass(frozen=True)
class Config:
    values: Mapping[str, Any]

    def get(self, name: str) -> Any:
        return self.values.get(name)

    def __contains__(self, name: str) -> bool:
        return name in self.values

    @property
    def scaling_factor(self) -> float:
        return float(self.values["scaling_factor"])


LADDER = {
    torch.float16: ["float16 2", "bfloat16 1", "float32 1", "tiles 1"],
    torch.bfloat16: ["bfloat16 2", "float32 1", "tiles 1"],
    torch.float32: ["float32 2", "tiles 1"],
}


@pytest.mark.parametrize("own", LADDER, ids=str)
@pytest.mark.parametrize("rescue", ["bfloat16", "float32", "tiles", "nothing"])
def test_only_what_failed_climbs_from_precision_to_precision(own: torch.dtype, rescue: str) -> None:
    Fragile.asked.clear()
    vae = Vae(Fragile({"finite": [rescue]}).to(own), CPU)
    latents = torch.zeros(2, 4, 2, 2)
    latents[1] = 1
    first, second = vae.decode_safely(latents)
    ladder = LADDER[own]
    reached = [step for step in ladder if step.startswith(rescue)]
    assert first is not None
    assert torch.equal(first, torch.full((3, 2, 2), 0.5))
    if reached:
        assert second is not None
        assert Fragile.asked == ladder[: ladder.index(reached[0]) + 1]
    else:
        assert second is None
        assert Fragile.asked == ladder
    assert vae.model.dtype == own
    assert not vae.model.use_tiling
