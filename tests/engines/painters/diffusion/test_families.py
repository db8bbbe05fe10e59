"""Families: every adapter on a tiny model that was saved and loaded as the real ones are."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from detailer.core.geometry import Size
from detailer.engines.painters.diffusion.condition import Condition
from detailer.engines.painters.diffusion.families import FAMILIES, family_of
from detailer.engines.painters.diffusion.families.family import Family
from detailer.engines.painters.diffusion.forward import Forward, Guides
from detailer.errors import EngineError, InputError
from tests.engines.painters.diffusion import tiny

SIZE = Size(64, 96)
TEXTS = ("a face", "", "an old (smiling:1.3) man, " * 5)

every_model = pytest.mark.parametrize("name", tiny.MADE)


def forward_of(family: Family, texts: tuple[str, ...] = TEXTS) -> Forward:
    """Samples at different noise levels, with different texts and everything else they need."""
    vae, count = family.vae, len(texts)
    shape = SIZE.height // vae.factor, SIZE.width // vae.factor
    draw = torch.Generator().manual_seed(7)
    x = torch.randn(count, vae.channels, *shape, generator=draw)
    flow = family.table(SIZE).space.flow
    sigma = torch.linspace(0.9, 0.1, count) if flow else torch.linspace(9.0, 0.3, count)
    hole = None
    if family.takes_hole:
        channels = vae.channels + (vae.factor**2 if family.name == "flux" else 1)
        hole = torch.rand(count, channels, *shape, generator=draw)
    guidance = torch.linspace(1.0, 5.0, count)
    return Forward(x, sigma, family.encode_text(texts), Guides(SIZE, hole, guidance))


@every_model
def test_a_prediction_is_finite_and_has_the_shape_of_the_latents(name: str) -> None:
    forward = forward_of(tiny.family(name))
    clean = tiny.family(name).predict(forward)
    assert clean.shape == forward.x.shape
    assert clean.dtype == torch.float32
    assert torch.isfinite(clean).all()
    assert (clean - forward.x).abs().mean() > 1e-3


@every_model
def test_samples_of_other_noise_levels_and_texts_change_nothing(name: str) -> None:
    family = tiny.family(name)
    forward = forward_of(family)
    together = family.predict(forward)
    alone = [family.predict(forward.of(torch.tensor([row]))) for row in range(len(TEXTS))]
    assert (together - torch.cat(alone)).abs().max() < 1e-4


@every_model
def test_a_noise_level_and_a_text_make_a_difference(name: str) -> None:
    family = tiny.family(name)
    forward = forward_of(family)
    same = replace(forward, x=forward.x[:1].expand_as(forward.x))
    assert not torch.allclose(*family.predict(replace(same, sigma=same.sigma[:1].repeat(3)))[:2])
    other = replace(same, conditions=[same.conditions[0]] * 3)
    assert not torch.allclose(*family.predict(other)[:2])


@every_model
def test_what_is_not_a_number_in_one_text_leaves_the_others_bit_for_bit(name: str) -> None:
    family = tiny.family(name)
    forward = forward_of(family)
    first, *rest = forward.conditions
    broken = Condition({key: part * torch.nan for key, part in first.tensors.items()})
    before = family.predict(forward)
    after = family.predict(replace(forward, conditions=[broken, *rest]))
    assert not torch.isfinite(after[0]).all()
    assert torch.equal(before[1:], after[1:])


@every_model
def test_a_text_says_the_same_in_any_company(name: str) -> None:
    family = tiny.family(name)
    together = family.encode_text(TEXTS)
    for text, said in zip(TEXTS, together, strict=True):
        (alone,) = family.encode_text([text])
        for key, part in said.tensors.items():
            assert part.dtype == torch.float32
            torch.testing.assert_close(part, alone[key], rtol=0, atol=1e-5)


@every_model
def test_asking_for_a_text_twice_gives_the_same_and_leaves_the_list_alone(name: str) -> None:
    texts = list(TEXTS)
    first, second = (tiny.family(name).encode_text(texts) for _ in range(2))
    assert texts == list(TEXTS)
    assert all(torch.equal(a["hidden"], b["hidden"]) for a, b in zip(first, second, strict=True))


@every_model
def test_a_batch_and_its_negatives_are_two_batches_in_one(name: str) -> None:
    family = tiny.family(name)
    forward = forward_of(family, TEXTS[:2])
    negatives = family.encode_text(["blurry", "ugly"])
    positive, negative = family.predict(forward.doubled(negatives)).chunk(2)
    assert (positive - family.predict(forward)).abs().max() < 1e-4
    if name != "sdxl_refiner":
        alone = family.predict(replace(forward, conditions=negatives))
        assert (negative - alone).abs().max() < 1e-4


def test_the_refiner_is_told_that_negatives_look_bad() -> None:
    family = tiny.family("sdxl_refiner")
    forward = forward_of(family, TEXTS[:1])
    good, bad = family.predict(forward.doubled(forward.conditions))
    assert not torch.allclose(good, bad, atol=1e-4)


@pytest.mark.parametrize("name", ["sdxl", "sdxl_inpaint", "sdxl_refiner"])
def test_networks_that_are_told_the_size_mind_it(name: str) -> None:
    family = tiny.family(name)
    forward = forward_of(family)
    large = replace(forward, guides=replace(forward.guides, size=Size(640, 960)))
    assert not torch.allclose(family.predict(forward), family.predict(large), atol=1e-4)


def test_guidance_is_each_samples_own() -> None:
    family = tiny.family("flux")
    forward = forward_of(family, ("a face", "a face"))
    same = replace(forward, x=forward.x[:1].repeat(2, 1, 1, 1), sigma=forward.sigma[:1].repeat(2))
    weak, strong = family.predict(same)
    assert not torch.allclose(weak, strong)


def test_guidance_changes_nothing_where_it_is_not_built_in() -> None:
    family = family_of(tiny.opened("flux_without_guidance"))
    forward = forward_of(family)
    without = replace(forward, guides=replace(forward.guides, guidance=None))
    assert torch.equal(family.predict(forward), family.predict(without))


@pytest.mark.parametrize("name", ["sd15_inpaint", "sdxl_inpaint", "flux_fill"])
def test_inpaint_models_take_the_hole_and_miss_it(name: str) -> None:
    family = tiny.family(name)
    assert family.takes_hole
    forward = forward_of(family)
    guides = forward.guides
    assert guides.inpaint is not None
    other = replace(forward, guides=replace(guides, inpaint=1 - guides.inpaint))
    assert not torch.allclose(family.predict(forward), family.predict(other))
    with pytest.raises(EngineError, match="needs the mask"):
        family.predict(replace(forward, guides=replace(guides, inpaint=None)))


@pytest.mark.parametrize("name", [name for name in tiny.MADE if "inpaint" not in name])
def test_other_models_take_no_hole(name: str) -> None:
    assert tiny.family(name).takes_hole == (name == "flux_fill")


@every_model
def test_a_given_timestep_is_used(name: str) -> None:
    family = tiny.family(name)
    forward = forward_of(family)
    own = family.table(SIZE).timestep(forward.sigma)
    given = family.predict(replace(forward, timestep=own))
    assert (given - family.predict(forward)).abs().max() < 1e-4
    assert not torch.allclose(family.predict(replace(forward, timestep=own + 90)), given)


@every_model
def test_clip_skip_changes_the_text_where_there_is_a_clip_that_says_it(name: str) -> None:
    family = tiny.family(name)
    (own,) = family.encode_text(["a face"])
    (skipped,) = family.encode_text(["a face"], clip_skip=3)
    reads_clip = name.startswith("sd")
    assert torch.equal(own["hidden"], skipped["hidden"]) != reads_clip


@pytest.mark.parametrize("name", ["sd15", "sdxl", "sdxl_refiner", "sd3", "flux"])
def test_an_embedding_stands_where_its_name_does(name: str) -> None:
    asked: list[tuple[str, int, str]] = []

    def vectors(name: str, width: int, key: str) -> Tensor:
        asked.append((name, width, key))
        return torch.ones(2, width)

    family = family_of(tiny.opened(name), vectors)
    if name in ("sd3", "flux"):
        with pytest.raises(InputError, match="T5"):
            family.encode_text(["embedding:mine"])
    else:
        said = family.encode_text(["embedding:mine face", "face"])
        assert not torch.allclose(said[0]["hidden"], said[1]["hidden"])
    keys = {"sd15": ["clip_l"], "sdxl_refiner": ["clip_g"], "flux": ["clip_l"]}
    assert asked == [("mine", 32, key) for key in keys.get(name, ["clip_l", "clip_g"])]


def test_every_family_that_loading_knows_has_an_adapter() -> None:
    from detailer.engines.painters.diffusion.loading.card import FAMILIES as KNOWN

    assert set(FAMILIES) == set(KNOWN)


def test_a_model_without_an_adapter_is_refused_by_name() -> None:
    loaded = tiny.opened("sd15")
    other = replace(loaded, card=replace(loaded.card, family="other"))
    with pytest.raises(EngineError, match=r"StableDiffusionPipeline has no adapter; .*sd15, sd2"):
        family_of(other)


@pytest.mark.parametrize("name", ["sd15", "sdxl", "sd3", "flux", "chroma", "z_image"])
def test_a_network_in_bf16_takes_and_gives_float32(name: str) -> None:
    family = family_of(tiny.fresh(name, dtype="bf16"))
    forward = forward_of(family)
    clean = family.predict(forward)
    assert clean.dtype == torch.float32
    wide = tiny.family(name).predict(forward)
    assert 0 < (clean - wide).abs().mean() < 0.1
