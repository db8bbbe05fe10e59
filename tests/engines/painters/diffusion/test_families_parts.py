"""What families share: noise levels from configurations, tokens of latents, texts side by side."""

from __future__ import annotations

import math
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor

from detailer.core.geometry import Size
from detailer.engines.painters.diffusion.condition import Condition
from detailer.engines.painters.diffusion.families.flow import by_length, flow_table, time_of
from detailer.engines.painters.diffusion.families.texts import beside
from detailer.engines.painters.diffusion.families.unet import trained_table
from detailer.engines.painters.diffusion.forward import Forward, Guides, Hint
from detailer.engines.painters.diffusion.packing import packed, places, unpacked
from detailer.engines.painters.diffusion.vae import Vae
from detailer.errors import EngineError
from tests.engines.painters.diffusion import tiny

SIZE = Size(512, 512)


def test_latents_come_back_from_tokens() -> None:
    latents = torch.randn(2, 16, 6, 4)
    tokens = packed(latents)
    assert tokens.shape == (2, 6, 64)
    assert torch.equal(unpacked(tokens, (6, 4)), latents)


def test_a_token_holds_two_by_two_cells_of_each_channel() -> None:
    latents = torch.arange(2 * 4 * 4).view(1, 2, 4, 4).float()
    assert packed(latents)[0, 1].tolist() == [2, 3, 6, 7, 18, 19, 22, 23]


def test_a_tokens_place_is_its_row_and_column() -> None:
    assert places((4, 6)).tolist() == [[0, row, column] for row in (0, 1) for column in (0, 1, 2)]


def test_a_fixed_shift_is_the_configurations() -> None:
    assert flow_table({"shift": 3.0}, SIZE).shift == 3.0
    assert flow_table({}, SIZE).shift == 1.0


# Figures of the reference: mu is 0.63 at 512 by 512 and 1.15 at 1024 by 1024.
@pytest.mark.parametrize(("side", "mu"), [(256, 0.5), (512, 0.63), (1024, 1.15)])
def test_a_shift_by_size_grows_with_the_picture(side: int, mu: float) -> None:
    table = flow_table({"use_dynamic_shifting": True}, Size(side, side))
    assert math.log(table.shift) == pytest.approx(mu, abs=2e-3)


def test_a_linear_shift_is_mu_itself() -> None:
    config = {"use_dynamic_shifting": True, "time_shift_type": "linear"}
    assert flow_table(config, Size(1024, 1024)).shift == pytest.approx(1.15)


def test_a_configuration_says_from_where_to_where_the_shift_grows() -> None:
    config = {
        "use_dynamic_shifting": True, "base_image_seq_len": 256, "max_image_seq_len": 8192,
        "base_shift": 0.5, "max_shift": 0.9,
    }  # fmt: skip
    assert math.log(flow_table(config, Size(1024, 2048)).shift) == pytest.approx(0.9)


@pytest.mark.parametrize("config", [{"shift": 3.0}, {"use_dynamic_shifting": True}])
def test_a_shift_that_is_asked_for_counts(config: dict[str, Any]) -> None:
    assert flow_table(config, SIZE, 2.5).shift == 2.5


@pytest.mark.parametrize("name", ["sd3", "flux", "chroma", "z_image", "qwen_image"])
def test_flow_families_take_the_shift_that_is_asked_for(name: str) -> None:
    assert tiny.family(name).table(SIZE, 5.0).shift == 5.0
    assert tiny.family(name).table(SIZE).space.flow


def test_a_unets_levels_are_those_of_its_scheduler() -> None:
    scheduler = tiny.opened("sd15").pipe.scheduler
    kept = scheduler.alphas_cumprod.double()
    expected = ((1 - kept) / kept).sqrt().float()
    torch.testing.assert_close(trained_table(scheduler.config).sigmas, expected, rtol=5e-5, atol=0)


def test_levels_may_be_given_as_betas() -> None:
    table = trained_table({"trained_betas": [0.1, 0.2], "beta_schedule": "linear"})
    expected = torch.tensor([0.1 / 0.9, (1 - 0.72) / 0.72]).sqrt()
    torch.testing.assert_close(table.sigmas, expected)


def test_levels_may_end_in_pure_noise() -> None:
    config = tiny.opened("sd15_velocity").pipe.scheduler.config
    assert trained_table(config).highest > 1000
    assert tiny.family("sd15_velocity").table(SIZE).highest > 1000
    assert tiny.family("sd15").table(SIZE).highest < 15


