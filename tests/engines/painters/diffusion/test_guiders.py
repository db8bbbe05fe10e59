"""How prompt and negative become one picture."""

from __future__ import annotations

import pytest
import torch
from diffusers.guiders.adaptive_projected_guidance import normalized_guidance as apg
from diffusers.guiders.classifier_free_zero_star_guidance import cfg_zero_star_scale
from diffusers.guiders.guider_utils import rescale_noise_cfg
from diffusers.guiders.tangential_classifier_free_guidance import normalized_guidance as tcfg
from torch import Tensor

from detailer.engines.painters.diffusion.guiders import GUIDERS, blank, guider
from detailer.engines.painters.diffusion.space import EXPLODING, FLOW
from detailer.errors import InputError

SCALES = torch.tensor([0.0, 1.0, 4.5, 12.0])
every = pytest.mark.parametrize("name", GUIDERS)


def predictions(seed: int = 0) -> tuple[Tensor, Tensor, Tensor]:
    """A positive, a negative near it, and what the network saw."""
    generator = torch.Generator().manual_seed(seed)
    one, other, x = torch.randn(3, 4, 4, 8, 6, generator=generator)
    return one, one + 0.3 * other, x


def test_cfg_goes_from_the_negative_through_the_positive_as_far_as_the_scale_says() -> None:
    one, other, x = predictions()
    guided = guider("cfg")(one, other, SCALES, x)
    for row, scale in enumerate(SCALES.tolist()):
        torch.testing.assert_close(guided[row], other[row] + scale * (one[row] - other[row]))
    assert torch.equal(guided[0], other[0])


@every
def test_a_scale_of_1_gives_the_positive_bit_for_bit(name: str) -> None:
    one, other, x = predictions()
    guided = guider(name)(one, other, SCALES, x)
    assert torch.equal(guided[1], one[1])
    assert not torch.equal(guided[2], one[2])


@every
def test_near_1_nothing_jumps(name: str) -> None:
    one, other, x = predictions()
    guided = GUIDERS[name](one, other, torch.ones(4), x)
    torch.testing.assert_close(guided, one, atol=2e-5, rtol=0)


@every
def test_a_sample_comes_out_the_same_in_any_company(name: str) -> None:
    one, other, x = predictions()
    together = guider(name)(one, other, SCALES, x)
    for row in range(4):
        own = slice(row, row + 1)
        alone = guider(name)(one[own], other[own], SCALES[own], x[own])
        torch.testing.assert_close(together[own], alone, atol=1e-6, rtol=1e-6)


@every
@pytest.mark.parametrize("wrong", [float("nan"), float("inf")])
def test_a_sample_that_is_not_finite_touches_no_other(name: str, wrong: float) -> None:
    one, other, x = predictions()
    clean = guider(name)(one, other, SCALES, x)
    one[2], other[2] = wrong, wrong
    spoilt = guider(name)(one, other, SCALES, x)
    for row in (0, 1, 3):
        assert torch.equal(spoilt[row], clean[row])


@every
def test_where_prompt_and_negative_agree_their_guess_is_kept(name: str) -> None:
    one, _, x = predictions()
    torch.testing.assert_close(guider(name)(one, one, SCALES, x), one, atol=2e-5, rtol=0)


def test_apg_is_that_of_diffusers_in_the_papers_form() -> None:
    one, other, x = predictions()
    other = one + 5 * (other - one)  # so far that its length is limited
    ours = guider("apg")(one, other, torch.full((4,), 4.5), x)
    theirs = apg(one, other, 3.5, eta=0.0, norm_threshold=15.0, use_original_formulation=True)
    torch.testing.assert_close(ours, theirs, atol=1e-4, rtol=1e-4)


def test_apg_adds_nothing_along_the_positive() -> None:
    one, other, x = predictions()
    added = guider("apg")(one, other, torch.full((4,), 9.0), x) - one
    assert float((added * one).sum(dim=(1, 2, 3)).abs().max()) < 1e-3


def test_tcfg_is_that_of_diffusers_on_velocities() -> None:
    one, other, x = predictions()
    ours = x - guider("tcfg")(one, other, torch.full((4,), 4.5), x)
    torch.testing.assert_close(ours, tcfg(x - one, x - other, 4.5), atol=1e-4, rtol=1e-4)


def test_cfg_zero_is_that_of_diffusers_on_velocities() -> None:
    one, other, x = predictions()
    positive, negative = x - one, x - other
    alpha = cfg_zero_star_scale(positive.flatten(1), negative.flatten(1)).view(-1, 1, 1, 1)
    theirs = negative * alpha + 4.5 * (positive - negative * alpha)
    ours = x - guider("cfg_zero")(one, other, torch.full((4,), 4.5), x)
    torch.testing.assert_close(ours, theirs, atol=1e-4, rtol=1e-4)


def test_cfg_rescale_is_that_of_diffusers_on_what_the_network_puts_out() -> None:
    one, other, x = predictions()
    positive, negative = x - one, x - other
    theirs = rescale_noise_cfg(negative + 9.0 * (positive - negative), positive, 0.7)
    ours = x - guider("cfg_rescale")(one, other, torch.full((4,), 9.0), x)
    torch.testing.assert_close(ours, theirs, atol=1e-4, rtol=1e-4)


def test_cfg_norm_is_that_of_qwen_images_pipeline_on_its_tokens() -> None:
    one, other, x = predictions()

    def tokens(latents: Tensor) -> Tensor:
        cells = latents.view(4, 4, 4, 2, 3, 2)
        return cells.permute(0, 2, 4, 1, 3, 5).reshape(4, 12, 16)

    positive, negative = tokens(x - one), tokens(x - other)
    both = negative + 4.0 * (positive - negative)
    theirs = both * (positive.norm(dim=-1, keepdim=True) / both.norm(dim=-1, keepdim=True))
    ours = x - guider("cfg_norm")(one, other, torch.full((4,), 4.0), x)
    torch.testing.assert_close(tokens(ours), theirs, atol=1e-4, rtol=1e-4)


def test_cfg_norm_takes_latents_of_odd_sides() -> None:
    one, other, x = (each[..., :7, :5] for each in predictions())
    assert guider("cfg_norm")(one, other, SCALES, x).shape == (4, 4, 7, 5)


@pytest.mark.parametrize("space", [FLOW, EXPLODING])
def test_blank_is_the_guess_whose_velocity_is_zero(space) -> None:
    clean, noise = torch.randn(2, 3, 4, 4, 4, generator=torch.Generator().manual_seed(0))
    sigma = torch.tensor([0.1, 0.5, 0.9])
    x = space.noised(clean, noise, sigma)
    level = sigma.view(-1, 1, 1, 1)
    towards = blank(x, sigma, space) - clean
    if space.flow:
        torch.testing.assert_close(towards, level * (noise - clean))
    else:
        root = (level**2 + 1).sqrt()
        velocity = (noise - level * clean) / root
        torch.testing.assert_close(towards, velocity * level / root)


def test_a_name_that_is_not_known_lists_those_that_are() -> None:
    with pytest.raises(InputError, match="'zzzz' is not known; known: cfg, cfg_rescale, cfg_norm"):
        guider("zzzz")
    with pytest.raises(InputError, match="did you mean apg"):
        guider("abg")


@pytest.mark.parametrize("name", ["pag", "slg", "seg"])
def test_a_method_that_needs_a_third_pass_is_refused_and_says_so(name: str) -> None:
    with pytest.raises(InputError, match="third pass"):
        guider(name)
