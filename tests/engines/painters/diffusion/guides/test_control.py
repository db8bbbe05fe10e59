"""What ControlNets add to a pass."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import diffusers
import pytest
import torch
from torch import Tensor

from detailer.core.geometry import Size
from detailer.engines.painters.diffusion.forward import Guides, Hint
from detailer.engines.painters.diffusion.guides.control import (
    added_up,
    flux_residuals,
    sd3_residuals,
)
from detailer.errors import EngineError
from tests.engines.painters.diffusion.steered import (
    SIDE,
    TABLE,
    Pass,
    added_to,
    controlnet,
    output,
    unet,
    xl_unet,
)

ALWAYS = 1e9


@pytest.fixture(scope="module", params=["sd15", "sdxl"])
def steered(request: pytest.FixtureRequest) -> Any:
    return unet() if request.param == "sd15" else xl_unet()


@pytest.fixture(scope="module")
def net(steered) -> Any:
    return controlnet(steered)


def images(count: int, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(count, 3, SIDE, SIDE, generator=generator)


def hint(net: Any, image: Tensor, strength: list[float], **window: list[float]) -> Hint:
    count = len(strength)
    first = torch.tensor(window.get("first", [ALWAYS] * count))
    last = torch.tensor(window.get("last", [-1.0] * count))
    return Hint(net, image, torch.tensor(strength), first, last)


def painted(steered: Any, *hints: Hint, count: int, sigma: Any = 2.0) -> Tensor:
    return output(steered, Pass(count, sigma).guided(Guides(Size(SIDE, SIDE), hints=hints)))


def row(tensor: Tensor, index: int) -> Tensor:
    return tensor[index : index + 1]


def test_a_controlnet_changes_what_is_predicted(steered, net) -> None:
    steered_output = painted(steered, hint(net, images(1), [1.0]), count=1)
    assert float((steered_output - painted(steered, count=1)).abs().max()) > 1e-3


def test_it_adds_what_the_pipelines_of_diffusers_add(net, steered) -> None:
    image = images(2)
    ours = painted(steered, hint(net, image, [0.7, 0.7]), count=2)
    forward = Pass(2).forward
    hidden = torch.stack([each["hidden"] for each in forward.conditions])
    added = added_to(steered, forward)
    timestep = TABLE.timestep(forward.sigma)
    with torch.no_grad():
        down, middle = net(
            forward.x, timestep, hidden, image, 0.7, added_cond_kwargs=added, return_dict=False
        )
        theirs = steered(
            forward.x,
            timestep,
            hidden,
            added_cond_kwargs=added,
            down_block_additional_residuals=down,
            mid_block_additional_residual=middle,
        ).sample
    torch.testing.assert_close(ours, theirs, atol=1e-5, rtol=1e-5)


def test_each_sample_has_its_own_image_and_strength(steered, net) -> None:
    strengths = [0.3, 1.0, 1.7]
    image = images(3)
    together = painted(steered, hint(net, image, strengths), count=3)
    for index, strength in enumerate(strengths):
        alone = painted(steered, hint(net, row(image, index), [strength]), count=1)
        torch.testing.assert_close(row(together, index), alone, atol=1e-5, rtol=1e-5)


def test_strength_0_is_as_no_control_bit_for_bit(steered, net) -> None:
    without = painted(steered, count=2)
    assert torch.equal(painted(steered, hint(net, images(2), [0.0, 0.0]), count=2), without)
    mixed = painted(steered, hint(net, images(2), [0.0, 1.0]), count=2)
    assert torch.equal(mixed[0], without[0])
    assert not torch.equal(mixed[1], without[1])


def test_a_control_acts_in_its_window_and_nowhere_else(steered, net) -> None:
    sigmas = (0.99, 1.0, 1.5, 2.0, 2.01)
    window = {"first": [2.0] * 5, "last": [1.0] * 5}
    with_hint = painted(
        steered, hint(net, images(1).repeat(5, 1, 1, 1), [1.0] * 5, **window), count=5, sigma=sigmas
    )
    without = painted(steered, count=5, sigma=sigmas)
    same = [torch.equal(one, other) for one, other in zip(with_hint, without, strict=True)]
    assert same == [True, True, False, False, True]


def test_several_controls_of_one_region_add_up(steered, net) -> None:
    other = controlnet(steered, seed=2)
    one, two = hint(net, images(1), [0.8]), hint(other, images(1, 1), [0.4])
    forward = Pass(1).guided(Guides(Size(SIDE, SIDE), hints=(one, two)))

    def flat(block: Tensor) -> Tensor:
        return torch.full((len(block), 2), float(block.mean()))

    added = added_up(forward, lambda hint, rows: [[flat(hint.image[rows])]])
    expected = 0.8 * float(one.image.mean()) + 0.4 * float(two.image.mean())
    torch.testing.assert_close(added[0][0], torch.full((1, 2), expected))
    both = painted(steered, one, two, count=1)
    assert not torch.allclose(both, painted(steered, one, count=1), atol=1e-4)
    torch.testing.assert_close(both, painted(steered, two, one, count=1), atol=1e-5, rtol=1e-5)


def test_a_control_image_that_is_not_finite_spoils_its_own_sample_only(steered, net) -> None:
    image = images(3)
    clean = painted(steered, hint(net, image, [1.0, 1.0, 0.0]), count=3)
    image[0] = float("nan")
    image[2] = float("inf")
    spoilt = painted(steered, hint(net, image, [1.0, 1.0, 0.0]), count=3)
    assert not torch.isfinite(spoilt[0]).all()
    assert torch.equal(spoilt[1], clean[1])
    assert torch.equal(spoilt[2], clean[2])


def test_a_controlnet_is_run_on_those_samples_only_that_it_acts_on() -> None:
    ran: list[int] = []

    def steer(hint: Hint, rows: Tensor) -> list[list[Tensor]]:
        ran.append(len(rows))
        return [[torch.ones(len(rows), 2)]]

    guides = Guides(Size(SIDE, SIDE), hints=(hint(None, images(4), [0.0, 1.0, 2.0, 0.0]),))
    added = added_up(Pass(4).guided(guides), steer)
    assert ran == [2]
    assert added[0][0][:, 0].tolist() == [0.0, 1.0, 2.0, 0.0]


def test_a_hint_acts_on_the_negatives_as_on_the_samples(steered, net) -> None:
    forward = Pass(1).guided(Guides(Size(SIDE, SIDE), hints=(hint(net, images(1), [0.6]),)))
    both = forward.doubled(forward.conditions)
    rows = output(steered, both)
    torch.testing.assert_close(rows[0], rows[1], atol=1e-5, rtol=1e-5)
    assert both.guides.hints[0].strength.tolist() == pytest.approx([0.6, 0.6])


def test_controlnets_that_do_not_go_together_are_refused() -> None:
    blocks = {"one": 2, "other": 3}

    def steer(hint: Hint, rows: Tensor) -> list[list[Tensor]]:
        return [[torch.ones(len(rows), 2)] * blocks[hint.model]]

    two = (hint("one", images(1), [1.0]), hint("other", images(1), [1.0]))
    with pytest.raises(EngineError, match=r"of \[2\] and of \[3\] blocks"):
        added_up(Pass(1).guided(Guides(Size(SIDE, SIDE), hints=two)), steer)


def flux_parts() -> tuple[Any, Any]:
    shared: dict[str, Any] = {
        "patch_size": 1, "in_channels": 64, "num_layers": 2, "num_single_layers": 2,
        "attention_head_dim": 16, "num_attention_heads": 2, "joint_attention_dim": 32,
        "pooled_projection_dim": 32, "axes_dims_rope": (4, 4, 8),
    }  # fmt: skip
    torch.manual_seed(0)
    transformer = diffusers.FluxTransformer2DModel(guidance_embeds=True, **shared).eval()
    net = diffusers.FluxControlNetModel(guidance_embeds=False, **shared).eval()
    return transformer, _shaken(net)


def _shaken(net: Any) -> Any:
    for name, layer in net.named_parameters():
        if "controlnet_" in name or "pos_embed_input" in name:
            torch.nn.init.normal_(layer, std=0.2)
    return net


def flux_arguments(count: int) -> dict[str, Any]:
    generator = torch.Generator().manual_seed(1)
    cells = torch.zeros(2, 3, 3)
    return {
        "hidden_states": torch.randn(1, 6, 64, generator=generator).repeat(count, 1, 1),
        "timestep": torch.full((count,), 0.5),
        "guidance": torch.full((count,), 3.5),
        "pooled_projections": torch.randn(1, 32, generator=generator).repeat(count, 1),
        "encoder_hidden_states": torch.randn(1, 5, 32, generator=generator).repeat(count, 1, 1),
        "txt_ids": torch.zeros(5, 3),
        "img_ids": cells.view(6, 3),
    }


# Diffusers imports a class of its own from where it says that it should not be.
@pytest.mark.filterwarnings("ignore:`FluxPosEmbed`:FutureWarning")
@torch.no_grad()
def test_flux_is_steered_sample_by_sample_as_its_pipeline_steers_it() -> None:
    transformer, net = flux_parts()
    latents = torch.randn(2, 16, 4, 6, generator=torch.Generator().manual_seed(2))
    arguments = flux_arguments(2)
    hints = (hint(net, latents, [0.5, 1.5]),)
    added = flux_residuals(Pass(2, 0.5).guided(Guides(Size(48, 32), hints=hints)), arguments)
    together = transformer(**arguments, **added, return_dict=False)[0]
    for index, strength in enumerate([0.5, 1.5]):
        alone = flux_arguments(1)
        packed = diffusers.FluxPipeline._pack_latents(row(latents, index), 1, 16, 4, 6)
        seen = alone | {"guidance": None}
        blocks, singles = net(
            **seen, controlnet_cond=packed, conditioning_scale=strength, return_dict=False
        )
        theirs = transformer(
            **alone,
            controlnet_block_samples=blocks,
            controlnet_single_block_samples=singles,
            return_dict=False,
        )[0]
        torch.testing.assert_close(row(together, index), theirs, atol=1e-5, rtol=1e-4)
    assert not torch.allclose(together, transformer(**arguments, return_dict=False)[0], atol=1e-3)


@torch.no_grad()
@pytest.mark.parametrize("zeros", [True, False])
def test_sd3_is_steered_sample_by_sample_as_its_pipeline_steers_it(zeros: bool) -> None:
    shared: dict[str, Any] = {
        "sample_size": 8, "patch_size": 2, "in_channels": 16, "num_layers": 2,
        "attention_head_dim": 8, "num_attention_heads": 4, "caption_projection_dim": 32,
        "joint_attention_dim": 64, "pooled_projection_dim": 32, "out_channels": 16,
        "pos_embed_max_size": 12,
    }  # fmt: skip
    torch.manual_seed(0)
    transformer = diffusers.SD3Transformer2DModel(**shared).eval()
    net = diffusers.SD3ControlNetModel(force_zeros_for_pooled_projection=zeros, **shared).eval()
    _shaken(net)
    generator = torch.Generator().manual_seed(1)
    latents = torch.randn(2, 16, 4, 6, generator=generator)

    def arguments(count: int) -> dict[str, Any]:
        same = torch.Generator().manual_seed(3)
        return {
            "hidden_states": torch.randn(1, 16, 4, 6, generator=same).repeat(count, 1, 1, 1),
            "timestep": torch.full((count,), 500.0),
            "encoder_hidden_states": torch.randn(1, 5, 64, generator=same).repeat(count, 1, 1),
            "pooled_projections": torch.randn(1, 32, generator=same).repeat(count, 1),
        }

    hints = (hint(net, latents, [0.5, 1.5]),)
    added = sd3_residuals(Pass(2, 0.5).guided(Guides(Size(48, 32), hints=hints)), arguments(2))
    together = transformer(**arguments(2), **added, return_dict=False)[0]
    for index, strength in enumerate([0.5, 1.5]):
        seen = arguments(1)
        if zeros:
            seen["pooled_projections"] = torch.zeros(1, 32)
        blocks = net(
            **seen,
            controlnet_cond=row(latents, index),
            conditioning_scale=strength,
            return_dict=False,
        )[0]
        theirs = transformer(
            **arguments(1), block_controlnet_hidden_states=blocks, return_dict=False
        )[0]
        torch.testing.assert_close(row(together, index), theirs, atol=1e-5, rtol=1e-4)
    assert not torch.allclose(together, transformer(**arguments(2), return_dict=False)[0])


def test_where_no_hint_acts_transformers_get_no_arguments() -> None:
    none = Pass(1).forward
    net = SimpleNamespace()
    off = Pass(1).guided(Guides(Size(48, 32), hints=(hint(net, images(1), [0.0]),)))
    for forward in (none, off):
        assert flux_residuals(forward, {}) == {}
        assert sd3_residuals(forward, {}) == {}