@pytest.mark.parametrize("config", [{"_class_name": "EDMEulerScheduler"}, {"shift": 3.0}])
def test_a_unet_that_was_trained_in_another_way_is_refused(config: dict[str, Any]) -> None:
    with pytest.raises(EngineError, match="no table of betas"):
        trained_table(config)


def forward_of(lengths: list[int]) -> Forward:
    count = len(lengths)
    said = [
        Condition({"hidden": torch.full((length, 2), float(row))})
        for row, length in enumerate(lengths)
    ]
    rows = torch.arange(float(count))
    hint = Hint(None, rows.view(-1, 1, 1, 1), rows, rows, rows)
    guides = Guides(SIZE, rows.view(-1, 1, 1, 1), rows, (hint,), negative=rows > 1)
    return Forward(rows.view(-1, 1, 1, 1), rows, said, guides, rows)


def test_texts_of_one_length_share_a_pass_and_come_back_in_order() -> None:
    passes: list[int] = []

    def network(forward: Forward, hidden: Tensor) -> Tensor:
        passes.append(hidden.shape[1])
        guides = forward.guides
        assert guides.inpaint is not None
        assert guides.guidance is not None
        assert guides.negative is not None
        row = forward.sigma
        assert torch.equal(hidden[:, 0, 0], row)
        assert torch.equal(guides.inpaint.flatten(), row)
        assert torch.equal(guides.guidance, row)
        assert torch.equal(guides.hints[0].strength, row)
        assert torch.equal(guides.negative, row > 1)
        assert torch.equal(time_of(forward), row / 1000)
        return forward.x * 10

    output = by_length(forward_of([3, 5, 3, 4, 5]), "hidden", network)
    assert passes == [3, 5, 4]
    assert output.flatten().tolist() == [0, 10, 20, 30, 40]


def test_texts_that_are_all_of_one_length_are_one_pass() -> None:
    forward = forward_of([4, 4])
    seen: list[Forward] = []

    def network(one: Forward, hidden: Tensor) -> Tensor:
        seen.append(one)
        return hidden

    by_length(forward, "hidden", network)
    assert seen == [forward]


def test_two_clips_of_one_text_stand_side_by_side() -> None:
    both = beside(torch.ones(77, 2), torch.zeros(77, 3))
    assert both.shape == (77, 5)


def test_an_embedding_that_is_longer_for_one_clip_makes_both_as_long() -> None:
    short, long = torch.arange(77.0)[:, None], torch.arange(154.0)[:, None]
    both = beside(short, long)
    assert torch.equal(both[:, 0], torch.cat([short[:, 0], short[:, 0]]))
    assert torch.equal(both[:, 1], long[:, 0])


def test_chromas_text_is_what_diffusers_has_without_the_padding() -> None:
    pipe = tiny.opened("chroma").pipe
    theirs, mask = pipe._get_t5_prompt_embeds(["a smiling face"], max_sequence_length=64)
    (ours,) = tiny.family("chroma").encode_text(["a smiling face"])
    count = len(ours["hidden"])
    # They let one token of the padding be seen.
    assert mask.sum() == count + 1
    torch.testing.assert_close(ours["hidden"], theirs[0, :count], rtol=0, atol=1e-5)


def test_sd3_without_t5_is_told_by_its_clips() -> None:
    from detailer.engines.painters.diffusion.families import family_of

    loaded = tiny.fresh("sd3")
    loaded.pipe.text_encoder_3 = None
    (said,) = family_of(loaded).encode_text(["a face"])
    (whole,) = tiny.family("sd3").encode_text(["a face"])
    assert torch.equal(said["hidden"], whole["hidden"][:77])
    assert len(whole["hidden"]) == 2 * 77


def test_latents_with_a_mean_and_a_scale_are_normal_and_scaled() -> None:
    config = {"latents_mean": [1.0, 2.0], "latents_std": [2.0, 4.0], "scaling_factor": 0.5}
    raw = torch.full((1, 2, 1, 1), 3.0)
    model = SimpleNamespace(config=config, dtype=torch.float32)
    posterior = SimpleNamespace(mode=lambda: raw)
    model.encode = lambda _: SimpleNamespace(latent_dist=posterior)
    latents = Vae(model, torch.device("cpu")).encode(torch.zeros(1, 3, 8, 8))
    assert latents.flatten().tolist() == [0.5, 0.125]
